"""A user found by email: a lookup, which asks the cache for the hint and then for the row, and no database on a hit."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect

from cachedemo import cache_for
from users.models import User

PARAMETER = "find"
SHOWN = 100  # characters of what was asked for


def found(request: HttpRequest) -> HttpResponse | None:
    """Lead to the user whose email was asked for; None if none was, or nobody has it, which is said then."""
    email = request.GET.get(PARAMETER, "").strip()
    if not email:
        return None
    users = cache_for(User)
    try:
        pk = users.get_by(email=email).pk
    except User.DoesNotExist:
        pk = -1
    if pk < 0:  # below zero: somebody's throwaway rows
        messages.info(request, f"Nobody has the email {email[:SHOWN]}.")
        return None
    return redirect("user", pattern=users.pattern, pk=pk)
