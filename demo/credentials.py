"""The secrets of the demo, kept in its folder so that they survive a restart."""

import os
import secrets
from pathlib import Path

ADMIN = "admin"


def kept(path: Path) -> str:
    """Return the secret in `path`, made on first use, that only its owner may read."""
    if not path.exists() or not path.read_text().strip():
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(secrets.token_urlsafe(32) + "\n")
    path.chmod(0o600)
    return path.read_text().strip()


def admin_password(path: Path) -> str | None:
    """Return the password of the admin account, made if there is none; None where another one is set."""
    from django.contrib.auth import get_user_model

    accounts = get_user_model()
    password = kept(path)
    account = accounts.objects.filter(**{accounts.USERNAME_FIELD: ADMIN}).first()
    if account is None:
        account = accounts.objects.create_superuser(ADMIN, "admin@example.com", password)
    return password if account.check_password(password) else None
