"""How `User` is cached. Found by autodiscovery, like admin.py."""

import cachedemo
from users.models import User


@cachedemo.register(User)
class UserCache(cachedemo.ModelCache):
    name = "user"  # v2:user:1
    queue = "flush:users"
    fields = ["name", "email", "visits"]
    lookups = ["email"]
    version = 2
    timeout = 60  # seconds
