"""Keeps the parts of the demo running, and ends them in order."""

import signal
import time
from collections.abc import Callable

from demo.errors import DemoFailed, StopAsked
from demo.part import Part, PythonPart
from demo.signals import StopSignal
from demo.visitor_actions import Control

START_LIMIT = 60.0  # seconds
END_LIMIT = 15.0
FIRST_PAUSE, LONGEST_PAUSE = 0.5, 10.0
LONG_LIVED = 20.0  # who ran this long starts again with the first pause


class Supervisor:
    """Starts parts, starts again the ones that end, and ends each when asked."""

    def __init__(self, stop: StopSignal, say: Callable[[str], None], control: Control | None = None) -> None:
        self.stop = stop
        self.say = say
        self.control = control
        self.watched: dict[Part, Pause] = {}

    def start(self, part: Part) -> None:
        """Start `part` and look after it from now on."""
        if self.stop.asked:
            raise StopAsked
        self.watched[part] = Pause()
        part.start()

    def wait_until_up(self, part: PythonPart) -> None:
        """Wait for a part that was started; what it says last is shown if it ends instead."""
        if self.stop.wait(part.is_up, START_LIMIT, lambda: self.stop.asked or not part.is_running):
            return
        if self.stop.asked:
            raise StopAsked
        problem = "does not answer" if part.is_running else f"ended {part.how_it_ended()}"
        raise DemoFailed(f"The {part.name} {problem}; {part.log} ends with:\n{part.last_words()}")

    def watch(self) -> None:
        """Look after the parts until somebody asks to stop."""
        while not self.stop.asked:
            for part, pause in self.watched.items():
                if not part.is_running:
                    self._revive(part, pause)
            if self.control:
                self.control.turn(self.watched)
            time.sleep(0.1)

    def _revive(self, part: Part, pause: "Pause") -> None:
        if not pause.announced:
            pause.begin()
            seconds = max(pause.length, round(self._kept_down(part), 1))
            self.say(f"The {part.name} ended ({part.how_it_ended()}): it starts again in {seconds:g} s.")
        elif pause.is_over() and not self._kept_down(part):
            self._start_again(part)
            pause.end()

    def _kept_down(self, part: Part) -> float:
        return self.control.down_for(part) if self.control else 0.0

    def _start_again(self, part: Part) -> None:
        try:
            part.start()
            self.say(f"The {part.name} runs again.")
        except DemoFailed as error:
            self.say(str(error))

    def end(self, *parts: Part, is_idle: Callable[[Part], bool] = lambda part: False) -> None:
        """Ask the parts to end, all at once, and wait for each; kill those that take too long.

        Args:
            is_idle: whether a part has nothing to do any more: it is killed then, since that loses nothing. It is
                asked again and again, once the parts before it have ended.
        """
        ending = [part for part in parts if self.watched.pop(part, None) is not None and part.is_running]
        for part in ending:
            if self.control:
                self.control.release(part)
            part.send(signal.SIGTERM)
        deadline = time.monotonic() + END_LIMIT
        for part in ending:
            self._wait_for_the_end(part, deadline - time.monotonic(), is_idle)

    def _wait_for_the_end(self, part: Part, limit: float, is_idle: Callable[[Part], bool]) -> None:
        if self._is_over(part, max(0.0, limit), is_idle):
            self.kill(part)
            self.say(f"The {part.name} has stopped.")
            return
        self.kill(part)
        self.say(f"The {part.name} was killed: {'you are in a hurry' if self.stop.hurried else 'it took too long'}.")

    def _is_over(self, part: Part, limit: float, is_idle: Callable[[Part], bool]) -> bool:
        return self.stop.wait(lambda: not part.is_running or is_idle(part), limit, lambda: self.stop.hurried)

    def kill(self, part: Part) -> None:
        """End a part at once, if it has not ended, and wait until it has."""
        part.send(signal.SIGKILL)
        self.stop.wait(lambda: not part.is_running, END_LIMIT, lambda: False)


class Pause:
    """How long to wait before a part starts again: longer each time, for one that keeps ending."""

    def __init__(self) -> None:
        self.length = FIRST_PAUSE
        self.announced = False
        self._began = 0.0
        self._started = time.monotonic()

    def begin(self) -> None:
        now = time.monotonic()
        if now - self._started > LONG_LIVED:
            self.length = FIRST_PAUSE
        self.announced, self._began = True, now

    def is_over(self) -> bool:
        return time.monotonic() - self._began >= self.length

    def end(self) -> None:
        self.announced, self._started = False, time.monotonic()
        self.length = min(2 * self.length, LONGEST_PAUSE)
