"""What each step is for, in words."""

import re
import sys
from collections.abc import Iterator
from typing import Any

from cachedemo.protocol import slot_kinds
from cachedemo.protocol.lua import scripts_in

LONGEST = 60  # characters of one word that are shown

# What a script of the `lua` folder is for; a pair where its answer says whether it did it.
_SCRIPTS: dict[str, str | tuple[str, str]] = {
    "announce": "say that this version is in use",
    "announce_table": "say that rows of this database are cached",
    "mark": "mark the slot: a write is under way, nobody else may fill",
    "stamp": "get a stamp, newer than every other",
    "stamp_many": "get one stamp for many locked rows, and what waits for each",
    "settle_up_many": "drop what this write of many rows superseded",
    "finish": "the database has it: put the new value in place of the mark, or empty the slot",
    "unmark": "the database refused it: put the old value back",
    "settle_up": "drop what this write superseded; now it may be acknowledged",
    "fill": (
        "put what was loaded into the slot: the lease is still ours",
        "somebody wrote meanwhile: it is thrown away",
    ),
    "enqueue": ("the queue takes the write: from here on it is acknowledged", "the queue does not take it"),
    "publish": ("show the queued write in the cache", "the slot is no longer what the write saw: not shown there"),
    "publish_many": (
        "show the queued writes in the cache",
        "a slot that is no longer what its write saw: not shown there",
    ),
    "reap": "take back what dead flushes claimed, find what dead writers owe",
    "claim": "claim a batch, until a deadline",
    "settle": "empty the slots that may be older than the database now",
    "ack": "the database has it: drop it from the queue",
    "ack_and_claim": "the database has it: drop it from the queue, and claim the next batch",
    "release": "give the claimed rows back",
    "park": "leave the row to a later flush",
    "refile": "file what an older release has queued under the key's one text",
    "bury": "the database refuses it: make it a dead letter",
    "owe": "note that this slot must be emptied as soon as the cache answers",
    "paid": "what was owed is done",
    "retry": "give dead letters back to the list",
    "discard": "forget dead letters, and note that their slots are owed",
    "survey": "count a batch of keys",
    "rights": "ask which commands this user may not send",
    "begin_shards": "begin a queue that nobody has used in several shards",
    "clear_shard": "empty a shard that is not current",
    "fill_shard": "put what moves into a shard that is not current yet",
    "drain_shard": "let the shard take no write-behind from here on",
    "end_shard": "the shard is not current any more, if nothing waits in it",
    "open_shard": "the shard is current",
    "set_shards": "change how many shards the queue has",
    "close": "switch off: nothing is queued, announced or filled any more",
    "end_closing": "all slots are empty and nothing waits: it is switched off",
    "open": "switch on again",
    "open_tables": "let the tables of this model be announced again",
    "end_deletion": "all keys of the version are gone: forget it, unless it was announced again",
}
_EMPTIES = "the database has it: empty the slot"  # what `finish` is for without a value
_FROM_THE_QUEUE = {
    "row:": "what waits for this row",
    "closed": "has an operator switched this cache off",
    "versions": "may this release still fill the cache",
    "paused": "is it paused",
}
_STATEMENTS = {
    "TRIP": "the simulated way to the database",
    "BEGIN": "begin a transaction of its own",
    "COMMIT": "commit: the database has it",
    "ROLLBACK": "roll back: nothing was written",
    "SELECT": "read the row",
    "UPDATE": "write the fields, unless the row is newer",
    "INSERT": "insert the row",
    "DELETE": "delete the row",
    "SAVEPOINT": "a savepoint",
}


_names: dict[str | bytes, str] = {}  # digest or text -> name, of every script met so far


def purpose_of(server: str, words: tuple[Any, ...], answer: Any) -> str:
    """Say what a step was for, or what it found out."""
    first = str(words[0]).upper()
    if isinstance(answer, Exception) and "NOSCRIPT" in f"{type(answer).__name__} {answer}".upper():
        return "call the script by its digest: this server does not have it yet"
    if first.startswith("UPDATE") and "CASE WHEN" not in first:
        return "write the row"
    if server == "database":
        return _STATEMENTS.get(first.split()[0], "")
    if server == "worker":
        return "ask the worker (Celery) for a flush, without waiting for it"
    if name := script_name(words):
        return _EMPTIES if _is_finish_without_value(name, words) else _of_script(name, answer)
    return (_of_cache if server == "cache" else _of_queue)(first, words, answer)


def script_name(words: tuple[Any, ...]) -> str:
    """Return the name of the script that a command runs; empty if it runs none of ours."""
    if str(words[0]).upper() not in ("EVALSHA", "EVAL"):
        return ""
    if words[1] not in _names:
        _names.update(_scripts())
    return _names.get(words[1], "")


def _scripts() -> Iterator[tuple[str, str]]:
    """Yield the scripts of every module that is loaded, by digest and by text."""
    for name, module in sys.modules.copy().items():  # another thread may be importing
        if name.startswith("cachedemo."):
            for script in scripts_in(module):
                yield from ((script.digest, script.name), (script.source, script.name))


def _is_finish_without_value(name: str, words: tuple[Any, ...]) -> bool:
    return name == "finish" and words[-2] in ("", b"")  # its arguments are token, value, lifetime


def _of_script(name: str, answer: Any) -> str:
    words = _SCRIPTS.get(name, name)
    if isinstance(answer, Exception):
        return f"{words}: no answer" if isinstance(words, str) else f"the script {name}: no answer"
    if isinstance(words, str):
        return words
    done = not isinstance(answer, bytes) and answer not in (0, [0], None)
    return words[0 if done else 1]


def _of_cache(first: str, words: tuple[Any, ...], answer: Any) -> str:
    if first == "SET" and "NX" in words:
        if answer is None or answer == words[2]:
            return "take the lease: one reader loads the row, the others wait"
        if slot_kinds.kind_of(answer) == slot_kinds.LEASE:
            return "somebody else holds the lease: wait for what they load"
        return "it is there now"
    if first == "GET":
        return "look in the cache: " + _found(answer)
    return {
        "PTTL": "how long it has to live",
        "MGET": "look in the cache for all of them",
        "UNLINK": "empty the slot",
    }.get(first, "")


def _found(answer: Any) -> str:
    if not isinstance(answer, bytes):
        return "it is empty" if answer is None else "no answer"
    kind = slot_kinds.kind_of(answer)
    return kind.words if kind else "something that is not ours"


def _of_queue(first: str, words: tuple[Any, ...], answer: Any) -> str:
    if first == "HSETNX":
        return "announce our version, so that every writer keeps its slots up to date"
    if first == "WAITAOF":
        return "wait until it is on the queue's disk"
    key = str(words[1]).rpartition("}:")[2] if len(words) > 1 else ""
    if key.startswith("row:") and (isinstance(answer, dict | bytes) or answer is None):
        return f"{_FROM_THE_QUEUE['row:']}: {'a newer write' if answer else 'nothing'}"
    return next((text for part, text in _FROM_THE_QUEUE.items() if key.startswith(part)), "")


def command_text(server: str, words: tuple[Any, ...]) -> str:
    """Return what was sent as people read it: scripts by their name, nothing overlong."""
    if server == "database":
        return _statement_text(str(words[0]))
    if name := script_name(words):
        return " ".join([str(words[0]), name, *map(_text, words[3:])])
    return " ".join(map(_text, words))


def _statement_text(sql: str) -> str:
    """Return a statement without the quotes and table names that its columns do not need."""
    return re.sub(r"\s+", " ", re.sub(r'"(\w+)"', r"\1", re.sub(r'"\w+"\."(\w+)"', r"\1", sql)))


def _text(word: Any) -> str:
    text = word.decode(errors="backslashreplace") if isinstance(word, bytes) else str(word)
    text = text if text else "''"
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}…"
