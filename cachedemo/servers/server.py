"""One server: the one place that every command passes. What an error means is decided in `server_errors.py`."""

import threading
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import redis

from cachedemo import conf
from cachedemo.exceptions import ForeignData, Unavailable
from cachedemo.servers.breaker import Breaker, Open
from cachedemo.servers.client import Client, is_watched
from cachedemo.servers.greeting import NOT_LEARNED, Unusable
from cachedemo.servers.pipeline_answers import meant, raised
from cachedemo.servers.recognition import Recognition
from cachedemo.servers.scripts import MAY_WRITE, Script
from cachedemo.servers.server_errors import failed_at_once, is_foreign_data, is_silence, meaning, takes_no_writes
from cachedemo.servers.trip import Trip

_PLAIN = {"GET", "MGET", "SET"}  # their answers need no translation (`client.py` says of SET that it has none)
_NO_PRIMARY = (redis.exceptions.ReadOnlyError, Unusable)

when_opened: list[Callable[[str], object]] = []  # called with the role of a server whose breaker has just opened

Cover = Callable[[Client], Any] | None  # makes what stands in for each client that is opened


class Server:
    """One server: how to talk to it, and what to raise when it does not answer.

    Args:
        name: of its role, cache or queue.
        unavailable: what to raise.

    Attributes:
        route: another object whenever commands go over a new client, and so perhaps to another server.
    """

    mode = "standalone"  # what it says of itself
    _client: Client | None = None
    _trouble = "It did not answer."  # what was wrong last, in words: an exception would hold on to its frames

    def __init__(self, name: str, unavailable: type[Unavailable]) -> None:
        self.name = name
        self.setting = f"{name.upper()}_URL"
        self.unavailable = unavailable
        self.cover: Cover = None
        self.reset()

    def reset(self) -> None:
        """Forget the client and what is known of the server, so that the next command opens a new one."""
        self.recognised = Recognition(self._let_go, self.mode)
        self.breaker = Breaker(self.ping, self._is_of_no_use, failed_at_once, self._opened)
        self._opening = threading.Lock()  # a new one: after a fork, the old may be held by a thread that is not here
        self._let_go()  # last: who opens one from here on tells the new recognition

    def ping(self) -> None:
        """Ask whether it is of use, past the breaker. Raises redis-py's errors."""
        try:
            if self.is_cache:
                self._script(MAY_WRITE, (), ())
            else:
                self._command(["PING"])
        except redis.RedisError as error:
            self._trouble = str(self.outage(error))
            raise

    @property
    def is_cache(self) -> bool:
        """Whether slots are here: whoever cannot empty them must not read them, for they may be old."""
        return self.name == "cache"

    def _is_of_no_use(self, error: BaseException) -> bool:
        return is_silence(error) or (self.is_cache and takes_no_writes(error))

    @property
    def address(self) -> str:
        """Host and port, without a password."""
        raise NotImplementedError

    def connect(self) -> Client:
        """Return a new client."""
        raise NotImplementedError

    def client(self) -> Client:
        """Return this process's client, opened when first asked for and again after a fork.

        Threads that ask at the same time get the same one: redis-py closes the connections of a client that nobody
        holds any more, even those that a pipeline of it is using.
        """
        if (client := self._client) is not None:
            return client
        opening = self._opening
        with opening:
            if (client := self._client) is None:
                client = self.connect()
                client = self._client = self.cover(client) if self.cover is not None else client
                if self._opening is not opening:  # reset meanwhile: this one tells the recognition before who is there
                    self._client = None
            return client

    def server(self) -> bytes:
        """Return which server this is now (see `greeting.py`), connecting first if that was never done.

        Raises:
            Unavailable: it cannot be told, for the server does not answer.
        """
        if self.recognised.identity == NOT_LEARNED:
            self._run(self._on_a_connection, lambda connection: None)
        return self.recognised.identity

    def look_again(self) -> None:
        """Ask again what may change without an end of connections: which server it is, whether it takes writes.

        Raises:
            Unavailable: it does not answer, or it is a cache that takes none.
        """
        if self._client is not None and self.recognised.may_change:
            self._run(self._on_a_connection, self.recognised.ask)
        if self._client is not None and self.is_cache:
            self._run(self._script, MAY_WRITE, (), ())

    def _opened(self) -> None:
        for call in when_opened:
            call(self.name)

    def _let_go(self) -> None:
        self.route = object()  # first, so that nothing that a new client brings is taken for the old one's
        self._client = None

    def _on_a_connection(self, ask: Callable[[Any], None]) -> None:
        client = self.client()  # held until the answer is here, whichever thread resets the role meanwhile
        pool = client.connection_pool
        connection = pool.get_connection()
        try:
            ask(connection)
        finally:
            pool.release(connection)

    def command(self, *words: Any, insist: bool = False) -> Any:
        """Send one command and return its answer; raise what `outage` makes of an error.

        Args:
            insist: send it although the breaker is open, if the last failure was immediate (connection refused). For
                writers: they must not miss a server that is back, or they leave an old value in it.
        """
        return self.send(words, insist=insist)

    def send(self, words: Sequence[Any], *, insist: bool = False) -> Any:
        """Do the same with the words of the command in one argument."""
        return self._run(self._command, words, insist=insist)

    def script(self, script: Script, keys: Sequence[str], arguments: Sequence[Any], *, insist: bool = False) -> Any:
        """Run a Lua script and return its answer, loading the script first where the server has not got it."""
        return self._run(self._script, script, keys, arguments, insist=insist)

    def begin_script(self, script: Script, keys: Sequence[str], arguments: Sequence[Any]) -> Callable[[], Any] | None:
        """Send a writer's script, and return what waits for its answer: another server can be asked meanwhile.

        None where the answer is here already, because the server is in trouble, or somebody watches.
        """
        client, breaker = self.client(), self.breaker
        if breaker.troubled or not isinstance(client, Client) or is_watched():
            self.script(script, keys, arguments, insist=True)
            return None
        trip = self._run(Trip, client, [("EVALSHA", script.digest, len(keys), *keys, *arguments)])

        def answer() -> Any:
            try:
                [found] = trip.answers()
                if isinstance(found, redis.exceptions.NoScriptError):
                    return client.execute_command("EVAL", script.source, len(keys), *keys, *arguments)
                return raised(found)
            except redis.RedisError as error:
                raise self._failed(error, breaker) from error

        return answer

    def script_for_each(
        self, script: Script, common: Sequence[Any], rows: Sequence[tuple[str, Sequence[Any]]], *, insist: bool = False
    ) -> list[Any]:
        """Run a script on many keys, each with arguments of its own behind those that all have in common.

        Returns the answer for each key; it is an exception where a server of a cluster did not answer.
        """
        arguments = [*common, *(argument for _, arguments in rows for argument in arguments)]
        answers = self._run(self._script, script, [key for key, _ in rows], arguments, insist=insist)
        return answers or [None] * len(rows)

    def get(self, key: str) -> Any:
        """Return what stands under a key."""
        return self._run(self._command, ("GET", key))

    def get_many(self, keys: Sequence[str]) -> list[Any]:
        """Return what stands under each key, None if it is no text; an exception where a server did not answer."""
        return self._run(self._command, ("MGET", *keys)) if keys else []

    def unlink(self, keys: Sequence[str | bytes], *, insist: bool = False) -> int:
        """Delete keys; return how many there were.

        Raises:
            Unavailable: with the `keys` of those servers of a cluster that did not answer; all others were deleted.
        """
        gone: int = self._run(self._command, ("UNLINK", *keys), insist=insist) if keys else 0
        return gone

    def scan(self, pattern: str, count: int, *, insist: bool = False) -> Iterator[list[bytes]]:
        """Yield the keys that a pattern fits, a batch at a time, each key at least once. Raises Unavailable."""
        cursor: Any = 0
        while True:
            words = ("SCAN", cursor, "MATCH", pattern, "COUNT", count)
            cursor, keys = self._run(self._command, words, insist=insist)
            yield keys
            if not int(cursor):
                return

    def servers(self) -> Sequence["Server"]:
        """Return the servers that hold the keys, to be asked one by one what each knows of its own only."""
        return [self]

    def script_and(
        self, script: Script, keys: Sequence[str], arguments: Sequence[Any], command: Sequence[Any]
    ) -> tuple[Any, Any]:
        """Run a script and then a command on the same connection; the command's answer may be an exception."""
        call = ("EVALSHA", script.digest, len(keys), *keys, *arguments)
        answer, then = self.answers([call, command])
        if isinstance(answer, redis.exceptions.NoScriptError):
            answer, then = self.answers([("EVAL", script.source, *call[2:]), command])
        return raised(answer), then

    def pipeline(self, commands: Sequence[Sequence[Any]]) -> list[Any]:
        """Send many commands in one round trip; an answer that is an error stands in the list as an exception.

        Raises:
            Unavailable: the server gave no answer, or refuses one of the commands as it would any. A command that
                this user may not send says nothing of the others: that error stands in the list.
        """
        answers = self.answers(commands)
        for answer in answers:
            if isinstance(answer, Unavailable) and not answer.forbidden:
                raise answer
        return answers

    def together(self, key: str, commands: Sequence[Sequence[Any]]) -> list[Any]:
        """Do the same over one connection, to whichever server has a key; all other keys share its hash slot."""
        return self.pipeline(commands)

    def answers(self, commands: Sequence[Sequence[Any]], *, insist: bool = False) -> list[Any]:
        """Do the same, and raise nothing but that the server did not answer."""
        return meant(commands, self._run(self._pipeline, commands, insist=insist), self.outage)

    def _command(self, words: Sequence[Any]) -> Any:
        client = self._client or self.client()
        return client.ask(*words) if words[0] in _PLAIN else client.execute_command(*words)

    def _script(self, script: Script, keys: Sequence[str], arguments: Sequence[Any]) -> Any:
        client = self._client or self.client()
        try:
            return client.ask("EVALSHA", script.digest, len(keys), *keys, *arguments)
        except redis.exceptions.NoScriptError:
            return client.execute_command("EVAL", script.source, len(keys), *keys, *arguments)

    def _pipeline(self, commands: Sequence[Sequence[Any]]) -> list[Any]:
        client = self.client()  # held until the answers are here, whichever thread resets the role meanwhile
        return client.ask_all(commands)

    def _refuse_if_switched_off(self) -> None:
        if not conf.is_enabled():
            raise self.unavailable(f"The {self.name} server is not asked: CACHEDEMO['ENABLED'] is False.")

    def _run(self, send: Callable[..., Any], *arguments: Any, insist: bool = False) -> Any:
        """The one place that every command passes: through the breaker while the server is in trouble."""
        self._refuse_if_switched_off()
        breaker = self.breaker
        try:
            if breaker.troubled:
                return breaker.call(lambda: send(*arguments), insist=insist)
            return send(*arguments)
        except redis.RedisError as error:
            raise self._failed(error, breaker, *(arguments[0][1:2] if send == self._command else ())) from error
        except Open as error:
            trouble = self._trouble.rstrip(".")  # what redis-py says has a full stop, or none
            raise self.unavailable(f"{trouble}. It is not asked now, until it answers again.") from error

    def _failed(self, error: redis.RedisError, breaker: Breaker, key: Any = "") -> Exception:
        """Take note that a command has failed, and return what to raise.

        Args:
            breaker: that of when it was sent. After a reset meanwhile it says nothing of the server that is asked now.
        """
        found = self.outage(error, key)
        if breaker is not self.breaker:
            return found
        if self._is_of_no_use(error):
            self._trouble = str(found)
        breaker.note(error, is_certain=takes_no_writes(error))
        if isinstance(error, _NO_PRIMARY):
            self._let_go()  # a new connection may lead to the primary
        return found

    def outage(self, error: redis.RedisError, key: Any = "") -> Exception:
        """Return what to raise for an error of this server: an outage, foreign data under a key of ours, or itself."""
        where = f"The {self.name} server at {self.address} ({self.setting})"
        if (found := meaning(error)) is not None:
            unavailable = self.unavailable(f"{where} {found.sentence}")
            unavailable.full, unavailable.forbidden, unavailable.sent = found.full, found.forbidden, found.sent
            return unavailable
        if is_foreign_data(error):
            which = f"its key {key}" if ":" in str(key) else "one of its keys"  # a script's digest is none
            return ForeignData(f"{where} holds something cachedemo did not write under {which}: {error}")
        return error
