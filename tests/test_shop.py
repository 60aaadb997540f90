"""examples/shop: a project of its own, on the wheel and what pyproject.toml asks for, and on nothing else."""

import itertools
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.environment import ROOT
from tests.packages import CORE, EVERYTHING, link
from tests.processes import Process
from tests.wheels import TIMEOUT

Shop = Callable[..., Process]

LEFT_BEHIND = shutil.ignore_patterns("__pycache__", "db.sqlite3*")  # in a checkout that somebody has used

pytestmark = pytest.mark.timeout(2 * TIMEOUT)

SET_UP = """
import django

django.setup()

from datetime import datetime
from decimal import Decimal
from uuid import UUID
from zoneinfo import ZoneInfo

from cachedemo import cache_for
from products.models import Category, Product

products = cache_for(Product)
BERLIN = ZoneInfo("Europe/Berlin")
"""

PATTERNS = """
import cachedemo

print(cachedemo.__file__)
teas, coffees = Category.objects.create(name="Teas"), Category.objects.create(name="Coffees")
from_march = datetime(2026, 3, 1, 9, tzinfo=BERLIN)
tea = products.create(category=teas, name="Assam", price=Decimal("4.50"), attributes={"origin": ["India"]})
for way, writes in {
    "cache-aside": {"price": Decimal("4.60"), "available_from": from_march},
    "write-through": {"sale_price": Decimal("3.90"), "attributes": {"origin": None}},
    "write-behind": {"stock": 7, "sale_price": None},
}.items():
    products.via(way).update(tea.pk, **writes)
    read, row = products.get(tea.pk), Product.objects.get(pk=tea.pk)
    assert {name: getattr(read, name) for name in writes} == writes, way
    print(way, {name: getattr(row, name) for name in writes} == writes)
products.via("write-behind").update(tea.pk, category_id=coffees.pk)
assert isinstance(products.get(tea.pk).pk, UUID)
assert products.get(str(tea.pk)).category == Product.objects.get(pk=tea.pk).category == coffees
print(products.get_many([tea.pk]) == {tea.pk: tea})
print(products.via("write-behind").write(tea.pk, {"is_deleted": True}).reason, products.get_many([tea.pk]))
Product.everything.filter(pk=tea.pk).update(is_deleted=False)
print(products.get(tea.pk).stock)
"""

PAGES = """
import logging

from django.contrib.auth import get_user_model
from django.test import Client

tea = products.create(category=Category.objects.create(name="Teas"), name="Assam", price=Decimal("4.50"), stock=8)
logging.disable()  # the answers say it
client = Client(SERVER_NAME="localhost")
page = f"/products/{tea.pk}/"
print(client.get(page).json())
print([client.post(f"{page}count/", {"stock": stock}).status_code for stock in ("7", "x")])
client.force_login(get_user_model().objects.create_superuser("boss"))
for address in ("", f"{tea.pk}/change/", "add/"):
    answer = client.get(f"/admin/products/product/{address}")
    print(answer.status_code, ">7<" in answer.text or 'value="7"' in answer.text)
print([client.get(f"/admin/cachedemo/cache/{name}").status_code for name in ("", "keys/", "queue/", "server/")])
products.update(tea.pk, is_deleted=True)
print(client.get(page).status_code)
"""

WRITE_BEHIND = """
tea = products.create(category=Category.objects.create(name="Teas"), name="Assam", price=Decimal("4.50"), stock=8)
products.via("write-behind").update(tea.pk, stock=7)
"""

ASKS = """
import time

end = time.monotonic() + 20
while Product.objects.get().stock != 7:
    assert time.monotonic() < end, "nobody has flushed"
    time.sleep(0.05)
print("flushed")
"""


@pytest.fixture
def shop(installed: Path, tmp_path: Path) -> Iterator[Shop]:
    """Start a Python in a copy of the example; everything it starts has ended when the test has."""
    packages = link(tmp_path / "packages", [*CORE, *EVERYTHING])
    project = shutil.copytree(ROOT / "examples" / "shop", tmp_path / "shop", ignore=LEFT_BEHIND)
    started, numbers = list[Process](), itertools.count(1)

    def start(*arguments: str, **environment: str) -> Process:
        ours = {"PYTHONPATH": f"{installed}:{packages}:{project}", "DJANGO_SETTINGS_MODULE": "shop.settings"}
        log = tmp_path / f"process-{next(numbers)}.log"
        started.append(Process("-S", *arguments, log=log, folder=project, **ours | environment))
        return started[-1]

    start("manage.py", "migrate", "--verbosity=0").finish()
    yield start
    for process in started:
        process.end()


def test_its_checks_find_nothing_and_its_migrations_are_complete(shop: Shop) -> None:
    assert shop("manage.py", "check").finish() == "System check identified no issues (0 silenced).\n"
    assert shop("manage.py", "makemigrations", "--check", "--dry-run").finish() == "No changes detected\n"


def test_it_writes_every_kind_of_field_in_the_three_patterns(shop: Shop, installed: Path) -> None:
    assert shop("-c", SET_UP + PATTERNS).finish().splitlines() == [
        str(installed / "cachedemo" / "__init__.py"),
        "cache-aside True",
        "write-through True",
        "write-behind False",
        "True",
        "manager {}",
        "7",
    ]


def test_a_real_worker_flushes_what_it_writes(shop: Shop) -> None:
    worker = shop("-m", "celery", "-A", "shop", "worker", "-B", "--concurrency=1", "--loglevel=INFO")
    worker.says(" ready.", timeout=60)
    shop("-c", SET_UP + WRITE_BEHIND).finish()
    assert shop("-c", SET_UP + ASKS).finish() == "flushed\n"


def test_without_celery_a_loop_flushes_what_it_writes(shop: Shop, tmp_path: Path) -> None:
    loop = shop("manage.py", "cache_flush", "--loop")
    loop.says("Flushing flush:products", timeout=30)
    shop("-c", SET_UP + WRITE_BEHIND).finish()
    assert shop("-c", SET_UP + ASKS).finish() == "flushed\n"
    loop.terminate()
    assert loop.finish().endswith("Ended.\n")


def test_its_pages_and_its_admin_are_shown(shop: Shop) -> None:
    assert shop("-c", SET_UP + PAGES).finish().splitlines() == [
        "{'name': 'Assam', 'price': '4.50', 'stock': 8, 'attributes': {}}",
        "[202, 400]",
        "200 True",
        "200 True",
        "200 False",
        "[200, 200, 200, 200]",
        "404",
    ]


def test_its_own_tests_pass_on_servers_that_they_start(shop: Shop) -> None:
    nowhere = {"CACHEDEMO_CACHE_URL": "redis://127.0.0.1:1/0", "CACHEDEMO_QUEUE_URL": "redis://127.0.0.1:1/1"}
    assert "Ran 6 tests" in shop("manage.py", "test", **nowhere).finish()


def test_its_server_does_not_start_beside_one_with_other_fields(shop: Shop, tmp_path: Path) -> None:
    shop("-c", "import shop.wsgi").finish()
    caches = tmp_path / "shop" / "products" / "caches.py"
    caches.write_text(caches.read_text().replace('"stock",', ""))
    with pytest.raises(AssertionError, match="VersionConflict"):
        shop("-c", "import shop.wsgi").finish()
