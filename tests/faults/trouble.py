"""The faults of a long run: dealt like cards, so that each comes up, in an order that the seed decides."""

import random
import time
from collections import Counter
from collections.abc import Callable

from tests.faults import injectors
from tests.faults.proxy import Proxy
from tests.faults.run import Load
from tests.faults.stage import Stage


class Trouble:
    """Makes one fault at a time, and undoes it."""

    def __init__(self, stage: Stage, load: Load, seed: int) -> None:
        self.stage = stage
        self.load = load
        self.random = random.Random(seed)
        self.made: Counter[str] = Counter()
        self._deck: list[str] = []

    def make_one(self) -> str:
        """Make the next fault; return its name once it is over."""
        if not self._deck:
            self._deck = sorted(self.faults)
            self.random.shuffle(self._deck)
        name = self._deck.pop()
        self.faults[name]()
        self.made[name] += 1
        return name

    @property
    def faults(self) -> dict[str, Callable[[], None]]:
        return self._everywhere | self._of_the_source

    @property
    def _of_the_source(self) -> dict[str, Callable[[], None]]:
        """A SQLite file has no network."""
        if (to_source := self.stage.to_source) is None:
            return {}
        return {
            "source: slow network": lambda: self.network(to_source, "latency"),
            "source: connections cut": lambda: self.network(to_source, "reset"),
            "source: answers cut off": lambda: self.network(to_source, "reset after"),
            "source: black hole": lambda: self.network(to_source, "black hole"),
        }

    @property
    def _everywhere(self) -> dict[str, Callable[[], None]]:
        cache, queue = self.stage.environment.cache, self.stage.environment.queue
        to_cache, to_queue = self.stage.to_cache, self.stage.to_queue
        return {
            "cache killed": lambda: injectors.kill(cache, self.a_while),
            "cache paused": lambda: self.out_of_reach(lambda: injectors.pause(cache, self.a_while)),
            "cache: FLUSHDB in a loop": lambda: injectors.flush_database(cache, self.a_moment),
            "cache: SCRIPT FLUSH in a loop": lambda: injectors.forget_scripts(cache, self.a_moment),
            "cache: eviction storm": lambda: injectors.evict(cache, self.a_moment),
            "cache: slow network": lambda: self.network(to_cache, "latency"),
            "cache: connections cut": lambda: self.out_of_reach(lambda: self.network(to_cache, "reset")),
            "cache: answers cut off": lambda: self.out_of_reach(lambda: self.network(to_cache, "reset after")),
            "cache: black hole": lambda: self.out_of_reach(lambda: self.network(to_cache, "black hole")),
            "queue killed": lambda: injectors.kill(queue, self.a_moment),
            "queue paused": lambda: injectors.pause(queue, self.a_while),
            "queue: SCRIPT FLUSH in a loop": lambda: injectors.forget_scripts(queue, self.a_moment),
            "queue: slow network": lambda: self.network(to_queue, "latency"),
            "queue: connections cut": lambda: self.network(to_queue, "reset"),
            "queue: answers cut off": lambda: self.network(to_queue, "reset after"),
            "queue: black hole": lambda: self.network(to_queue, "black hole"),
            "queue: requests held up": lambda: self.network(to_queue, "hold", delay=2.0, times=3),
            "client killed": self.kill_client,
            "client paused": self.pause_client,
            "worker killed": self.kill_worker,
            "worker paused": self.pause_worker,
            "flusher paused past its deadline": self.pause_flusher,
            "flusher killed": self.kill_flusher,
        }

    # how long

    def a_moment(self) -> None:
        time.sleep(self.random.uniform(0.1, 0.5))

    def a_while(self) -> None:
        time.sleep(self.random.uniform(0.3, 2.5))

    def past_the_deadline(self) -> None:
        time.sleep(self.load.deadline * self.random.uniform(1.1, 1.6))

    # the network

    def out_of_reach(self, fault: Callable[[], None]) -> None:
        with self.load.cache_out_of_reach():
            fault()

    def network(self, proxy: Proxy, fault: str, delay: float = 0.02, times: int = 1_000_000) -> None:
        proxy.begin(fault, delay=delay, times=times)
        self.a_while()
        proxy.end()

    # processes

    def kill_client(self) -> None:
        self.load.kill_client(self.random.choice(sorted(self.load.clients)))

    def pause_client(self) -> None:
        client = self.load.clients[self.random.choice(sorted(self.load.clients))]
        client.pause()
        self.past_the_deadline()
        client.resume()

    def kill_worker(self) -> None:
        self.stage.kill_worker()
        self.a_moment()
        self.stage.start_worker()

    def pause_worker(self) -> None:
        with injectors.paused(self.stage.worker.pid):
            self.a_while()

    def pause_flusher(self) -> None:
        [flusher] = self.load.flushers
        flusher.pause()
        self.past_the_deadline()
        flusher.resume()

    def kill_flusher(self) -> None:
        self.load.flushers.pop().kill()
        self.load.add_flusher()
