"""The HTTP API of the users."""
