"""What the models share: the search through every interleaving, and how its verdict is said.

A model has states, and for each state the states that may follow with the words of the step that leads there.
"""

import gc
import sys
import time
from collections import deque
from collections.abc import Callable, Hashable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

CAP = "CAP"  # found instead of a trace: there were more states than the search takes
_WIDTH = 62  # of a line's name


def search(
    first: Hashable,
    successors: Callable[[Any], Iterable[tuple[Any, str]]],
    broken: Callable[[Any, str], str | None],
    cap: int,
    signs: tuple[str, ...] = ("STALE",),
) -> tuple[int, list[str] | str | None]:
    """Search breadth-first, so that the trace of a violation is a shortest one.

    Args:
        first: the state that everything begins in.
        successors: the states after one, each with the words of its step.
        broken: says what is wrong with a state that a step has led to, or None.
        cap: give up after so many states.
        signs: words of a step that may be wrong although its state has been seen.

    Returns:
        How many states there were, and None, `CAP`, or the words of each step up to a violation.
    """
    seen: dict[Any, Any] = {first: None}
    todo = deque([first])
    with _no_garbage():
        while todo:
            state = todo.popleft()
            for following, words in successors(state):
                if following in seen:
                    if not any(sign in words for sign in signs):
                        continue
                else:
                    seen[following] = (state, words)
                    todo.append(following)
                if why := broken(following, words):
                    return len(seen), _trace(seen, state, why)
                if len(seen) > cap:
                    return len(seen), CAP
    return len(seen), None


@contextmanager
def _no_garbage() -> Iterator[None]:
    """Look for no circles of objects: states have none, and to look through millions takes a third of the time."""
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was:
            gc.enable()


def _trace(seen: dict[Any, Any], state: Any, why: str) -> list[str]:
    """Return the words of each step that leads to a state, and what is wrong after it."""
    trace = [why]
    while seen[state]:
        state, step = seen[state]
        trace.append(step)
    return trace[::-1]


def stale(_: Any, words: str) -> str | None:
    """Return the words of a step that says by itself that it read a stale value."""
    return words if "STALE" in words else None


def show(check: Callable[..., Any], name: str, actors: str, must_fail: bool = False, **options: Any) -> bool:
    """Check one combination of actors, print a line, and say whether it is as it must be.

    Args:
        check: a model's `check`.
        must_fail: a rule is removed, so that there must be a violation.

    Returns:
        False as well where the search gave up: nothing is known then.
    """
    began = time.time()
    states, found = check(actors, **options)
    verdict = "ok" if found is None else "not finished" if found == CAP else "violation"
    right = verdict == ("violation" if must_fail else "ok")
    line = f"{name:{_WIDTH}s} {states:>9,} states {time.time() - began:5.1f} s  {verdict}"
    print(f"{'  ' if right else '!!'} {line}", flush=True)
    if verdict == "violation" and ("-v" in sys.argv or not (right or must_fail)):
        print(*("        " + step for step in found), sep="\n")
    return right
