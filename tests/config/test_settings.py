"""Settings come from the environment; `.env.example` tells the truth about them; a mistake is one sentence."""

import itertools
import os
import re
import secrets
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.test import Client

from config import environment
from config.database import database
from tests.environment import ROOT, documented_settings

NEEDED_FOR_DEVELOPMENT = {"SECRET_KEY", "DEBUG", "REDIS_URL"}
COMMENT = re.compile(r"^# .+ \((?:default: (?P<default>.+)|no default)\)$")


def defaults_in_comments() -> dict[str, str | None]:
    """Return what the comment above each setting of `.env.example` calls its default."""
    lines = (ROOT / ".env.example").read_text().splitlines()
    found = {}
    for above, line in itertools.pairwise(lines):
        if line and not line.startswith("#"):
            comment = COMMENT.match(above)
            assert comment, f"{above!r} above {line!r} does not end with the default"
            found[line.split("=")[0]] = comment["default"]
    return found


def settings_of(tmp_path: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run `manage.py check` where nothing but `variables` is set."""
    return run_check(tmp_path, **variables)


def run_check(tmp_path: Path, *options: str, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "manage.py", "check", *options],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], "CACHEDEMO_VAR": str(tmp_path), **undotted(variables)},
        capture_output=True,
        text=True,
        timeout=30,
    )


def undotted(variables: dict[str, str]) -> dict[str, str]:
    """Set to nothing what `variables` leaves out, so that a developer's .env does not fill it."""
    return {name: "" for name in environment.DEFAULTS if name != "CACHEDEMO_VAR"} | variables


@pytest.fixture
def bare_environment(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    for name in environment.DEFAULTS:
        monkeypatch.delenv(name, raising=False)
    return monkeypatch


def test_env_example_names_exactly_the_settings_that_are_read() -> None:
    assert set(documented_settings()) == set(environment.DEFAULTS)


def test_every_setting_that_settings_py_reads_is_known() -> None:
    sources = "".join((ROOT / "config" / name).read_text() for name in ("settings.py", "environment.py"))
    assert set(re.findall(r'\bread\("(\w+)"\)', sources)) <= set(environment.DEFAULTS)


@pytest.mark.parametrize("name", sorted(set(environment.DEFAULTS) - NEEDED_FOR_DEVELOPMENT))
def test_env_example_gives_the_default(name: str, bare_environment: pytest.MonkeyPatch) -> None:
    bare_environment.setenv(name, documented_settings()[name])
    assert environment.read(name) == environment.DEFAULTS[name]


@pytest.mark.parametrize("name", sorted(environment.DEFAULTS))
def test_the_comment_above_a_setting_says_its_default(name: str, bare_environment: pytest.MonkeyPatch) -> None:
    said = defaults_in_comments()[name]
    if environment.DEFAULTS[name] in ("", []):
        assert said is None or said == "none" or said.startswith(("database ", "db.sqlite3 "))
    else:
        assert said is not None
        bare_environment.setenv(name, said)
        assert environment.read(name) == environment.DEFAULTS[name]


def test_env_example_is_a_working_env(tmp_path: Path) -> None:
    answer = settings_of(tmp_path, **documented_settings() | {"CACHEDEMO_VAR": str(tmp_path)})
    assert answer.returncode == 0, answer.stderr


MISTAKES = [
    ({"SECRET_KEY": ""}, "SECRET_KEY is not set: set it"),
    ({"REDIS_URL": ""}, "CACHEDEMO_CACHE_URL is not set: start a Redis server and set REDIS_URL="),
    ({"REDIS_URL": "localhost:6379"}, "REDIS_URL is no URL of a Redis server: write for example"),
    ({"REDIS_URL": "redis://h:port"}, "REDIS_URL names no port from 1 to 65535: write for example"),
    ({"REDIS_URL": "redis://h:6379/5"}, "REDIS_URL names a database"),
    ({"REDIS_URL": "redis+cluster://h:6379"}, "a cluster or sentinels, but it stands for three databases"),
    ({"REDIS_URL": "redis://:hush/9@h:6379"}, "in the password as %23 %2F %3F %40."),
    ({"REDIS_URL": "redis://:9#hush@h:6379"}, "in the password as %23 %2F %3F %40."),
    ({"CACHEDEMO_CACHE_URL": "redis://:9?hush@h:6379/0"}, "in the password as %23 %2F %3F %40."),
    ({"CACHEDEMO_QUEUE_URL": "http://h/1"}, "CACHEDEMO_QUEUE_URL is no URL of a Redis server: write for example"),
    ({"CACHEDEMO_CACHE_URL": "redis+cluster://h/1"}, "CACHEDEMO_CACHE_URL names database 1, but a cluster has only"),
    ({"CACHEDEMO_QUEUE_URL": "redis://localhost/0"}, "name the same database: give each a number of its own"),
    ({"DEBUG": "maybe"}, "DEBUG is 'maybe': write True or False."),
    ({"SOURCE_LATENCY_MS": "slow"}, "SOURCE_LATENCY_MS is 'slow': write a whole number"),
    ({"LOG_LEVEL": "loud"}, "LOG_LEVEL is 'LOUD': write one of"),
    ({"DATABASE_URL": "oracle://u:hush@h/d"}, "DATABASE_URL begins with 'oracle' and cannot be read: write"),
    ({"DATABASE_URL": "mysql://u:hush@h"}, "DATABASE_URL names no database: write"),
    ({"DATABASE_URL": "postgres://u:hush@h/d?isolation_level=x"}, "isolation_level=x: write one of read-committed,"),
    ({"DATABASE_POOL": "10"}, "DATABASE_POOL is for PostgreSQL: leave it out"),
    ({"DATABASE_URL": "postgres://u:hush@h/d", "DATABASE_POOL": "many"}, "DATABASE_POOL is 'many': write a number"),
    ({"DATABASE_URL": "postgres://u:hush@h"}, "DATABASE_URL names no database: write"),
    ({"CACHEDEMO_VAR": "/dev/null/var"}, "set CACHEDEMO_VAR to one that can"),
]


@pytest.mark.parametrize(("change", "sentence"), MISTAKES)
def test_a_mistake_is_one_sentence_with_the_mend(change: dict[str, str], sentence: str, tmp_path: Path) -> None:
    answer = settings_of(tmp_path, **{"SECRET_KEY": "x", "REDIS_URL": "redis://127.0.0.1:6379"} | change)
    assert answer.returncode == 1
    assert len(answer.stderr.strip().splitlines()) == 1, answer.stderr
    assert sentence in answer.stderr
    assert "hush" not in answer.stderr


def test_celery_says_the_same_sentence(tmp_path: Path) -> None:
    answer = subprocess.run(
        [sys.executable, "-m", "celery", "-A", "config", "worker"],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], "CACHEDEMO_VAR": str(tmp_path), **undotted({})},
        capture_output=True,
        text=True,
        timeout=30,
    )
    assert answer.returncode == 1
    assert answer.stderr.startswith("SECRET_KEY is not set: set it")
    assert "Traceback" not in answer.stderr


def test_a_database_without_tables_is_a_sentence_that_names_migrate(tmp_path: Path) -> None:
    given = undotted({"SECRET_KEY": "x", "REDIS_URL": "redis://127.0.0.1:6379"})
    answer = subprocess.run(
        [sys.executable, "manage.py", "createsuperuser", "--noinput", "--username=a", "--email=a@example.com"],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], "CACHEDEMO_VAR": str(tmp_path), **given},
        capture_output=True,
        text=True,
        timeout=30,
    )
    assert answer.returncode == 1
    assert "Traceback" not in answer.stderr
    assert "no such table" in answer.stderr
    assert "manage.py migrate" in answer.stderr


def test_redis_url_alone_sets_the_three_with_a_database_each(bare_environment: pytest.MonkeyPatch) -> None:
    bare_environment.setenv("REDIS_URL", "rediss://:secret@h:6380?ssl_cert_reqs=none")
    assert environment.redis_urls() == {
        "CACHEDEMO_CACHE_URL": "rediss://:secret@h:6380/0?ssl_cert_reqs=none",
        "CACHEDEMO_QUEUE_URL": "rediss://:secret@h:6380/1?ssl_cert_reqs=none",
        "CELERY_BROKER_URL": "rediss://:secret@h:6380/2?ssl_cert_reqs=none",
    }


def test_a_roles_own_setting_goes_before_redis_url(bare_environment: pytest.MonkeyPatch) -> None:
    bare_environment.setenv("REDIS_URL", "redis://one")
    bare_environment.setenv("CACHEDEMO_QUEUE_URL", "redis://two/1")
    urls = environment.redis_urls()
    assert urls["CACHEDEMO_CACHE_URL"] == "redis://one/0"
    assert urls["CACHEDEMO_QUEUE_URL"] == "redis://two/1"


def test_one_server_for_everything_is_warned_of(tmp_path: Path) -> None:
    answer = settings_of(tmp_path, SECRET_KEY="x", REDIS_URL="redis://127.0.0.1:6379")
    assert answer.returncode == 0
    assert "one eviction policy" in answer.stderr
    apart = settings_of(
        tmp_path, SECRET_KEY="x", REDIS_URL="redis://127.0.0.1:6379", CACHEDEMO_QUEUE_URL="redis://127.0.0.1:6380/1"
    )
    assert "one eviction policy" not in apart.stderr


def test_debug_alone_makes_do_with_a_known_secret(bare_environment: pytest.MonkeyPatch) -> None:
    assert environment.secret_key(debug=True)
    with pytest.raises(ImproperlyConfigured):
        environment.secret_key(debug=False)


def test_check_deploy_has_nothing_to_say_of_a_site_by_https(tmp_path: Path) -> None:
    given = {"SECRET_KEY": secrets.token_urlsafe(64), "HTTPS": "True"}
    servers = {
        "REDIS_URL": os.environ["CACHEDEMO_QUEUE_URL"].rpartition("/")[0],
        "CACHEDEMO_CACHE_URL": os.environ["CACHEDEMO_CACHE_URL"],
    }
    answer = run_check(tmp_path, "--deploy", "--fail-level=DEBUG", **given, **servers)
    assert answer.returncode == 0, answer.stderr
    assert "no issues (2 silenced)" in answer.stdout, answer.stdout
    without = run_check(tmp_path, "--deploy", **given | {"HTTPS": "False"}, **servers)
    assert "security.W008" in without.stderr


def test_the_database_file_is_for_its_owner_only(tmp_path: Path) -> None:
    config = database("", tmp_path, tmp_path)
    assert stat.S_IMODE(Path(config["NAME"]).stat().st_mode) == 0o600
    Path(config["NAME"]).chmod(0o640)
    database("", tmp_path, tmp_path)
    assert stat.S_IMODE(Path(config["NAME"]).stat().st_mode) == 0o640, "what its owner has decided stays"


def test_sqlite_waits_for_the_lock_and_keeps_a_log_of_writes(tmp_path: Path) -> None:
    config = database("sqlite:///data/a%20b.sqlite3", tmp_path, tmp_path)
    assert config["NAME"] == str(tmp_path / "data" / "a b.sqlite3")
    assert config["OPTIONS"]["transaction_mode"] == "IMMEDIATE"
    assert "journal_mode=WAL" in config["OPTIONS"]["init_command"]
    assert config["OPTIONS"]["timeout"] < 15


def test_a_postgresql_statement_is_over_before_its_lease(tmp_path: Path) -> None:
    config = database("postgres://u:p@h:5433/name", tmp_path, tmp_path)
    assert (config["HOST"], config["PORT"], config["NAME"]) == ("h", 5433, "name")
    options = config["OPTIONS"]
    assert (options["connect_timeout"], options["options"]) == (10, "-c statement_timeout=10000")
    assert options["keepalives_idle"] + options["keepalives_interval"] * options["keepalives_count"] <= 10
    assert options["tcp_user_timeout"] <= 10_000  # milliseconds


def test_a_pool_is_djangos_own(tmp_path: Path) -> None:
    config = database("postgres://u:p@h/name", tmp_path, tmp_path, "20")
    assert config["CONN_MAX_AGE"] == 0, "as Django wants it"
    assert config["OPTIONS"]["pool"]["max_size"] == 20
    assert config["OPTIONS"]["pool"]["timeout"] < 15, "who waits for a connection holds a lease"


def test_behind_pgbouncer_nothing_is_left_on_a_connection(tmp_path: Path) -> None:
    config = database("postgres://u:p@h/name?isolation_level=serializable", tmp_path, tmp_path, "pgbouncer")
    assert config["DISABLE_SERVER_SIDE_CURSORS"]
    assert "options" not in config["OPTIONS"], "PgBouncer refuses the connection for it"
    assert config["OPTIONS"]["isolation_level"] == 4


def test_mariadb_is_a_database_whose_answers_have_a_limit(tmp_path: Path) -> None:
    config = database("mysql://u:p@h:3307/name", tmp_path, tmp_path)
    assert (config["HOST"], config["PORT"], config["NAME"]) == ("h", 3307, "name")
    options = config["OPTIONS"]
    assert options["read_timeout"] == options["connect_timeout"] == 10
    assert "innodb_lock_wait_timeout=5" in options["init_command"]


def test_beat_asks_for_a_flush_each_second_and_leaves_no_pile() -> None:
    from config import celery_app

    entry = celery_app.conf.beat_schedule["flush"]
    assert entry["task"] == "cachedemo.tasks.flush"
    assert entry["schedule"] == entry["options"]["expires"] == 1
    assert entry["options"]["ignore_result"] is True
    assert celery_app.conf.task_ignore_result is True


@pytest.mark.django_db
def test_every_answer_carries_a_strict_policy(client: Client) -> None:
    policy = client.get("/admin/login/").headers["Content-Security-Policy"]
    assert policy.startswith("default-src 'self';")
    assert "unsafe" not in policy
