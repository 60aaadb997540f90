"""The documents say what is: their commands run, their links lead somewhere, what they name exists."""

import ast
import doctest
import os
import re
import shutil
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.conf import global_settings
from django.core.management import get_commands
from django.db import connection
from django.urls import Resolver404, resolve

from cachedemo import ModelCache, Pattern, cache_for, conf
from cachedemo.embedded.role_options import ROLES
from cachedemo.protocol import transactions
from cachedemo.servers import roles
from tests.documents import RUN, SHOWN, Block, Document, documents
from tests.environment import ROOT, documented_settings
from tests.helpers import missing, this_thread
from tests.notes.models import Note
from users.models import User

DOCUMENTS = list(documents())
LEFT_BEHIND = shutil.ignore_patterns("__pycache__", "db.sqlite3*")  # in a checkout that somebody has used
COMMANDS = [each for each in DOCUMENTS if any(block.language in RUN for block in each.blocks())]
BLOCK_TIMEOUT = 90  # seconds; on a busy machine a process takes long to start

# What the documents call a place that is another one in the tests.
SITE = "http://127.0.0.1:8000"
PLACES = {
    "redis://localhost:6379/0": "CACHEDEMO_CACHE_URL",
    "redis://localhost:6380/0": "CACHEDEMO_QUEUE_URL",
    "redis://localhost:6380/1": "CELERY_BROKER_URL",
}


def named(each: Document) -> str:
    return each.name


# Command blocks


class Folder:
    """Where the commands of one document run, one block after the other."""

    def __init__(self, path: Path, url: str, **environment: str) -> None:
        self.path = path
        self.places = {SITE: url} | {place: os.environ[name] for place, name in PLACES.items()}
        self.environment = os.environ | {
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            **environment,
        }
        self.environment.pop("DJANGO_SETTINGS_MODULE")

    def write(self, block: Block) -> None:
        path = self.path / block.value
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("w" if block.what == "file" else "a") as file:
            file.write(self.here(block.text))

    def run(self, block: Block) -> None:
        """Run a block of commands; in a `console` block, hold what each says against what stands below it."""
        if block.language == "sh":
            self.shell(block.text)
            return
        for command, expected in sessions(block.text):
            pattern = ".*".join(map(re.escape, expected.strip().split("…")))
            said = self.shell(command).strip()
            assert re.fullmatch(pattern, said, re.DOTALL), f"{command}\nsaid\n{said}\nand not\n{expected}"

    def shell(self, script: str) -> str:
        for program in ("bash", "curl"):
            if program in f"bash {script}" and not shutil.which(program):
                missing(f"{program} is not installed")
        done = subprocess.run(
            ["bash", "-euc", self.here(script)],
            cwd=self.path,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=BLOCK_TIMEOUT,
        )
        assert done.returncode == 0, f"{script}\nended with {done.returncode}:\n{done.stdout}{done.stderr}"
        return done.stdout

    def here(self, text: str) -> str:
        for place, real in self.places.items():
            text = text.replace(place, real)
        return text


def sessions(text: str) -> Iterator[tuple[str, str]]:
    """Yield each command after a `$`, and the output below it."""
    for part in re.split(r"^\$ ", text, flags=re.MULTILINE)[1:]:
        command, _, output = part.partition("\n")
        while command.endswith("\\"):
            more, _, output = output.partition("\n")
            command = f"{command}\n{more}"
        yield command, output


@pytest.fixture
def folder(tmp_path: Path, request: pytest.FixtureRequest, settings: Any) -> Callable[[str], Folder]:
    """A copy of the project, or for a project of the reader's own an empty folder."""

    def make(name: str) -> Folder:
        settings.OPEN_ACCESS = True
        url = request.getfixturevalue("live_server").url
        if name == "docs/installing.md":
            plugin = "cachedemo.testing.pytest_plugin"
            return Folder(tmp_path, url, PYTHONPATH=str(ROOT), PYTEST_PLUGINS=plugin)  # as if it were installed
        if name.startswith("examples/"):
            example = shutil.copytree((ROOT / name).parent, tmp_path / "example", ignore=LEFT_BEHIND)
            return Folder(example, url, PYTHONPATH=str(ROOT))
        for part in ("cachedemo", "users", "playground", "demo", "config"):
            shutil.copytree(ROOT / part, tmp_path / part, ignore=shutil.ignore_patterns("__pycache__"))
        for part in ("manage.py", ".env.example"):
            shutil.copy(ROOT / part, tmp_path / part)
        return Folder(tmp_path, url)

    return make


@pytest.mark.timeout(600)  # a document has some twenty commands, and each starts Django
@pytest.mark.parametrize("document", COMMANDS, ids=named)
def test_every_command_block_runs(document: Document, folder: Callable[[str], Folder], people: list[User]) -> None:
    here, python = folder(document.name), dict[str, Any]()
    for block in document.blocks():
        where = f"{document}:{block.line}"
        if block.what == "not run" or block.language in SHOWN:
            continue
        if block.what:
            ast.parse(block.text, where)
            here.write(block)
        elif block.language == "python":
            exec(compile(block.text, where, "exec"), python)
        elif block.language == "pycon":
            converse(block.text, python, where)
        else:
            here.run(block)


def converse(text: str, names: dict[str, Any], where: str) -> None:
    """Hold what Python answers against what stands there."""
    test = doctest.DocTestParser().get_doctest(text, names, where, where, 0)
    said: list[str] = []
    failed, _ = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS).run(test, out=said.append, clear_globs=False)
    names.update(test.globs)
    assert not failed, "".join(said)


@pytest.mark.parametrize("document", DOCUMENTS, ids=named)
def test_every_block_says_what_it_is(document: Document) -> None:
    blocks = document.blocks()
    assert len(blocks) * 2 == len(re.findall(r"^\s*```", document.text, re.MULTILINE)), "a fence is out of order"
    assert {block.language for block in blocks} <= RUN | SHOWN


# Links, settings, and whatever else is named


@pytest.mark.parametrize("document", DOCUMENTS, ids=named)
def test_every_link_inside_the_documents_leads_somewhere(document: Document) -> None:
    for link in document.links():
        path, _, anchor = link.partition("#")
        if "://" in path:
            continue
        target = (document.path.parent / path).resolve() if path else document.path
        assert target.exists(), f"{document} links to {link}"
        if anchor:
            assert anchor in Document(str(target.relative_to(ROOT))).anchors(), f"{document} links to {link}"


SETTING = re.compile(r"\b[A-Z]+(?:_[A-Z]+)+\b")
SETTINGS = {*documented_settings(), *conf.DEFAULTS, "CACHE_URL", "QUEUE_URL", *dir(global_settings)}
# Written as settings are, and known elsewhere: an option of a database, a variable of Django's, members of Pattern.
ON_DELETE = {"SET_NULL", "SET_DEFAULT", "DO_NOTHING", "DB_SET_NULL", "DB_CASCADE"}  # the latter from Django 6.1 on
NO_SETTINGS = {
    "POSTGRES_PASSWORD",
    "RABBITMQ_PASSWORD",
    "WEB_THREADS",
    "WEB_WORKERS",
    "ATOMIC_REQUESTS",
    "DISABLE_SERVER_SIDE_CURSORS",
    "STRICT_TRANS_TABLES",
    "CHANNEL_LAYERS",
    "DJANGO_SETTINGS_MODULE",
    *Pattern.__members__,
    *ON_DELETE,
}


@pytest.mark.parametrize("document", DOCUMENTS, ids=named)
def test_every_setting_that_is_named_exists(document: Document) -> None:
    words = SETTING.findall(" ".join([*document.code(), *(block.text for block in document.blocks())]))
    unknown = {word for word in words if not word.startswith("CELERY_")} - SETTINGS - NO_SETTINGS
    assert not unknown, f"{document} names {unknown}"


@pytest.mark.parametrize("document", DOCUMENTS, ids=named)
def test_every_test_command_and_target_that_is_named_exists(document: Document) -> None:
    targets = re.findall(r"^(\w+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
    words = [*document.code(), *(block.text for block in document.blocks())]
    for word in words:
        for file, name in re.findall(r"(tests/[\w/]+\.py)(?:::(\w+))?", word):
            assert (ROOT / file).exists(), f"{document} names {file}"
            assert not name or f"def {name}(" in (ROOT / file).read_text(), f"{document} names {name} of {file}"
        for command in re.findall(r"manage\.py (\w+)", word):
            assert command in get_commands(), f"{document} names manage.py {command}"
        for target in re.findall(r"(?:^|\$ )make (\w+)", word):
            assert target in targets, f"{document} names make {target}"


# What a document claims of the code


ARTICLE = Document("docs/article.md")
_SHOWN_BY = {
    "command": re.compile(r"manage\.py (\w+)|make \w+|celery -A config .+|pytest"),
    "test": re.compile(r"tests/[\w/]+\.py(::\w+)?"),
    "page": re.compile(r"/\S*"),
    "file": re.compile(r"[\w./-]+\.\w+"),
}


@pytest.mark.parametrize(("said", "shown"), [(row[0], row[-1]) for table in ARTICLE.tables() for row in table])
def test_the_article_is_answered_by_things_that_exist(said: str, shown: str) -> None:
    named = re.findall(r"`([^`]+)`", shown) + re.findall(r"\]\(([^)]+)\)", shown)
    assert named, f"nothing shows: {said}"
    for each in named:
        if _SHOWN_BY["page"].fullmatch(each):
            assert leads_somewhere(each), f"no page {each}"
        elif not any(_SHOWN_BY[kind].fullmatch(each) for kind in ("command", "test")):
            file = each.partition("#")[0]
            assert (ROOT / file).exists() or (ROOT / "docs" / file).exists(), f"no file {each}"


def leads_somewhere(path: str) -> bool:
    try:
        resolve(path.replace("{pattern}", "write-behind").replace("{id}", "1"))
    except Resolver404:
        return False
    return True


ARCHITECTURE = Document("ARCHITECTURE.md")


ROOMS = ("checks", "patterns", "protocol", "servers", "embedded", "operations", "tracing")
UNNAMED = {"__init__.py", "__pycache__", "migrations"}
PLACES_OF_A_PATH = [ROOT, *(ROOT / house for house in ("cachedemo", "users", "playground", "demo", "benchmarks"))]
PLACES_OF_A_PATH += [path for path in (ROOT / "cachedemo").iterdir() if path.is_dir()]


def entries(folder: Path) -> set[str]:
    """Return the files and folders in it that a reader may look for, a folder with a slash at its end."""
    there = {path for path in folder.iterdir() if path.name not in UNNAMED}
    return {f"{path.name}/" if path.is_dir() else path.name for path in there}


@pytest.mark.parametrize("room", [".", *ROOMS])
def test_architecture_names_everything_in(room: str) -> None:
    paths = set(ARCHITECTURE.code())
    tree = set(ARCHITECTURE.blocks()[0].text.split())
    unnamed = {
        name
        for name in entries(ROOT / "cachedemo" / room)
        if name not in tree and not any(f"/{path}".endswith(f"/{name}") for path in paths)
    }
    assert not unnamed, f"ARCHITECTURE.md does not name {', '.join(sorted(unnamed))} of cachedemo/{room}"


@pytest.mark.parametrize(
    "path", sorted({word for word in ARCHITECTURE.code() if re.search(r"^\S+(\.py|\.lua|/)$", word)})
)
def test_architecture_names_only_what_there_is(path: str) -> None:
    pattern = path.lstrip("/").replace("…", "*")
    assert any(next(place.glob(pattern), None) for place in PLACES_OF_A_PATH), f"ARCHITECTURE.md names {path}"


def test_the_options_are_those_of_model_cache() -> None:
    rows = Document("docs/installing.md").tables("Options")[0]
    options = {row[0].strip("`"): row[1].strip("`") for row in rows}
    assert options.keys() == set(ModelCache.__annotations__)
    for name, default in options.items():
        if (value := getattr(ModelCache, name)) and not isinstance(value, str):
            assert default.replace("_", "") == f"{value:g}"


def test_the_system_checks_are_those_of_the_table() -> None:
    files = (ROOT / "cachedemo").rglob("*.py")
    ids = {found for path in files for found in re.findall(r"\bid=\"(cachedemo\.[EW]\d{3})\"", path.read_text())}
    said = [row[0].strip("`") for row in Document("docs/installing.md").tables("System checks")[0]]
    assert len(said) == len(set(said))
    assert set(said) == ids


def test_the_settings_are_those_of_conf() -> None:
    rows = Document("docs/installing.md").tables("Settings")[0]
    defaults = {row[0].strip("`"): row[1].strip("`") for row in rows}
    known = {
        "CACHE_URL": "none",
        "QUEUE_URL": "none",
        **{name: str(value) or "none" for name, value in conf.DEFAULTS.items()},
    }
    assert defaults == known


def test_the_queues_keys_are_those_that_the_scripts_know() -> None:
    script = (ROOT / "cachedemo/protocol/lua/queue.lua").read_text()
    known = re.findall(r"^-- (?:\$|\{\$)(queue\S*) ", script, re.MULTILINE)
    said = [row[0].strip("`") for row in Document("docs/protocol.md").tables("What is kept where")[1]]
    braced = [name.replace("queue", "{flush:users").replace("$pk", "{pk}") for name in known[1:]]
    assert said == ["flush:users", *braced]


@pytest.mark.parametrize("role", ["cache", "queue"])
def test_the_configuration_of_each_role_is_that_of_the_embedded_server(role: str) -> None:
    [conf_file] = [
        block.text
        for block in Document("docs/operating.md").blocks()
        if block.language == "conf" and block.text.startswith(f"# {role}")
    ]
    said = dict(line.split(None, 1) for line in conf_file.splitlines() if line and not line.startswith("#"))
    ours = {name: value or '""' for name, value in ROLES[role].items()}
    assert said.keys() >= ours.keys()
    assert {name: said[name] for name in ours if name != "maxmemory"} == {
        name: value for name, value in ours.items() if name != "maxmemory"
    }


# The table of round trips


@pytest.fixture
def trips(monkeypatch: pytest.MonkeyPatch) -> dict[str, int]:
    counts = {"cache": 0, "queue": 0, "source": 0}
    run, trip, ours = roles.Role._run, transactions.trip, this_thread()

    def counted_run(role: roles.Role, *arguments: Any, **options: Any) -> Any:
        counts[role.name] += ours()
        return run(role, *arguments, **options)

    def counted_trip(using: str) -> None:
        counts["source"] += 1
        trip(using)

    monkeypatch.setattr(roles.Role, "_run", counted_run)
    monkeypatch.setattr(transactions, "trip", counted_trip)
    return counts


def saved(**changes: Any) -> None:
    """Save an instance that the ORM has loaded; each statement of it is a trip to the database."""
    user = User.objects.get(pk=1)
    for name, value in changes.items():
        setattr(user, name, value)

    def counted(execute: Any, *arguments: Any) -> Any:
        transactions.trip("default")
        return execute(*arguments)

    with connection.execute_wrapper(counted):
        user.save()


def many(count: int) -> list[User]:
    return [User(name="n", email=f"{uuid.uuid4()}@example.com") for _ in range(count)]


def new(count: int) -> list[dict[str, str]]:
    return [{"name": user.name, "email": user.email} for user in many(count)]


def renamed(name: str) -> dict[int, dict[str, str]]:
    return {
        pk: {"name": name} for pk in User.objects.filter(pk__gt=3).order_by("pk").values_list("pk", flat=True)[:1000]
    }


OPERATIONS: dict[str, Callable[[ModelCache], Any]] = {
    "read, hit": lambda users: users.get(1),
    "read, miss": lambda users: users.get(1),
    "`get_many`, all hits": lambda users: users.get_many([1, 2, 3]),
    "`get_many`, all misses": lambda users: users.get_many([1, 2, 3]),
    "`get_by`, hit": lambda users: users.get_by(email="alice@example.com"),
    "`get_by`, only the row cached": lambda users: users.get_by(email="bob@example.com"),
    "`get_by`, miss": lambda users: users.get_by(email="carol@example.com"),
    "`get_many_by`, all hits": lambda users: users.get_many_by("email", ["alice@example.com", "bob@example.com"]),
    "cache-aside update": lambda users: users.via("cache-aside").update(1, name="a"),
    "the same, of the email": lambda users: users.via("cache-aside").update(1, email="al@example.com"),
    "cache-aside update, then a read": lambda users: (users.update(1, name="A"), users.get(1)),
    "write-through update": lambda users: users.via("write-through").update(1, name="b"),
    "write-through update, row not cached": lambda users: users.via("write-through").update(1, name="B"),
    "write-behind update, row cached": lambda users: users.via("write-behind").update(1, name="c"),
    "write-behind update, row not cached": lambda users: users.via("write-behind").update(2, name="d"),
    "`save()` of one changed field": lambda users: saved(name="e"),
    "`bulk_create()` of 1,000 rows": lambda users: User.objects.bulk_create(many(1000)),
    "`QuerySet.update()` of these": lambda users: User.objects.filter(pk__gt=3).update(name="f"),
    "`update_many` of these, cache-aside": lambda users: users.via("cache-aside").update_many(renamed("g")),
    "`update_many` of these, write-through": lambda users: users.via("write-through").update_many(renamed("h")),
    "`update_many` of these, write-behind, rows cached": lambda users: users.via("write-behind").update_many(
        renamed("i")
    ),
    "`create_many` of 1,000 rows, cache-aside": lambda users: users.via("cache-aside").create_many(new(1000)),
    "`create_many` of 1,000 rows, write-through": lambda users: users.via("write-through").create_many(new(1000)),
    "`create_many` of 1,000 rows, write-behind": lambda users: users.via("write-behind").create_many(new(1000)),
    "cache-aside increment": lambda users: cache_for(Note).via("cache-aside").increment(1, size=1),
    "write-through increment": lambda users: cache_for(Note).via("write-through").increment(1, size=1),
    "write-behind increment, row cached": lambda users: cache_for(Note).via("write-behind").increment(1, size=1),
    "write-behind increment with `min`": lambda users: (
        cache_for(Note).via("write-behind").increment(1, {"size": 1}, min=0)
    ),
    "`evict` of one row": lambda users: users.evict([1]),
    "create": lambda users: users.create(name="Dan", email="dan@example.com"),
    "delete": lambda users: users.delete(3),
    "flush of a batch": lambda users: users.flush(),
}


@pytest.mark.usefixtures("people")
def test_the_round_trips_are_those_of_the_table(trips: dict[str, int], redis_cache: Any) -> None:
    users = cache_for(User)
    users.announce()
    Note.objects.bulk_create([Note(pk=1, title="a")])
    rows = Document("docs/choosing.md").tables("Round trips")[0]
    assert {row[0] for row in rows} == OPERATIONS.keys()
    for operation, *expected in rows:
        redis_cache.flushdb()
        if "miss" not in operation and "not cached" not in operation:
            users.warm([1, 2, 3])
            cache_for(Note).warm([1])
        if "rows cached" in operation:
            users.warm(renamed(""))
        if "hit" in operation:
            users.get_many_by("email", ["alice@example.com", "bob@example.com"])
        trips.update(dict.fromkeys(trips, 0))
        OPERATIONS[operation](users)
        assert list(map(str, trips.values())) == expected, operation


@pytest.mark.usefixtures("people")
@pytest.mark.parametrize("pattern", ["cache-aside", "write-through", "write-behind"])
def test_as_many_trips_for_a_thousand_rows_as_for_ten(trips: dict[str, int], pattern: str) -> None:
    users = cache_for(User)
    users.announce()
    counted: dict[str, list[dict[str, int]]] = {"create_many": [], "update_many": []}
    for count in (10, 100, 1000):
        rows = new(count)
        trips.update(dict.fromkeys(trips, 0))
        created = users.via(pattern).create_many(rows)
        counted["create_many"].append(dict(trips))
        assert len(created) == count
        users.warm([user.pk for user in created])
        trips.update(dict.fromkeys(trips, 0))
        users.via(pattern).update_many({user.pk: {"name": f"of {count}"} for user in created})
        counted["update_many"].append(dict(trips))
    for method, [few, *more] in counted.items():
        assert more == [few, few], method
        assert all(few.values()) or (method, pattern) == ("update_many", "write-behind"), method
