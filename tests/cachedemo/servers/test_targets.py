"""Where a URL leads: to one server, to a primary that sentinels name, to a cluster."""

import pytest
import redis

from cachedemo.servers.targets import Topology, places, servers, target

ONE, SENTINEL, CLUSTER = Topology.ONE_SERVER, Topology.SENTINEL, Topology.CLUSTER


@pytest.mark.parametrize(
    ("url", "topology", "nodes", "service", "database"),
    [
        ("redis://h", ONE, [("h", 6379)], "", 0),
        ("valkey://h:1/2", ONE, [("h", 1)], "", 2),
        ("redis://h/2?db=3", ONE, [("h", 6379)], "", 3),
        ("redis://[::1]:7/1", ONE, [("::1", 7)], "", 1),
        ("redis+cluster://a,b:7000,[::1]:7001", CLUSTER, [("a", 6379), ("b", 7000), ("::1", 7001)], "", 0),
        ("redis+sentinel://a,b:7/main/3", SENTINEL, [("a", 26379), ("b", 7)], "main", 3),
        ("rediss+sentinel://a/my%2Fmain", SENTINEL, [("a", 26379)], "my/main", 0),
    ],
)
def test_a_url_leads_to(url, topology, nodes, service, database):
    found = target(url)
    assert (found.topology, list(found.nodes), found.service, found.database) == (topology, nodes, service, database)


def connected(url):
    """What redis-py makes of a URL."""
    return redis.connection.parse_url(url)


def test_each_node_is_reached_as_one_server_with_user_options_and_tls():
    found = target("valkeys+cluster://me:p%23%20w@a,[::1]:7?client_name=w%26b&ssl_check_hostname=false")
    first, second = (connected(found.url_of(*node)) for node in found.nodes)
    common = {"username": "me", "password": "p# w", "client_name": "w&b", "db": 0, "ssl_check_hostname": False}
    common |= {"connection_class": redis.connection.SSLConnection}
    assert first == common | {"host": "a", "port": 6379}
    assert second == common | {"host": "::1", "port": 7}


def test_a_primary_and_its_sentinels_have_users_of_their_own():
    found = target("redis+sentinel://me:mine@a/main/3?sentinel_username=s&sentinel_password=p%26q&client_name=web")
    primary, sentinel = connected(found.url_of("p", 6380)), connected(found.url_of_sentinel(*found.nodes[0]))
    assert primary == {
        "host": "p", "port": 6380, "db": 3, "username": "me", "password": "mine", "client_name": "web"
    }  # fmt: skip
    assert sentinel == {"host": "a", "port": 26379, "db": 0, "username": "s", "password": "p&q"}
    alone = target("redis+sentinel://me:mine@a/main")
    assert connected(alone.url_of_sentinel(*alone.nodes[0])) == {"host": "a", "port": 26379, "db": 0}


def test_a_socket_is_reached_as_it_is_written():
    found = target("unix://me:p%2F@/run/my%20redis.sock?db=2")
    ours = connected(found.url_of(*found.nodes[0]))
    expected = {"username": "me", "password": "p/", "path": "/run/my redis.sock", "db": 2}
    assert ours == expected | {"connection_class": redis.connection.UnixDomainSocketConnection}


def test_an_option_of_the_setting_counts_where_the_url_has_none():
    found = target(
        "rediss://me@h?client_name=url", {"client_name": "setting", "password": "p%q", "ssl_cert_reqs": "none"}
    )
    options = connected(found.url_of(*found.nodes[0]))
    assert options["password"] == "p%q", "as it is, and not encoded"
    assert (options["client_name"], options["ssl_cert_reqs"]) == ("url", "none")


def test_a_target_never_shows_its_password():
    """Django's error page shows the values of a frame."""
    assert "hush" not in repr(target("redis+cluster://me:hush1@h?password=hush2", {"sentinel_password": "hush3"}))


@pytest.mark.parametrize(
    ("one", "other", "same_database", "same_server"),
    [
        ("redis://localhost", "redis://127.0.0.1:6379/0", True, True),
        ("redis://h/0", "redis://h/1", False, True),
        ("redis+cluster://a,b", "redis+cluster://b,c", True, True),
        ("redis+cluster://a,b", "redis://b", True, True),
        ("redis+cluster://a,b", "redis+cluster://c,d", False, False),
        ("redis+sentinel://a,b/main", "redis+sentinel://b,c/main", True, True),
        ("redis+sentinel://a,b/main", "redis+sentinel://a,b/main/1", False, True),
        ("redis+sentinel://a,b/cache", "redis+sentinel://a,b/queue", False, False),
        ("unix:///run/a.sock", "unix:///run/a.sock?db=1", False, True),
        ("http://h", "http://h", False, False),
    ],
)
def test_two_urls_are_compared_by_where_they_lead(one, other, same_database, same_server):
    assert bool(places(one) & places(other)) is same_database
    assert bool(servers(places(one)) & servers(places(other))) is same_server
