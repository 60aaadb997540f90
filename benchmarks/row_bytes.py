"""`python -m benchmarks bytes`: where each byte of a cached row goes.

The same rows are put into an empty cache again and again, each time with one more of the things that a slot has; what
that adds is the difference to the line above. Measured by what the server's memory grows: so the tables of keys and of
expiries count, and so does what the allocator rounds up.
"""

import sys
from collections.abc import Iterator, Mapping, Sequence

from rich.console import Console

from benchmarks.about import about, in_words
from benchmarks.bench import Bench
from benchmarks.markdown import markdown
from benchmarks.reports import parsed, parser, publish
from benchmarks.rows import ROWS

HEADER, SERVER = 17, 4  # bytes in front of a slot's JSON: kind and stamp, and which server it was
SECONDS = 3600  # as the example's registration has it


def main(arguments: Sequence[str] = ()) -> int:
    options = parsed(parser("bytes", __doc__, ()), (), arguments)
    with Bench(Console(stderr=True, highlight=False), options.quick) as bench:
        sizes = {what: _bytes_a_row(bench, values, seconds) for what, values, seconds in _fillings(bench)}
        machine = in_words(about(bench))
    below, rows = 0.0, []
    for what, size in sizes.items():
        rows.append([what, f"{size:.1f}", f"{size - below:+.1f}"])
        below = size
    table = markdown(["up to and with", "bytes a row", "adds"], rows)
    publish(options.document, "bytes", "\n".join([*table, "", f"{machine}."]))
    return 0


def _fillings(bench: Bench) -> Iterator[tuple[str, Mapping[str, bytes], int | None]]:
    """Yield what a filling has more than the one before, its keys and values, and the seconds that they live."""
    pks = range(1, bench.times(ROWS, 2_000) + 1)
    bench.start_empty()
    bench.users.warm(pks)
    key = bench.users.table.slots.key
    slots = dict(zip(pks, bench.bare_cache().mget([key(pk) for pk in pks]), strict=True))
    bodies = {pk: slot[HEADER + SERVER :] for pk, slot in slots.items()}
    mean = sum(map(len, bodies.values())) / len(pks)
    yield f"the JSON, {mean:.0f} bytes, under `user:1`", {f"user:{pk}": body for pk, body in bodies.items()}, None
    yield f"the version in the key, `{key(1)}`", {key(pk): body for pk, body in bodies.items()}, None
    stamped = {key(pk): slot[:HEADER] + bodies[pk] for pk, slot in slots.items()}
    yield f"the kind and the stamp, {HEADER} bytes", stamped, None
    ours = {key(pk): slot for pk, slot in slots.items()}
    yield f"which server it was, {SERVER} bytes", ours, None
    yield "a time to live: this is a slot", ours, SECONDS


def _bytes_a_row(bench: Bench, values: Mapping[str, bytes], seconds: int | None) -> float:
    bench.start_empty()
    client = bench.bare_cache()
    before = client.info("memory")["used_memory"]
    for key, value in bench.track("rows", list(values.items())):
        client.set(key, value, ex=seconds)
    return float(client.info("memory")["used_memory"] - before) / len(values)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
