"""Models that only the tests need: what `users.User` is too simple to show."""
