"""What each class of a registered model gets: managers, deletions that are listened to, steps for migrations."""
