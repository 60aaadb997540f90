"""A Redis Cluster: each command goes to the server that has its key, and again only where that was refused.

redis-py's own pipeline for clusters sends commands again after a lost answer, which could come after a newer write.
Here a command is sent once, unless the server says that it has not taken it: MOVED and ASK name the one that will,
TRYAGAIN says that a part of the keys is on its way.
"""

import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from typing import Any, cast

import redis

from cachedemo import conf
from cachedemo.exceptions import CachedemoError, Unavailable
from cachedemo.servers import hash_slots
from cachedemo.servers.cluster_map import PAUSE, ClusterMap
from cachedemo.servers.cluster_node import REDIRECTIONS, ClusterNode
from cachedemo.servers.pipeline_answers import raised
from cachedemo.servers.scripts import Script
from cachedemo.servers.server import Cover
from cachedemo.servers.server_errors import Error
from cachedemo.servers.targets import Target

TRY_AGAIN = 0.01  # seconds
SCANS = 3  # of all servers, where hash slots move meanwhile
_NOT_TAKEN = (*REDIRECTIONS, redis.exceptions.NoScriptError)
_KEYLESS = frozenset(
    [
        "PING",
        "INFO",
        "SCAN",
        "DBSIZE",
        "FLUSHDB",
        "CONFIG",
        "CONFIG GET",
        "RANDOMKEY",
        "SLOWLOG GET",
        "CLIENT LIST",
        "MEMORY DOCTOR",
    ]
)

Words = Sequence[Any]
Call = tuple[int, Words]  # the hash slot of its keys, and the command
Rows = Sequence[tuple[str, Words]]


class Cluster:
    """The servers of a role, where its URL leads to a cluster. `Server` says what each method does.

    Args:
        name: of the role.
        unavailable: what to raise.
        found: where its URL leads.
        cover: returns what makes something to stand in for each client, if anything does now.
    """

    def __init__(
        self, name: str, unavailable: type[Unavailable], found: Target, cover: Callable[[], Cover] = lambda: None
    ) -> None:
        self._name, self._unavailable = name, unavailable
        self.map = ClusterMap(name, unavailable, found, cover)

    def owner(self, key: str) -> ClusterNode:
        """Return the server that has a key now. Raises Unavailable if nobody is known to."""
        return self.map.owner(hash_slots.of(key))

    def identities(self, keys: Sequence[str]) -> list[bytes]:
        """Return for each key which server has it now, as far as that is known. Raises Unavailable as `owner` does."""
        owners = self.map.owners()
        return [(owners[each] or self.map.owner(each)).recognised.identity for each in map(hash_slots.of, keys)]

    # one key

    def command(self, words: Words, *, insist: bool = False) -> Any:
        hash_slot = _hash_slot(words)
        try:
            return self.map.owner(hash_slot).send(words, insist=insist)
        except REDIRECTIONS as error:
            return raised(self._follow(error, hash_slot, [words])[0])

    def get(self, key: str) -> Any:
        hash_slot = hash_slots.of(key)
        try:
            return self.map.owner(hash_slot).get(key)
        except REDIRECTIONS as error:
            return raised(self._follow(error, hash_slot, [("GET", key)])[0])

    def script(self, script: Script, keys: Sequence[str], arguments: Words, *, insist: bool = False) -> Any:
        hash_slot, keys = hash_slots.of(keys[0]), _guarded(script, keys)
        try:
            return self.map.owner(hash_slot).script(script, keys, arguments, insist=insist)
        except REDIRECTIONS as error:
            return raised(self._follow(error, hash_slot, [_eval(script, keys, arguments)])[0])

    def script_and(self, script: Script, keys: Sequence[str], arguments: Words, command: Words) -> tuple[Any, Any]:
        hash_slot, keys = hash_slots.of(keys[0]), _guarded(script, keys)
        try:
            return self.map.owner(hash_slot).script_and(script, keys, arguments, command)
        except REDIRECTIONS as error:
            answer, then = self._follow(error, hash_slot, [_eval(script, keys, arguments), command])
            return raised(answer), then

    def together(self, key: str, commands: Sequence[Words]) -> list[Any]:
        """All of them are sent again where the server has not taken one: what is asked together may come together."""
        hash_slot, patience = hash_slots.of(key), time.monotonic() + conf.get_valid("TIMEOUT")
        while True:
            answers = self.map.owner(hash_slot).pipeline(commands)
            error = next((answer for answer in answers if isinstance(answer, REDIRECTIONS)), None)
            if error is None:
                return answers
            self._named_by(error, hash_slot)
            if time.monotonic() > patience:
                raise self._being_moved(hash_slot, error)
            time.sleep(TRY_AGAIN)

    # many keys: a call for each hash slot, all servers at the same time

    def pipeline(self, commands: Sequence[Words]) -> list[Any]:
        answers = self._spread([(_hash_slot(words), words) for words in commands])
        failed = [answer for answer in answers if isinstance(answer, Unavailable) and not answer.forbidden]
        if failed and len(failed) == len(answers):
            raise failed[0]
        return answers

    def get_many(self, keys: Sequence[str]) -> list[Any]:
        return self._spread([(hash_slots.of(key), ("GET", key)) for key in keys], gets=True)

    def unlink(self, keys: Sequence[str | bytes], *, insist: bool = False) -> int:
        together = _by_hash_slot(keys)
        answers = self._spread([(each, ("UNLINK", *some)) for each, some in together.items()], insist=insist)
        failed = {
            key: answer
            for some, answer in zip(together.values(), answers, strict=True)
            if isinstance(answer, Exception)
            for key in some
        }
        for answer in failed.values():
            if isinstance(answer, Unavailable):
                answer.keys = frozenset(failed)
            raise answer
        return sum(answers)

    def script_for_each(self, script: Script, common: Words, rows: Rows, *, insist: bool = False) -> list[Any]:
        arguments = dict(rows)
        together = _by_hash_slot(list(arguments))
        calls = [
            (each, _evalsha(script, keys, [*common, *(part for key in keys for part in arguments[key])]))
            for each, keys in together.items()
        ]
        found: dict[Any, Any] = {}
        for keys, answer in zip(together.values(), self._spread(calls, insist=insist, script=script), strict=True):
            found |= zip(keys, answer, strict=True) if isinstance(answer, list) else dict.fromkeys(keys, answer)
        return [found[key] for key, _ in rows]

    def scan(self, pattern: str, count: int, *, insist: bool = False) -> Iterator[list[bytes]]:
        for more in reversed(range(SCANS)):
            before = self._whereabouts()
            try:
                for node in self.map.primaries():
                    yield from node.scan(pattern, count, insist=insist)
            except Unavailable:
                time.sleep(PAUSE)  # then the map is asked for again
                if not more or self._whereabouts() == before:
                    raise
                continue  # a replica has taken its place
            if self._whereabouts() == before and not any(moving for *_, moving in before):
                return  # else a key may have gone where we had been already

    def _whereabouts(self) -> list[tuple[Any, Any, Any]]:
        """Return which server has which hash slots, and which of them are being moved, as each says of itself.

        A replica that has taken a primary's place meanwhile has the same ones, and may have more keys.
        """
        self.map.look()
        told = [each for node in self.map.primaries() for each in node.command("CLUSTER NODES").values()]
        found = [(each["node_id"], each["slots"], each["migrations"]) for each in told if "myself" in each["flags"]]
        return sorted(found, key=str)

    def _spread(
        self, calls: Sequence[Call], *, insist: bool = False, script: Script | None = None, gets: bool = False
    ) -> list[Any]:
        """Send each call to the server that has its hash slot; a call that failed has its error for an answer."""
        answers: list[Any] = [None] * len(calls)
        begun = [
            (places, node.begin([calls[place][1] for place in places], insist=insist, gets=gets))
            for node, places in self._by_server(calls, answers).items()
        ]
        for places, collect in begun:
            for place, answer in zip(places, collect(), strict=True):
                answers[place] = answer
                if isinstance(answer, Exception) and isinstance(answer, _NOT_TAKEN):  # of a hundred, none is any
                    answers[place] = self._again(answer, *calls[place], script)
        return answers

    def _by_server(self, calls: Sequence[Call], answers: list[Any]) -> dict[ClusterNode, list[int]]:
        """Return which calls each server gets; what nobody gets has its error put among the answers."""
        owners = self.map.owners()
        found: dict[ClusterNode | None, list[int]] = defaultdict(list)
        for place, (hash_slot, _) in enumerate(calls):
            found[owners[hash_slot]].append(place)
        for place in found.pop(None, ()):
            answers[place] = self.map.nobody(calls[place][0])
        return cast(dict[ClusterNode, list[int]], found)

    # what was not taken

    def _again(self, error: Exception, hash_slot: int, words: Words, script: Script | None) -> Any:
        """Send a call again that was not taken; return its answer, or the error that it ends with."""
        if script is not None:
            words = ("EVAL", script.source, *words[2:])
        try:
            return self._follow(error, hash_slot, [words])[0]
        except (CachedemoError, Error) as failed:
            return failed

    def _follow(self, error: Exception, hash_slot: int, commands: Sequence[Words]) -> list[Any]:
        """Send commands on one key to whom an error names, and further, until somebody takes them."""
        patience = time.monotonic() + conf.get_valid("TIMEOUT")
        while time.monotonic() < patience:
            asking = [("ASKING",)] if type(error) is redis.exceptions.AskError else []
            answers = self._named_by(error, hash_slot).answers([*asking, *commands])[len(asking) :]
            if not isinstance(answers[0], _NOT_TAKEN):
                return answers
            error = answers[0]
            time.sleep(TRY_AGAIN)
        raise self._being_moved(hash_slot, error)

    def _being_moved(self, hash_slot: int, error: Exception) -> Unavailable:
        return self._unavailable(f"The {self._name}'s hash slot {hash_slot} is being moved: {error}")

    def _named_by(self, error: Exception, hash_slot: int) -> ClusterNode:
        if not isinstance(error, redis.exceptions.AskError):
            return self.map.owner(hash_slot)  # TRYAGAIN, and a script that the server has not got
        node = self.map.named(error.host, error.port, hash_slot)
        if isinstance(error, redis.exceptions.MovedError):
            self.map.moved(hash_slot, node)
        return node


def _hash_slot(words: Words) -> int:
    if words[0] in _KEYLESS:
        raise TypeError(f"{words[0]} has no key: send it to each of the servers()")
    return hash_slots.of(words[1])


def _evalsha(script: Script, keys: Sequence[str], arguments: Words) -> Words:
    return ("EVALSHA", script.digest, len(keys), *keys, *arguments)


def _eval(script: Script, keys: Sequence[str], arguments: Words) -> Words:
    return ("EVAL", script.source, len(keys), *keys, *arguments)


def _by_hash_slot(keys: Sequence[Any]) -> dict[int, list[Any]]:
    found: dict[int, list[Any]] = {}
    for key in keys:
        found.setdefault(hash_slots.of(key), []).append(key)
    return found


def _guarded(script: Script, keys: Sequence[str]) -> Sequence[str]:
    """Return the keys of a script, and one more that is never there, if it works on keys that it is not told.

    While keys of a hash slot are moved one by one, a call for several of them is answered with TRYAGAIN unless all are
    there. So the script never finds half of what it works on, and the other half on another server.
    """
    return [*keys, f"{{{keys[0]}}}:never"] if script.reaches_further else keys
