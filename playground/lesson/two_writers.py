"""Two writers of one row, forced into the order that loses: by hand, and with cachedemo."""

import json
import time
from collections.abc import Callable
from typing import Any

from cachedemo.servers.roles import CACHE
from cachedemo.tracing.trace import Step
from playground import naive, scripts_ready
from playground.lab.actors import Actor, at
from playground.lesson import acts
from playground.throwaway import Throwaway
from users.models import User

FIRST, SECOND = "Alice One", "Alice Two"


def race() -> dict[str, Any]:
    """Let the first writer commit and then wait, the second write, and the first go on to the cache."""
    scripts_ready.load()
    with Throwaway(2, ("Alice Singh",) * 2, ("name",)) as own:
        by_hand, ours = own.pks
        own.cache.read(ours)
        try:
            tracks = [_by_hand(by_hand), _ours(own, ours)]
        finally:
            CACHE.command("UNLINK", naive.key(by_hand))
    return {"tracks": tracks}


def _by_hand(pk: int) -> acts.Track:
    def write(name: str) -> Callable[[], object]:
        email = User.objects.values_list("email", flat=True).get(pk=pk)
        return lambda: naive.put_user({"id": pk, "name": name, "email": email})

    done = _opposite_order("By hand: SET after COMMIT", write(FIRST), write(SECOND))
    cached = json.loads(CACHE.command("GET", naive.key(pk)) or b"{}").get("name", "empty")
    stored = User.objects.values_list("name", flat=True).get(pk=pk)
    return done | _verdict(cached, stored)


def _ours(own: Throwaway, pk: int) -> acts.Track:
    def write(name: str) -> Callable[[], object]:
        return lambda: own.cache.via("write-through").update(pk, name=name)

    done = _opposite_order("With cachedemo: mark, stamp, finish", write(FIRST), write(SECOND))
    places = {each["place"]: each["text"] for each in acts.places(own.cache, pk)}
    return done | _verdict(places["cache"], places["database"])


def _verdict(cached: str, stored: str) -> dict[str, Any]:
    broken = cached not in ("empty", stored)
    verdict = (
        f"The cache says {cached}, the database {stored}: every read is wrong until the "
        f"entry expires, up to {naive.TTL_SECONDS} s later."
        if broken
        else f"The cache is {'empty' if cached == 'empty' else 'right'}: the next read returns {stored}."
    )
    places = [("cache", cached, broken), ("queue", "nothing waits", False), ("database", stored, False)]
    return {
        "verdict": verdict,
        "tone": "broken" if broken else "held",
        "places": [{"place": place, "text": text, "older": older} for place, text, older in places],
    }


def _opposite_order(label: str, first: Callable[[], object], second: Callable[[], object]) -> acts.Track:
    began, told = time.perf_counter(), list[dict[str, Any]]()

    def tell(actor: str, step: Step) -> None:
        ended = (time.perf_counter() - began) * 1_000_000
        told.extend(acts.kept_by(actor, [step], ended - step.took - step.start))

    one, two = Actor("writer 1", first, tell), Actor("writer 2", second, tell)
    one.until(at("database", "COMMIT"))
    two.finish()
    one.finish()
    return acts.of_steps(label, told, time.perf_counter() - began) | {"ends": "Both have their answer."}
