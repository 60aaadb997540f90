"""The two Redis servers, each behind its role: the one place that every command passes.

Every command of the package passes `Role.command`, `Role.script` or `Role.pipeline`; what an error of a server means
is decided in `server_errors.py`.
"""

import os
import threading
from collections.abc import Callable, Sequence
from typing import Any

import redis
from django.core.exceptions import ImproperlyConfigured
from django.core.signals import setting_changed

from cachedemo import conf
from cachedemo.exceptions import CacheUnavailable, ForeignData, QueueUnavailable, Unavailable
from cachedemo.servers.breaker import Breaker, Open
from cachedemo.servers.client import client_for
from cachedemo.servers.greeting import NOT_LEARNED, Unusable
from cachedemo.servers.pipeline_answers import raised
from cachedemo.servers.recognition import Recognition
from cachedemo.servers.scripts import Script
from cachedemo.servers.server_errors import failed_at_once, is_foreign_data, is_silence, meaning
from cachedemo.servers.targets import Target, target
from cachedemo.servers.urls import address, problem, problem_of_setting

_NO_PRIMARY = (redis.exceptions.ReadOnlyError, Unusable)


class Role:
    """One of the two servers: how to talk to it, and what to raise when it does not answer."""

    def __init__(self, name: str, unavailable: type[Unavailable]) -> None:
        self.name = name
        self.setting = f"{name.upper()}_URL"
        self.unavailable = unavailable
        self.cover: Callable[[redis.Redis], Any] | None = None  # makes what stands in for each client that is opened
        self.reset()

    def reset(self) -> None:
        """Forget the client and what is known of the server, so that the next command opens a new one."""
        self._client: redis.Redis | None = None
        self.settings = object()  # another one whenever the settings may be others
        self._opened_for: list[Any] = []
        self._opening = threading.Lock()  # a new one: after a fork, the old may be held by a thread that is not here
        self.recognised = Recognition(self._let_go)
        self.breaker = Breaker(lambda: self._command(["PING"]), is_silence, failed_at_once)

    @property
    def url(self) -> str:
        """Where the server is. Raises Unavailable while cachedemo is switched off: it need not be set then."""
        self._refuse_if_switched_off()
        return conf.get(self.setting)

    @property
    def options(self) -> dict[str, Any]:
        """What stands beside the URL in the settings: user, password, files of TLS."""
        options: dict[str, Any] = conf.get_valid(f"{self.name.upper()}_OPTIONS")
        return options

    @property
    def target(self) -> Target:
        """Where the URL leads. Raises ImproperlyConfigured if it is wrong, with the fix."""
        if (wrong := self.misconfigured()) is not None:
            raise ImproperlyConfigured(wrong)
        return target(self.url, self.options)

    def misconfigured(self) -> str | None:
        """Return what is wrong with the URL or the options beside it, without the password; None if nothing is."""
        if (wrong := problem(self.url)) is not None:
            return f"CACHEDEMO['{self.setting}'] {wrong}."
        if (wrong := problem_of_setting(self.url, self.options)) is not None:
            return f"CACHEDEMO['{self.name.upper()}_OPTIONS'] {wrong}."
        return None

    def _refuse_if_switched_off(self) -> None:
        if not conf.is_enabled():
            raise self.unavailable(f"The {self.name} server is not asked: CACHEDEMO['ENABLED'] is False.")

    def client(self) -> redis.Redis:
        """Return this process's client, opened when first asked for and again after a fork.

        Threads that ask at the same time get the same one: redis-py closes the connections of a client that nobody
        holds any more, even those that a pipeline of it is using.
        """
        if (client := self._client) is not None:
            return client
        with self._opening:
            if (client := self._client) is None:
                client = client_for(self.target, self.recognised.new_greeting())
                self._opened_for = conf.of_connection(self.name)
                client = self._client = self.cover(client) if self.cover is not None else client
            return client

    def follow_settings(self) -> None:
        """Open a new client with the next command if the settings are not those that this one was opened for."""
        if not self._opened_for or self._opened_for != conf.of_connection(self.name):
            self.reset()

    def server(self) -> bytes:
        """Return which server this role's is now (see `greeting.py`), connecting first if that was never done.

        Raises:
            Unavailable: it cannot be told, for the server does not answer.
        """
        if self.recognised.identity == NOT_LEARNED:
            self._run(self._on_a_connection, lambda connection: None)
        return self.recognised.identity

    def look_again(self) -> None:
        """Ask again which server it is, since a promotion need not end connections. Raises Unavailable."""
        if self._client is not None and self.recognised.may_change:
            self._run(self._on_a_connection, self.recognised.ask)

    def _let_go(self) -> None:
        self._client = None

    def _on_a_connection(self, ask: Callable[[Any], None]) -> None:
        pool = self.client().connection_pool
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
        return self._run(self._command, words, insist=insist)

    def script(self, script: Script, keys: Sequence[str], arguments: Sequence[Any], *, insist: bool = False) -> Any:
        """Run a Lua script and return its answer, loading the script first where the server has not got it."""
        return self._run(self._script, script, keys, arguments, insist=insist)

    def script_and(
        self, script: Script, keys: Sequence[str], arguments: Sequence[Any], command: Sequence[Any]
    ) -> tuple[Any, Any]:
        """Run a script and then a command on the same connection; the command's answer may be an exception."""
        call = ("EVALSHA", script.digest, len(keys), *keys, *arguments)
        answer, then = self._answers([call, command])
        if isinstance(answer, redis.exceptions.NoScriptError):
            answer, then = self._answers([("EVAL", script.source, *call[2:]), command])
        return raised(answer), then

    def pipeline(self, commands: Sequence[Sequence[Any]]) -> list[Any]:
        """Send many commands in one round trip; an answer that is an error stands in the list as an exception.

        Raises:
            Unavailable: the server gave no answer, or refuses one of the commands as it would any. A command that
                this user may not send says nothing of the others: that error stands in the list.
        """
        answers = self._answers(commands)
        for answer in answers:
            if isinstance(answer, Unavailable) and not answer.forbidden:
                raise answer
        return answers

    def _answers(self, commands: Sequence[Sequence[Any]]) -> list[Any]:
        answers = self._run(self._pipeline, commands)
        return [
            self.outage(answer, *words[1:2]) if isinstance(answer, redis.RedisError) else answer
            for words, answer in zip(commands, answers, strict=True)
        ]

    def _command(self, words: Sequence[Any]) -> Any:
        return (self._client or self.client()).execute_command(*words)

    def _script(self, script: Script, keys: Sequence[str], arguments: Sequence[Any]) -> Any:
        client = self._client or self.client()
        try:
            return client.execute_command("EVALSHA", script.digest, len(keys), *keys, *arguments)
        except redis.exceptions.NoScriptError:
            return client.execute_command("EVAL", script.source, len(keys), *keys, *arguments)

    def _pipeline(self, commands: Sequence[Sequence[Any]]) -> list[Any]:
        client = self.client()  # held until the answers are here, whichever thread resets the role meanwhile
        pipe = client.pipeline(transaction=False)
        for words in commands:
            pipe.execute_command(*words)
        return pipe.execute(raise_on_error=False)

    def _run(self, send: Callable[..., Any], *arguments: Any, insist: bool = False) -> Any:
        """The one place that every command passes: through the breaker while the server is in trouble."""
        self._refuse_if_switched_off()
        try:
            if self.breaker.troubled:
                return self.breaker.call(lambda: send(*arguments), insist=insist)
            return send(*arguments)
        except redis.RedisError as error:
            self.breaker.note(error)
            if isinstance(error, _NO_PRIMARY):
                self._let_go()  # a new connection may lead to the primary
            raise self.outage(error, *(arguments[0][1:2] if send == self._command else ())) from error
        except Open as error:
            raise self.unavailable(f"The {self.name} server at {self.address} is not asked now. {error}") from error

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

    @property
    def address(self) -> str:
        """Host, port and database, without the password."""
        return address(self.url) if conf.is_enabled() else "switched off"


CACHE = Role("cache", CacheUnavailable)
QUEUE = Role("queue", QueueUnavailable)


def cache() -> redis.Redis:
    """Return the client of the cache server."""
    return CACHE.client()


def queue() -> redis.Redis:
    """Return the client of the queue server."""
    return QUEUE.client()


def reset() -> None:
    """Forget both clients: after a fork, and when the settings change."""
    CACHE.reset()
    QUEUE.reset()


def _follow_settings(*, setting: str, **_: Any) -> None:
    """`override_settings`, and whatever else says that a setting has changed, takes effect at once."""
    if setting == "CACHEDEMO":
        CACHE.follow_settings()
        QUEUE.follow_settings()


setting_changed.connect(_follow_settings, dispatch_uid="cachedemo.servers.roles")
os.register_at_fork(after_in_child=reset)
