"""The assertions, the same for both sides."""

from cachedemo.servers.roles import CACHE
from playground.lab.sides import Side, stored_name
from playground.lab.stage import READS, Finding


def stale_reads(side: Side, pk: int, acknowledged: str) -> Finding:
    """No read after an acknowledged write may return anything older."""
    names = [side.read(pk)["name"] for _ in range(READS)]
    stale = sum(name != acknowledged for name in names)
    left = CACHE.command("PTTL", side.key(pk))
    numbers = [
        ("acknowledged", acknowledged),
        ("in the database", stored_name(pk)),
        ("returned by the last read", names[-1]),
        (f"stale reads of {READS}", str(stale)),
        ("stale for another", f"{max(0, left) / 1000:.0f} s" if stale else "0 s"),
    ]
    return Finding(stale > 0, numbers)


def lost_writes(side: Side, pks: range, acknowledged: str, flushes: int = 5) -> Finding:
    """Every acknowledged write must be read back, and must reach the database."""
    read_back = sum(side.read(pk)["name"] == acknowledged for pk in pks)
    for _ in range(flushes):
        side.flush()
    arrived = sum(stored_name(pk) == acknowledged for pk in pks)
    numbers = [
        ("acknowledged writes", str(len(pks))),
        ("read back", str(read_back)),
        ("in the database after the flush", str(arrived)),
        ("lost", str(len(pks) - arrived)),
    ]
    return Finding(arrived < len(pks) or read_back < len(pks), numbers)
