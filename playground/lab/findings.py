"""The assertions, the same for both sides."""

from cachedemo.servers.roles import CACHE
from playground.lab.sides import Side, stored_name
from playground.lab.stage import READS, Finding, Stage


def stale_reads(side: Side, pk: int, acknowledged: str, stage: Stage) -> Finding:
    """No read after an acknowledged write may return anything older."""
    _show_a_read(side, pk, acknowledged, stage)
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


def lost_writes(side: Side, pks: range, acknowledged: str, stage: Stage, flushes: int = 5) -> Finding:
    """Every acknowledged write must be read back, and must reach the database."""
    _show_a_read(side, pks[0], acknowledged, stage)
    read_back = sum(side.read(pk)["name"] == acknowledged for pk in pks)
    stage.shows("next flush", side.flush)
    for _ in range(flushes):
        side.flush()
    _show_the_row(pks[0], acknowledged, stage)
    arrived = sum(stored_name(pk) == acknowledged for pk in pks)
    numbers = [
        ("acknowledged writes", str(len(pks))),
        ("read back", str(read_back)),
        ("in the database after the flush", str(arrived)),
        ("lost", str(len(pks) - arrived)),
    ]
    return Finding(arrived < len(pks) or read_back < len(pks), numbers)


def _show_a_read(side: Side, pk: int, acknowledged: str, stage: Stage) -> None:
    """Show one read of the row after all of it, and what that returns."""
    row = stage.shows("later reader", lambda: side.read(pk))
    if row is not None:
        wrong = row["name"] != acknowledged
        stage.note(f"The read returns “{row['name']}”{': stale' if wrong else ''}.", is_wrong=wrong)


def _show_the_row(pk: int, acknowledged: str, stage: Stage) -> None:
    name = stored_name(pk)
    wrong = name != acknowledged
    stage.note(f"The database has “{name}”{': the write is lost' if wrong else ''}.", is_wrong=wrong)
