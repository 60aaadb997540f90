"""The users in the Django admin, which imports this module by itself."""

from users.admin.user_admin import UserAdmin

__all__ = ["UserAdmin"]
