"""TLS with an authority of one's own, a user with a password, and each kind of URL, for both roles."""

import shutil
import subprocess
from contextlib import ExitStack
from pathlib import Path

import pytest
import redis
from django.core.management import call_command

from cachedemo import durability
from cachedemo.embedded.server import ends_with_this_process, free_port
from cachedemo.servers import roles
from cachedemo.servers.roles import CACHE, QUEUE
from tests.cachedemo.servers.test_urls import make_certificate
from tests.helpers import missing, until

HOST, NAME = "127.0.0.1", "ours"
PASSWORD, OTHER = "p#s/w?r@d", "sentinels' own"
ENCODED = "p%23s%2Fw%3Fr%40d"


class Servers:
    """Servers of Debian that speak nothing but TLS, in one folder; `app` is the only user but those of themselves."""

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        self.folder, self._stack = folder, stack
        make_certificate(folder)
        self.certificate = folder / "cert.pem"

    def start(self, *lines: str) -> int:
        """Start one with these lines in its configuration; return its port."""
        port = free_port()
        folder = self.folder / str(port)
        folder.mkdir()
        files = [f"tls-{kind} {self.folder}/{name}" for kind, name in FILES.items()]
        own = ["port 0", f"tls-port {port}", *files, "tls-auth-clients no", "tls-replication yes", f"dir {folder}"]
        (folder / "conf").write_text("\n".join([*own, *lines, ""]))
        is_sentinel = any(line.startswith("sentinel") for line in lines)
        words = ["redis-server", str(folder / "conf"), *(["--sentinel"] if is_sentinel else [])]
        process = subprocess.Popen(words, stdout=subprocess.DEVNULL, preexec_fn=ends_with_this_process())
        self._stack.callback(process.wait)
        self._stack.callback(process.kill)
        until(lambda: self._answers(port))
        return port

    def data(self, *lines: str) -> int:
        """Start one that holds data, with what either role needs."""
        quoted = f'"{PASSWORD}"'
        users = [f'user app on ">{PASSWORD}" ~* &* +@all', f"requirepass {quoted}", f"masterauth {quoted}"]
        kept = ["appendonly yes", "appendfsync always", 'save ""', "repl-diskless-sync-delay 0"]
        return self.start(*users, *kept, *lines)

    def client(self, port: int, password: str = PASSWORD) -> redis.Redis:
        client = redis.Redis(host=HOST, port=port, password=password, ssl=True, ssl_ca_certs=str(self.certificate))
        self._stack.callback(client.close)  # else a socket of it may end as somebody else's warning
        return client

    def _answers(self, port: int) -> bool:
        try:
            return bool(self.client(port).ping())
        except redis.AuthenticationError:
            return True
        except redis.RedisError:
            return False


FILES = {"cert-file": "cert.pem", "key-file": "key.pem", "ca-cert-file": "cert.pem"}


@pytest.fixture
def servers(tmp_path):
    for program in ("openssl", "redis-server"):
        if not shutil.which(program):
            missing(f"{program} is not installed")
    folder = tmp_path / "tls"
    folder.mkdir()
    with ExitStack() as stack:
        yield Servers(folder, stack)
    roles.reset()


def one_server(servers):
    return f"rediss://app:{ENCODED}@{HOST}:{servers.data()}/1?"


def valkeys(servers):
    return one_server(servers).replace("rediss", "valkeys")


def sentinel(servers):
    primary = servers.data()
    sentinel = servers.start(
        f'requirepass "{OTHER}"',
        f"sentinel monitor {NAME} {HOST} {primary} 1",
        f'sentinel auth-pass {NAME} "{PASSWORD}"',
    )
    until(lambda: servers.client(sentinel, OTHER).sentinel_master(NAME)["is_master"])
    return f"rediss+sentinel://app:{ENCODED}@{HOST}:{sentinel}/{NAME}/1?sentinel_password=sentinels%27%20own&"


def cluster(servers):
    """Two primaries, of which the URL names one."""
    bus = [free_port(), free_port()]
    ports = [servers.data("cluster-enabled yes", "tls-cluster yes", f"cluster-port {each}") for each in bus]
    one, other = map(servers.client, ports)
    one.execute_command("CLUSTER ADDSLOTSRANGE", 0, 8191)
    other.execute_command("CLUSTER ADDSLOTSRANGE", 8192, 16383)
    other.execute_command("CLUSTER SET-CONFIG-EPOCH", 2)
    one.execute_command("CLUSTER MEET", HOST, ports[1], bus[1])
    until(lambda: all(each.execute_command("CLUSTER INFO")["cluster_slots_ok"] == "16384" for each in (one, other)))
    until(lambda: all(each.execute_command("CLUSTER INFO")["cluster_state"] == "ok" for each in (one, other)))
    return f"rediss+cluster://app:{ENCODED}@{HOST}:{ports[0]}?"


@pytest.mark.parametrize("role", [CACHE, QUEUE], ids=["cache", "queue"])
@pytest.mark.parametrize("leads_to", [one_server, valkeys, sentinel, cluster])
def test_a_user_and_an_authority_are_enough_wherever_a_url_leads(role, leads_to, servers, notes, settings, capsys):
    url = f"{leads_to(servers)}ssl_ca_certs={servers.certificate}"
    settings.CACHEDEMO = {**settings.CACHEDEMO, role.setting: url}
    roles.reset()
    notes.announce()
    for pk in (1, 2):
        notes.via("write-behind").update(pk, title=f"new {pk}")
    assert notes.drain(timeout=20) == 2
    assert notes.read(1).origin == "cache"
    assert {each.title for each in notes.get_many([1, 2]).values()} == {"new 1", "new 2"}
    call_command("cache_ping")
    assert durability.of_queue().warnings == []
    said = capsys.readouterr()
    assert PASSWORD not in said.out + said.err
    assert ENCODED not in said.out + said.err


@pytest.mark.parametrize("leads_to", [one_server, sentinel, cluster])
def test_without_the_authority_it_is_one_sentence(leads_to, servers, notes, settings):
    settings.CACHEDEMO = {**settings.CACHEDEMO, "CACHE_URL": leads_to(servers).rstrip("?&")}
    roles.reset()
    with pytest.raises(CACHE.unavailable) as refused:
        CACHE.get("v1:note:1")
    assert PASSWORD not in str(refused.value)
    assert ENCODED not in str(refused.value)
    assert str(refused.value).endswith(".")
    assert "not trusted here" in str(refused.value)
    assert notes.get(1).title


def test_a_wrong_password_of_the_sentinels_is_told_from_sentinels_that_are_down(servers, settings):
    url = sentinel(servers).replace("own&", "wrong&") + f"ssl_ca_certs={servers.certificate}"
    settings.CACHEDEMO = {**settings.CACHEDEMO, "CACHE_URL": url}
    roles.reset()
    with pytest.raises(CACHE.unavailable, match=r"no majority of its sentinels.*password") as refused:
        CACHE.get("v1:note:1")
    assert "wrong" not in str(refused.value).partition("WRONGPASS")[0], "nor is that password shown"
