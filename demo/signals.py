"""Ctrl-C and its like: noted when they come, acted on where it is safe."""

import signal
import time
from collections.abc import Callable
from types import FrameType

ASKING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class StopSignal:
    """Counts how often this process was asked to stop: once is a wish, twice is a hurry."""

    def __init__(self) -> None:
        self.count = 0

    def listen(self) -> None:
        for number in ASKING:
            if number != signal.SIGHUP or signal.getsignal(number) != signal.SIG_IGN:  # nohup keeps its meaning
                signal.signal(number, self._note)

    def _note(self, number: int, frame: FrameType | None) -> None:
        self.count += 1

    @property
    def asked(self) -> bool:
        return self.count > 0

    @property
    def hurried(self) -> bool:
        return self.count > 1

    def wait(self, condition: Callable[[], bool], limit: float, give_up: Callable[[], bool]) -> bool:
        """Wait until `condition` holds; False after `limit` seconds, or as soon as `give_up` holds."""
        deadline = time.monotonic() + limit
        while not condition():
            if give_up() or time.monotonic() > deadline:
                return False
            time.sleep(0.05)
        return True
