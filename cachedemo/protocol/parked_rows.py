"""Rows that a flush has claimed and leaves to a later one: it holds on to them for a short while, and writes nothing.

Somebody else has locked the row (`flush_batch.py`), or only a newer release knows one of its fields (`flush.py`). The
row keeps its claim, with an early deadline, so that it comes back at the end of the list (`lua/park.lua`).
"""

PARKED_FOR = 2  # seconds until a parked row may be claimed again
