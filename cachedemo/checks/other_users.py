"""Where else a project keeps something on Redis, by its settings: Django's caches, Celery, sessions, channel layers.

Each library has ways of its own to name a server. What cannot be read is left to that library to complain of.
"""

import dataclasses
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import parse_qsl

from django.conf import settings

from cachedemo.checks import celery_app
from cachedemo.servers import targets
from cachedemo.servers.targets import Place

_REDIS_SESSIONS = "redis_sessions.session"  # django-redis-sessions


def _read(read: Callable[..., Iterable[Place]], *arguments: Any) -> set[Place]:
    """Return what a function finds; nothing where a setting is not what its library takes."""
    try:
        return set(read(*arguments))
    except (TypeError, ValueError, LookupError, AttributeError):
        return set()


def of_cache(alias: str) -> set[Place]:
    """Return where one of CACHES is; a database number in OPTIONS counts where the URL has none."""
    return _read(_of_cache, alias)


def _of_cache(alias: str) -> Iterator[Place]:
    configured = settings.CACHES.get(alias, {})
    # SENTINELS is django-redis' name, `sentinels` that of django-cachex; DB and `db` are two such.
    options = {str(name).lower(): value for name, value in (configured.get("OPTIONS") or {}).items()}
    pool = options.get("connection_pool_kwargs") or {}
    number = next((each for each in (options.get("db"), pool.get("db")) if each is not None), None)
    found = urls_of(configured.get("LOCATION"), "[;,]")
    if "redis" in str(configured.get("BACKEND", "")).lower():
        found = [url if "://" in url else f"redis://{url}" for url in found]
    if sentinels := options.get("sentinels"):
        found = [by_sentinels(sentinels, *_service_of(url)) for url in found]
    return (place for url in found for place in places(url, number))


def of_celery() -> Iterator[tuple[str, set[Place]]]:
    """Yield what Celery uses, and where that is."""
    celery = celery_app.project_settings()
    if celery is None:
        return
    for what, names, options in (
        ("broker", ("broker_url", "broker_read_url", "broker_write_url"), "broker_transport_options"),
        ("result backend", ("result_backend",), "result_backend_transport_options"),
    ):
        yield what, _read(_of_celery, celery, names, options)


def _of_celery(celery: Any, names: Iterable[str], options: str) -> Iterator[Place]:
    master = (getattr(celery, options, None) or {}).get("master_name")
    urls = [url for name in names for url in urls_of(_url_of(celery, getattr(celery, name, None)), ";")]
    return (place for url in _as_ours(urls, master) for place in places(url))


def _url_of(celery: Any, url: Any) -> Any:
    if url != "redis":
        return url
    host, port, number = (getattr(celery, f"redis_{name}", None) for name in ("host", "port", "db"))
    return f"redis://{host or 'localhost'}:{port or targets.PORT}/{number or 0}"


def _as_ours(urls: Sequence[str], master: Any) -> Iterator[str]:
    """Yield Celery's URLs in the form of ours: those of sockets and sentinels have schemes of their own."""
    for url in urls:
        scheme, _, rest = url.partition("://")
        if scheme == "sentinel" and master:
            nodes, _, path = rest.rpartition("@")[2].partition("/")
            yield f"redis+sentinel://{nodes}/{master}/{path.partition('?')[0]}"
        else:
            yield url.replace("redis+socket://", "unix://", 1).replace("virtual_host=", "db=", 1)


def of_channel_layers() -> Iterator[tuple[str, set[Place]]]:
    """Yield the alias of each channel layer, and where on Redis it is, if it is."""
    layers = getattr(settings, "CHANNEL_LAYERS", None)
    for alias, layer in layers.items() if isinstance(layers, Mapping) else ():
        yield alias, _read(_of_channel_layer, layer)


def _of_channel_layer(layer: Mapping[str, Any]) -> Iterable[Place]:
    on_redis = "redis" in str(layer.get("BACKEND", "")).lower()
    return _of_hosts((layer.get("CONFIG") or {}).get("hosts")) if on_redis else ()


def _of_hosts(hosts: Any) -> Iterator[Place]:
    listed = [hosts] if isinstance(hosts, str | Mapping) else hosts or [("localhost", targets.PORT)]
    return (place for host in listed for place in _of_host(host))


def of_session_store() -> set[Place]:
    """Return where sessions are that django-redis-sessions keeps."""
    found = settings.SESSION_ENGINE == _REDIS_SESSIONS
    return _read(_of_session_store, getattr(settings, "SESSION_REDIS", {})) if found else set()


def _of_session_store(configured: Mapping[str, Any]) -> Iterable[Place]:
    if socket := configured.get("unix_domain_socket_path"):
        return places(f"unix://{socket}", configured.get("db"))
    return places(configured["url"]) if configured.get("url") else _of_host(configured)


def _of_host(host: Any) -> Iterator[Place]:
    """Yield the place of a server that is named by a URL, by host and port, or by a dict of these."""
    if isinstance(host, str):
        yield from places(host)
    elif not isinstance(host, Mapping):
        yield from _of_host({"host": host[0], "port": host[1]})
    elif "sentinels" in host:
        yield from places(by_sentinels(host["sentinels"], host.get("master_name", ""), host.get("db")))
    elif isinstance(host.get("address"), str):
        yield from places(host["address"], host.get("db"))
    elif host.get("address"):
        yield from _of_host({"host": host["address"][0], "port": host["address"][1], "db": host.get("db")})
    else:
        name = str(host.get("host", "localhost"))
        yield from places(f"redis://[{name}]" if ":" in name else f"redis://{name}", host.get("db"), host.get("port"))


def by_sentinels(sentinels: Iterable[Any], service: str, number: Any = None) -> str:
    """Return the URL of ours for a primary that sentinels, host and port each, know by a name."""
    return f"redis+sentinel://{','.join(f'{host}:{port}' for host, port in sentinels)}/{service}/{number or 0}"


def _service_of(url: str) -> tuple[str, str]:
    """Return the name and the number of the database in a URL of django-redis whose host is a name for sentinels."""
    place, _, query = url.partition("://")[2].partition("?")
    service, _, number = place.rpartition("@")[2].partition("/")
    return service.partition(":")[0], dict(parse_qsl(query)).get("db", number)


def urls_of(named: Any, separators: str) -> list[str]:
    """Return the URLs of a list, or of a text that separates them."""
    return re.split(separators, named) if isinstance(named, str) else list(map(str, named or ()))


def places(url: str, number: Any = None, port: Any = None) -> frozenset[Place]:
    """Return where a URL leads; nothing where it is none of a Redis server.

    Args:
        number: of the database, where the URL names none.
        port: in the place of the usual one.
    """
    try:
        found = targets.target(url)
        if number is not None and not found.names_database:
            found = targets.target(url, {"db": number})
        if port is not None:
            found = dataclasses.replace(found, nodes=((found.nodes[0][0], int(port)),))
        return found.places
    except ValueError:
        return frozenset()
