"""`python -m benchmarks layers`: where each microsecond of a warm read goes.

The same read is taken at ever higher floors of the code, all of them in turns: what a floor adds is the difference to
the one below. Each floor is what the one above calls, with the same arguments.
"""

import socket
import sys
from collections.abc import Callable, Iterator, Sequence

from rich.console import Console

from benchmarks.about import about, in_words
from benchmarks.bench import Bench
from benchmarks.markdown import markdown
from benchmarks.reports import parsed, parser, publish
from benchmarks.rounds import seconds_a_call

CALLS, ROUNDS = 20, 2_000
PK = 1


def main(arguments: Sequence[str] = ()) -> int:
    options = parsed(parser("layers", __doc__, ()), (), arguments)
    with Bench(Console(stderr=True, highlight=False), options.quick) as bench:
        bench.start_empty()
        bench.users.get(PK)
        floors = dict(_floors(bench))
        machine = in_words(about(bench))
        times = seconds_a_call(bench.track("floors", range(bench.times(ROUNDS, 200))), CALLS, *floors.values())
    below, rows = 0.0, []
    for (floor, _), seconds in zip(floors.items(), times, strict=True):
        rows.append([floor, f"{seconds * 1e6:.1f}", f"{(seconds - below) * 1e6:+.1f}"])
        below = seconds
    table = markdown(["up to and with", "µs", "adds"], rows)
    publish(options.document, "layers", "\n".join([*table, "", f"{machine}."]))
    return 0


def _floors(bench: Bench) -> Iterator[tuple[str, Callable[[], object]]]:
    from cachedemo.protocol import reads
    from cachedemo.servers.roles import CACHE

    users = bench.users
    table, slots = users.table, users.table.places.slots
    key, client = slots.key(PK), CACHE.client()
    value, body = slots.get(PK), users.read(PK).body
    yield "the kernel and the server: send a `GET` that is packed already, receive the answer", _bare_socket(bench, key)
    yield "redis-py's connection: the pool, packing, parsing (`client.ask`)", lambda: client.ask("GET", key)
    yield "the role: switched off? in trouble? (`CACHE.get`)", lambda: CACHE.get(key)
    yield "the slot: its key (`slots.get`)", lambda: slots.get(PK)
    yield "what a reader may take from it (`slots.held`)", lambda: (slots.get(PK), slots.held(PK, value))
    yield "announced? a transaction's own write? counted (`reads.find`)", lambda: reads.find(table, PK)
    yield "one text for the key (`users.read(1)`)", lambda: users.read(PK)
    yield "JSON to values", lambda: (users.read(PK), table.codec.decode(body))
    yield "values to an instance (`users.get(1)`)", lambda: users.get(PK)


def _bare_socket(bench: Bench, key: str) -> Callable[[], object]:
    connection = socket.create_connection(("127.0.0.1", bench.cache.port))
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    packed = f"*2\r\n$3\r\nGET\r\n${len(key)}\r\n{key}\r\n".encode()

    def ask() -> bytes:
        connection.sendall(packed)
        return connection.recv(65536)

    return ask


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
