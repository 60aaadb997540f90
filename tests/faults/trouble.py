"""The faults of a long run: dealt like cards, so that each comes up, in an order that the seed decides."""

import contextlib
import random
from collections import Counter

from tests.faults import injectors
from tests.faults.moments import Fault
from tests.faults.run import Load
from tests.faults.stage import Stage

SHARDS = 4  # at most


class Trouble:
    """Makes one fault at a time, and undoes it."""

    def __init__(self, stage: Stage, load: Load, seed: int) -> None:
        self.stage = stage
        self.load = load
        self.moments = stage.moments
        self.random = random.Random(seed)
        self.made: Counter[str] = Counter()
        self._deck: list[str] = []

    def make_one(self) -> str:
        """Make the next fault; return its name once it is over."""
        if not self._deck:
            self._deck = sorted(self.faults)
            self.random.shuffle(self._deck)
        name = self._deck.pop()
        fault = self.faults[name]
        parts = fault.parts and name.startswith("cache: ")
        with self.load.cache_out_of_reach() if parts else contextlib.nullcontext():
            fault.make()
        self.made[name] += 1
        return name

    @property
    def faults(self) -> dict[str, Fault]:
        """What can happen here depends on which servers the roles and the source have."""
        of_roles = {
            f"{servers.role}: {name}": fault
            for servers in (self.stage.cache, self.stage.queue)
            for name, fault in servers.faults(self.moments).items()
        }
        of_source = self.stage.source.faults(self.moments) if self.stage.source else {}
        return of_roles | of_source | self._of_processes

    @property
    def _of_processes(self) -> dict[str, Fault]:
        return {
            "client killed": Fault(self.kill_client),
            "client paused": Fault(self.pause_client),
            "worker killed": Fault(self.kill_worker),
            "worker paused": Fault(self.pause_worker),
            "flusher paused past its deadline": Fault(self.pause_flusher),
            "flusher killed": Fault(self.kill_flusher),
            "shards: another number": Fault(self.reshard),
            "shards: who changes their number killed": Fault(self.kill_resharder),
        }

    def kill_client(self) -> None:
        self.load.kill_client(self.random.choice(sorted(self.load.clients)))

    def pause_client(self) -> None:
        client = self.load.clients[self.random.choice(sorted(self.load.clients))]
        client.pause()
        self.moments.past(self.load.deadline)
        client.resume()

    def kill_worker(self) -> None:
        self.stage.kill_worker()
        self.moments.a_moment()
        self.stage.start_worker()

    def pause_worker(self) -> None:
        with injectors.paused(self.stage.worker.pid):
            self.moments.a_while()

    def pause_flusher(self) -> None:
        [flusher] = self.load.flushers
        flusher.pause()
        self.moments.past(self.load.deadline)
        flusher.resume()

    def kill_flusher(self) -> None:
        self.load.flushers.pop().kill()
        self.load.add_flusher()

    def reshard(self) -> None:
        self.load.reshard(self.random.randint(1, SHARDS))

    def kill_resharder(self) -> None:
        """Somebody else goes on."""
        number = self.random.randint(1, SHARDS)
        resharder = self.load.begin_to_reshard(number)
        self.moments.a_moment()
        resharder.kill()
        resharder.wait()
        self.load.reshard(number)
