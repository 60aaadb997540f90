"""What last week's deploy would have left in the cache, for operators to find and delete."""

import json
import time

from cachedemo.servers import roles

COUNT = 200
LIFETIME = 24 * 60 * 60  # seconds
WEEK = 7 * 24 * 60 * 60


def leave_old_entries() -> None:
    """Put 200 entries of version 1 into the cache, as its code wrote them; each has a TTL."""
    pipe = roles.cache().pipeline(transaction=False)
    written = int((time.time() - WEEK) * 1_000_000)
    for pk in range(1, COUNT + 1):
        body = json.dumps({"id": pk, "name": f"Person {pk}"})
        pipe.set(f"v1:user:{pk}", f"V{written + pk:016d}{body}", ex=LIFETIME)
    pipe.execute()
