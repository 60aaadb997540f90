"""What an error of a server means: an outage, with the fix in a sentence; foreign data; or a bug of ours."""

import socket
from collections.abc import Sequence
from typing import NamedTuple

import redis

from cachedemo.servers.greeting import Unusable
from cachedemo.servers.sentinels import NoMajority

Error = redis.RedisError

# What an error says about the whole server, and the fix; the first class that fits counts.
_OUTAGES: tuple[tuple[type[Exception], str], ...] = (
    (redis.AuthenticationError, "refuses the password or the user: check both in the URL against the server's own."),
    (redis.exceptions.NoPermissionError, "forbids a command to this user: give it the rights in the server's ACL."),
    (redis.exceptions.BusyLoadingError, "is still loading its data: wait for it."),
    (redis.exceptions.MaxConnectionsError, "has no connection left for this process: run fewer threads in each."),
    (redis.exceptions.OutOfMemoryError, "is full: raise `maxmemory`, or drain what fills it."),
    (redis.exceptions.ReadOnlyError, "is a read-only replica: name the primary in the URL."),
    (redis.exceptions.AskError, "belongs to a Redis Cluster: begin the URL with redis+cluster://."),
    (redis.exceptions.MasterDownError, "is a replica whose primary is away: start that, or name another in the URL."),
    (redis.exceptions.ClusterError, "takes no commands now, because its cluster is down: start what is missing of it."),
    (redis.InvalidResponse, "does not speak Redis's language: correct the URL."),
    (NoMajority, "is named by no majority of its sentinels: start them, or correct what the URL says of them."),
    (
        redis.TimeoutError,
        "does not answer in time: is it stopped, overloaded, behind a firewall, or without TLS?",
    ),
    (redis.ConnectionError, "cannot be reached: start it (`redis-server`), or correct the URL."),
)
# Errors that have no class of their own, by what is in them.
_BY_WORDS = (
    ("max number of clients", "has no connection left: raise `maxclients`."),
    ("ACL failure in script", "forbids a command to this user: give it the rights in the server's ACL."),
    (
        "command 'SENTINEL'",
        "is asked for at a server that is no sentinel: name the sentinels' own ports in the URL, 26379 as a rule, or "
        "begin it with redis://.",
    ),
    ("nknown command", "does not know a command: take its `rename-command` out of the server's configuration."),
    ("nknown Redis command", "does not know a command: take its `rename-command` out of the server's configuration."),
    ("cluster support disabled", "is no node of a Redis Cluster: begin the URL with redis:// instead."),
    ("DB index", "has no database of that number: lower it in the URL, or raise `databases` on the server."),
    ("CERTIFICATE_VERIFY_FAILED", "shows a certificate that is not trusted here: add ?ssl_ca_certs=/path/to/ca.pem."),
    ("X509:", "is not asked with such files: correct ssl_ca_certs, ssl_certfile and ssl_keyfile in the URL."),
    ("PEM lib", "is not asked with such files: correct ssl_certfile and ssl_keyfile in the URL."),
    ("reset by peer", "hung up: start it again, or write rediss:// in the URL if it speaks TLS."),
    ("certificate required", "wants a certificate of ours: add ?ssl_certfile=…&ssl_keyfile=… to the URL."),
)
_NO_COMMANDS_NOW = (
    "BUSY ",
    "CLUSTERDOWN",
    "LOADING",
    "MASTERDOWN",
    "MISCONF",
    "NOAUTH",
    "NOREPLICAS",
    "OOM",
    "READONLY",
)
_READS_ONLY = ("MISCONF", "NOREPLICAS")
_IN_SCRIPT = ("ACL failure in script", "called from script")  # it has run up to the command that is forbidden
_UNKNOWN = ("nknown command", "nknown Redis command")  # renamed, or taken away: as good as forbidden
_ARGUMENTS = ", with args"  # follows the name of an unknown command, and with it the values of a row
_TOO_MANY = "max number of clients"
# redis-py calls these connection errors, but the server is there, and has done nothing.
_NO_SILENCE = (redis.AuthenticationError, redis.exceptions.BusyLoadingError, redis.exceptions.MaxConnectionsError)


class Meaning(NamedTuple):
    """What an outage means.

    Attributes:
        sentence: what is wrong and how to fix it; continues "The cache server at …".
        full: whether the server only has no memory left: it took nothing.
        forbidden: whether it only forbids this command to this user, or has been made to forget it.
        sent: whether the command may have reached the server all the same.
    """

    sentence: str
    full: bool
    forbidden: bool
    sent: bool


def meaning(error: redis.RedisError) -> Meaning | None:
    """Return what an outage means; None if the error says nothing about the whole server."""
    sentence = _sentence(error)
    if sentence is None:
        return None
    return Meaning(
        sentence if isinstance(error, Unusable) else f"{sentence} It said: {str(error).split(_ARGUMENTS)[0]}",
        full=isinstance(error, redis.exceptions.OutOfMemoryError),
        forbidden=not isinstance(error, NoMajority)
        and (isinstance(error, redis.exceptions.NoPermissionError) or _says(error, _UNKNOWN)),
        sent=(is_silence(error) and "onnecting to" not in str(error)) or _says(error, _IN_SCRIPT),
    )


def _sentence(error: redis.RedisError) -> str | None:
    if isinstance(error, Unusable):
        return str(error)
    for words, sentence in _BY_WORDS:
        if words in str(error):
            return sentence
    for kind, sentence in _OUTAGES:
        if isinstance(error, kind):
            return sentence
    return "takes no commands now." if str(error).startswith(_NO_COMMANDS_NOW) else None


def _says(error: redis.RedisError, words: Sequence[str]) -> bool:
    return any(each in str(error) for each in words)


def is_foreign_data(error: redis.RedisError) -> bool:
    """Whether a key holds another type than the command wants: cachedemo did not write it."""
    return "WRONGTYPE" in str(error)


def is_silence(error: BaseException) -> bool:
    """Whether the server did not answer at all; one that refuses a command, or this process a connection, is there."""
    silent = isinstance(error, redis.ConnectionError | redis.TimeoutError)
    return silent and not isinstance(error, _NO_SILENCE) and _TOO_MANY not in str(error)


def takes_no_writes(error: BaseException) -> bool:
    """Whether a primary refuses all that would change it, and goes on to answer reads."""
    return str(error).startswith(_READS_ONLY)


def failed_at_once(error: BaseException) -> bool:
    """Whether the failure was immediate (connection refused): no timeout, and no name that could not be looked up."""
    return not isinstance(error, redis.TimeoutError) and not isinstance(error.__context__, socket.gaierror)
