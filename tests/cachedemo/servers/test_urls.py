"""What is wrong with a server's URL or certificate is one sentence, and never repeats the password."""

import shutil
import subprocess
from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.core.management import CommandError, call_command

from cachedemo import checks
from cachedemo.embedded.server import free_port
from cachedemo.servers import roles, urls
from tests.helpers import missing, until

HUSH = "hush9"  # stands in every password here
BAD = [
    (f"redis://:{HUSH}#x@localhost:6379/0", "as %23"),
    (f"redis://:{HUSH}/x@localhost:6379/0", "as %23 %2F"),
    (f"redis://:{HUSH}?x@localhost:6379/0", "as %23 %2F %3F"),
    (f"redis://:x#{HUSH}@localhost:6379/0", "as %23"),
    (f"redis://:x/{HUSH}@localhost:6379/0", "as %23 %2F"),
    (f"redis://:{HUSH}[x@localhost:6379/0", "as %5B"),
    (f"redis://:{HUSH}@localhost:port/0", "names no port from 1 to 65535"),
    (f"redis://:{HUSH}@localhost:99999/0", "names no port from 1 to 65535"),
    (f"redis://:{HUSH}@localhost:0/0", "names no port from 1 to 65535"),
    (f"redis://:{HUSH}@localhost/cache", "a database that is no number"),
    (f"redis://:{HUSH}@localhost/-1", "a database that is no number"),
    (f"redis://:{HUSH}@localhost?db=one", "a database that is no number"),
    (f"unix://:{HUSH}@?db=0", "names no socket"),
    (f"http://:{HUSH}@localhost/0", "is no URL of a Redis server"),
    (f"redis://:{HUSH}@localhost/0?protocol=2", "has the option 'protocol', which is none of db,"),
    (f"redis://:{HUSH}@localhost/0?tiemout=2", "has the option 'tiemout', which is none of db,"),
    (f"redis://:{HUSH}@localhost/0?socket_timeout=9", "set CACHEDEMO['TIMEOUT'] instead"),
    (f"redis://:{HUSH}@localhost/0?ssl_cert_reqs=none", "begin it with rediss://"),
    (f"rediss://:{HUSH}@localhost/0?ssl_cert_reqs=requierd", "must be one of none, optional, required"),
    (f"rediss://:{HUSH}@localhost/0?ssl_ca_certs=/not/there.pem", "names no file that can be read"),
    (f"redis://:{HUSH}@one,two/0", "begin it with redis+cluster:// or redis+sentinel://"),
    (f"redis+clutser://:{HUSH}@one,two", "is no URL of a Redis server"),
    (f"unix+cluster://:{HUSH}@/run/redis.sock", "is no URL of a Redis server"),
    (f"redis+cluster://:{HUSH}@one,two:port", "for example redis+cluster://"),
    (f"redis+cluster://:{HUSH}#@one,two", "as %23"),
    (f"redis+cluster://:{HUSH}@one/1", "names database 1, but a cluster has only one"),
    (f"redis+cluster://:{HUSH}@one?sentinel_password={HUSH}", "has the option 'sentinel_password', which is none of"),
    (f"redis+cluster://:{HUSH}@one?ssl_cert_reqs=none", "begin it with rediss+cluster://"),
    (f"redis+sentinel://:{HUSH}@one,two:0/main", "for example redis+sentinel://"),
    (f"redis+sentinel://:{HUSH}@one,two", "does not say which primary the sentinels are asked for"),
    (f"redis+sentinel://:{HUSH}@one,two/main/x", "a database that is no number"),
]


@pytest.mark.parametrize(("url", "words"), BAD)
def test_a_mistake_is_one_sentence_without_the_password(url, words, settings):
    settings.CACHEDEMO = {**settings.CACHEDEMO, "CACHE_URL": url}
    [error] = checks.check_servers()
    with pytest.raises(ImproperlyConfigured) as refused:
        roles.CACHE.command("PING")
    for said in (error.msg, str(refused.value)):
        assert said.startswith("CACHEDEMO['CACHE_URL'] ")
        assert words in said
        assert said.endswith(".")
        assert HUSH not in said


@pytest.mark.parametrize(
    "url",
    [
        "redis://localhost",
        "redis://user:p%23%2F%3F%40ss@localhost:6379/3?client_name=web",
        "rediss://localhost/0?ssl_cert_reqs=none&ssl_check_hostname=false",
        "unix://user:pass@/run/redis.sock?db=2",
        "redis://[::1]:6379/0",
        "valkey://localhost/0",
        "valkeys://localhost/0?ssl_cert_reqs=none",
        "redis+cluster://:p%23@one:7000,two,[::1]:7002",
        "rediss+cluster://one?ssl_cert_reqs=none",
        "redis+sentinel://user:pass@one,two:26380/main/3?sentinel_username=u&sentinel_password=p",
        "valkeys+sentinel://one/main",
    ],
)
def test_what_is_right_is_not_complained_of(url):
    assert urls.problem(url) is None


BESIDE = [
    ({"password": HUSH, "db": 1}, "end the URL with the number of the database instead"),
    ({"pasword": HUSH}, "has the option 'pasword', which is none of"),
    ({"password": HUSH, "socket_timeout": 3}, "set CACHEDEMO['TIMEOUT'] instead"),
    ({"ssl_ca_certs": "/not/there.pem"}, "begin it with rediss://"),
    (f"password={HUSH}", "is no dict: write for example {'password': …}."),
    ({1: HUSH}, "is no dict"),
]


@pytest.mark.parametrize(("options", "words"), BESIDE)
def test_a_mistake_in_the_setting_beside_the_url_is_one_sentence_too(options, words, settings):
    settings.CACHEDEMO = {**settings.CACHEDEMO, "CACHE_OPTIONS": options}
    [error] = checks.check_servers()
    assert error.msg.startswith("CACHEDEMO['CACHE_OPTIONS'] ")
    assert words in error.msg
    assert error.msg.endswith(".")
    assert HUSH not in error.msg


@pytest.fixture
def tls_server(tmp_path):
    """`tls_server()` starts a server that speaks TLS, with a certificate that only its own authority vouches for."""
    for program in ("openssl", "redis-server"):
        if not shutil.which(program):
            missing(f"{program} is not installed")
    make_certificate(tmp_path)
    port = free_port()
    files = (
        f"--tls-cert-file {tmp_path}/cert.pem --tls-key-file {tmp_path}/key.pem --tls-ca-cert-file {tmp_path}/cert.pem"
    )
    options = f"--port 0 --tls-port {port} --tls-auth-clients no --requirepass {HUSH} --save  --dir {tmp_path} {files}"
    server = subprocess.Popen(["redis-server", *options.split(" ")], stdout=subprocess.DEVNULL)
    yield port
    server.kill()
    server.wait()


def make_certificate(folder: Path) -> None:
    subprocess.run(
        [
            *["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", "-subj", "/CN=localhost"],
            *["-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1", "-keyout", "key.pem", "-out", "cert.pem"],
        ],
        cwd=folder,
        check=True,
        capture_output=True,
    )


def said_by_ping(settings, url):
    settings.CACHEDEMO = {**settings.CACHEDEMO, "CACHE_URL": url}
    try:
        call_command("cache_ping")
    except CommandError as error:
        return str(error)
    return ""


def test_certificates_and_tls_are_named_when_they_are_what_is_wrong(settings, tls_server, tmp_path, cache_server):
    until(lambda: "not trusted here" in said_by_ping(settings, f"rediss://:{HUSH}@localhost:{tls_server}/0"))
    trusted = f"rediss://:{HUSH}@localhost:{tls_server}/0?ssl_ca_certs={tmp_path}/cert.pem"
    assert said_by_ping(settings, trusted) == ""
    wrong_password = said_by_ping(settings, trusted.replace(HUSH, HUSH * 2))
    assert "refuses the password" in wrong_password
    no_tls = said_by_ping(settings, f"rediss://:{HUSH}@127.0.0.1:{cache_server.port}/0")
    assert "without TLS?" in no_tls
    untrusted = said_by_ping(settings, f"rediss://:{HUSH}@localhost:{tls_server}/0")
    assert HUSH not in wrong_password + no_tls + untrusted
    plain = said_by_ping(settings, f"redis://:{HUSH}@localhost:{tls_server}/0")
    assert "write rediss:// in the URL if it speaks TLS" in plain
    assert HUSH not in plain


def test_a_wrong_port_and_a_database_too_high_are_told_apart(settings, cache_server):
    assert "cannot be reached" in said_by_ping(settings, f"redis://:{HUSH}@127.0.0.1:{free_port()}/0")
    assert "has no database of that number" in said_by_ping(settings, cache_server.url(99))
