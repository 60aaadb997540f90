"""How cachedemo caches them: docs/installing.md, step 3. It looks for this file by itself."""

import os

import cachedemo
from benchmarks.peers.people.models import Person


@cachedemo.register(Person)
class PersonCache(cachedemo.ModelCache):
    fields = ["name", "email", "visits"]
    timeout = 600  # seconds, as for all peers
    near = float(os.environ["PEERS_NEAR"]) if "PEERS_NEAR" in os.environ else None
