"""The pages of the users."""
