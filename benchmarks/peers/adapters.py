"""Each peer: its settings, and how a project reads and writes one row with it. The comments name the documents."""

import json
import os
from collections.abc import Sequence
from typing import Any

TIMEOUT = 600  # seconds that a row is cached, in each of them

Name = str
People = list[Any]


class Peer:
    """The ORM alone: no cache at all."""

    apps: tuple[str, ...] = ()
    is_async = True  # whether its documents tell how to read in an async view

    def __init__(self, cache_url: str, queue_url: str) -> None:
        self.cache_url = cache_url
        self.queue_url = queue_url

    def settings(self) -> dict[str, Any]:
        """Return what its documents tell to put into the settings."""
        return {}

    def start(self) -> None:
        """Called once Django is set up."""
        from benchmarks.peers.people.models import Person

        self.people: Any = Person.objects

    def read(self, pk: int) -> Any:
        return self.people.get(pk=pk)

    def read_many(self, pks: Sequence[int]) -> People:
        return list(self.people.filter(pk__in=pks))

    def update(self, pk: int, name: Name) -> None:
        self.people.filter(pk=pk).update(name=name)

    def insert(self, pk: int) -> None:
        self.people.create(pk=pk, name="Al", email=f"{pk}@example.com")

    def settle(self) -> None:
        """Let the database have what only waits for it."""

    def body(self, pk: int) -> bytes:
        """Return the row as a view sends it."""
        return self._body(self.read(pk))

    async def abody(self, pk: int) -> bytes:
        return self._body(await self.people.aget(pk=pk))

    def _body(self, person: Any) -> bytes:
        names = ("id", "name", "email", "visits")
        return json.dumps({name: getattr(person, name) for name in names}).encode()


class ByHand(Peer):
    """Django's own RedisCache, by hand.

    https://docs.djangoproject.com/en/5.2/topics/cache/#redis and #the-low-level-cache-api; hiredis is installed. Not by
    `get_or_set`, which asks the cache three times on a miss.
    """

    backend = "django.core.cache.backends.redis.RedisCache"

    def settings(self) -> dict[str, Any]:
        return {"CACHES": {"default": {"BACKEND": self.backend, "LOCATION": self.cache_url}}}

    def start(self) -> None:
        from django.core.cache import cache

        super().start()
        self.cache: Any = cache

    def read(self, pk: int) -> Any:
        person = self.cache.get(f"person:{pk}")
        if person is None:
            person = self.people.get(pk=pk)
            self.cache.set(f"person:{pk}", person, TIMEOUT)
        return person

    def read_many(self, pks: Sequence[int]) -> People:
        found = self.cache.get_many([f"person:{pk}" for pk in pks])
        if missing := [pk for pk in pks if f"person:{pk}" not in found]:
            loaded = {f"person:{pk}": person for pk, person in self.people.in_bulk(missing).items()}
            self.cache.set_many(loaded, TIMEOUT)
            found |= loaded
        return list(found.values())

    def update(self, pk: int, name: Name) -> None:
        super().update(pk, name)
        self.cache.delete(f"person:{pk}")

    async def abody(self, pk: int) -> bytes:
        person = await self.cache.aget(f"person:{pk}")
        if person is None:
            person = await self.people.aget(pk=pk)
            await self.cache.aset(f"person:{pk}", person, TIMEOUT)
        return self._body(person)


class DjangoRedis(ByHand):
    """https://github.com/jazzband/django-redis#configure-as-cache-backend; it has no async methods of its own."""

    backend = "django_redis.cache.RedisCache"


class Cachex(ByHand):
    """https://oliverhaas.github.io/django-cachex/, quick start; with valkey-py and libvalkey, as its extra says."""

    backend = "django_cachex.cache.ValkeyCache"

    def settings(self) -> dict[str, Any]:
        location = self.cache_url.replace("redis://", "valkey://")
        return {"CACHES": {"default": {"BACKEND": self.backend, "LOCATION": location}}}


class Cacheops(Peer):
    """https://github.com/Suor/django-cacheops#setup; `ops` are those two that the work asks for.

    Writes: `save()`, for `invalidated_update()` selects the row twice besides its UPDATE.
    """

    apps = ("cacheops",)
    is_async = False
    profile: dict[str, Any] = {}

    def settings(self) -> dict[str, Any]:
        profile = {"ops": {"get", "fetch"}, "timeout": TIMEOUT, **self.profile}
        return {"CACHEOPS_REDIS": self.cache_url, "CACHEOPS": {"people.person": profile}}

    def update(self, pk: int, name: Name) -> None:
        person = self.people.get(pk=pk)
        person.name = name
        person.save(update_fields=["name"])


class CacheopsOnSave(Cacheops):
    """With its option that puts a saved row into the cache."""

    profile = {"cache_on_save": True}


class CacheopsLocking(Cacheops):
    """With its option against many readers of one cold row: #dog-pile-prevention or, for each model, `lock`."""

    profile = {"lock": True}


class Cachalot(Peer):
    """https://django-cachalot.readthedocs.io/en/latest/quickstart.html, on Django's RedisCache.

    A write makes all cached queries of its table invalid.
    """

    apps = ("cachalot",)
    is_async = False

    def settings(self) -> dict[str, Any]:
        backend = "django.core.cache.backends.redis.RedisCache"
        caches = {"default": {"BACKEND": backend, "LOCATION": self.cache_url}}
        return {"CACHES": caches, "CACHALOT_TIMEOUT": TIMEOUT}


class CacheAside(Peer):
    """cachedemo: docs/installing.md, with a queue on `appendfsync always`."""

    apps = ("cachedemo",)
    pattern = "cache-aside"

    def settings(self) -> dict[str, Any]:
        return {"CACHEDEMO": {"CACHE_URL": self.cache_url, "QUEUE_URL": self.queue_url}}

    def start(self) -> None:
        from celery import Celery

        from benchmarks.peers.people.models import Person
        from cachedemo import cache_for

        Celery("peers", broker=self.queue_url.rpartition("/")[0] + "/15").set_default()
        users = cache_for(Person)
        users.announce()
        self.people, self.users, self.writer = Person.objects, users, users.via(self.pattern)

    def read(self, pk: int) -> Any:
        return self.users.get(pk)

    def read_many(self, pks: Sequence[int]) -> People:
        return list(self.users.get_many(pks).values())

    def update(self, pk: int, name: Name) -> None:
        self.writer.update(pk, name=name)

    def insert(self, pk: int) -> None:
        self.writer.create(pk=pk, name="Al", email=f"{pk}@example.com")

    def settle(self) -> None:
        self.users.drain()

    def body(self, pk: int) -> bytes:
        return bytes(self.users.read(pk).body)

    async def abody(self, pk: int) -> bytes:
        return bytes((await self.users.aread(pk)).body)


class WriteThrough(CacheAside):
    pattern = "write-through"


class WriteBehind(CacheAside):
    pattern = "write-behind"


class Near(CacheAside):
    """With the process's own copies of rows, as `near = 1.0` has them: a read may be a second behind."""

    def __init__(self, cache_url: str, queue_url: str) -> None:
        super().__init__(cache_url, queue_url)
        os.environ["PEERS_NEAR"] = "1.0"


PEERS: dict[str, type[Peer]] = {
    "cachedemo, cache-aside": CacheAside,
    "cachedemo, write-through": WriteThrough,
    "cachedemo, write-behind": WriteBehind,
    "cachedemo, near": Near,
    "Django's RedisCache": ByHand,
    "django-redis": DjangoRedis,
    "django-cachex": Cachex,
    "django-cacheops": Cacheops,
    "the same, cache_on_save": CacheopsOnSave,
    "the same, lock": CacheopsLocking,
    "django-cachalot": Cachalot,
    "the ORM alone": Peer,
}
