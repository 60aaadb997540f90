"""What a type checker makes of the installed package, in a project that uses it: mypy, with Django's plugin."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.environment import ROOT
from tests.wheels import TIMEOUT

MYPY = """
[mypy]
strict = true
plugins = mypy_django_plugin.main

[mypy-celery.*]
ignore_missing_imports = true

[mypy.plugins.django-stubs]
django_settings_module = shop.settings
"""

# Each line says what mypy must say of it, and mypy must say nothing of any other line.
USE = """
from django.test import TransactionTestCase

import cachedemo
from cachedemo import ModelCache, Pattern, cache_for
from cachedemo.testing import CacheTestMixin
from products.models import Category, Product

teas = Category.objects.get(name="Teas")
products = cache_for(Product)
reveal_type(products)  # ModelCache[Product]
reveal_type(products.get(1))  # Product
reveal_type(products.get(1).category)  # Category
reveal_type(products.get_many([1, 2]))  # dict[Any, Product]
reveal_type(products.update(1, name="Assam"))  # Product
reveal_type(products.create(name="Assam"))  # Product
reveal_type(products.via("write-behind"))  # Writer[Product]
reveal_type(products.via(Pattern.WRITE_BEHIND).update(1, stock=7))  # Product
reveal_type(products.via(Pattern.WRITE_BEHIND).create(name="Assam"))  # Product
reveal_type(products.read(1).body)  # bytes | None
reveal_type(products.model)  # type[Product]
reveal_type(products.drain())  # int
reveal_type(products.get_by(name="Assam"))  # Product
reveal_type(products.get_many_by("name", ["Assam"]))  # dict[Any, Product]
reveal_type(products.increment(1, stock=-1))  # Product
reveal_type(products.create_many([{"name": "Assam"}]))  # list[Product]
reveal_type(Product.objects.get(pk=1))  # Product
reveal_type(Product.objects.get(pk=1).cache_stamp)  # int
reveal_type(Product.objects.filter(stock=0).first())  # Product | None
reveal_type(Product.objects.filter(stock=0).update(stock=1))  # int
reveal_type(teas.product_set.get())  # Product


@cachedemo.register(Product)
class Bare(ModelCache):
    fields = ["name"]


@cachedemo.register(Product)
class Named(ModelCache[Product]):
    fields = ["name"]


reveal_type(Bare(Product).get(1))  # Any
reveal_type(Named(Product).get(1))  # Product


@cachedemo.register(Category)  # error: arg-type
class OfAnother(ModelCache[Product]):
    fields = ["name"]


class Plain(ModelCache[Product]):
    fields = ("name", "stock")
    lookups = ("name",)
    pattern = "write-behind"


class Misspelt(ModelCache[Product]):
    timeout = "soon"  # error: assignment


class OfAnyClass(CacheTestMixin, TransactionTestCase):
    def test_it(self) -> None:
        reveal_type(self.drain())  # int
        with self.broken_cache(silent=True), self.assertCacheTrips(queue=1) as trips, self.captureOnCommitCallbacks():
            reveal_type(trips[0].commands)  # tuple[str, ...]
        self.assertCacheTrips("2")  # error: arg-type


category: Category = products.get(1)  # error: assignment
products.get(1).nme  # error: attr-defined
products.get_many(1)  # error: arg-type
cache_for("products.Product")  # error: arg-type
products.gte(1)  # error: attr-defined
"""

FILES = ("use.py", "products/models.py", "products/caches.py", "products/tests.py")

SAYS = re.compile(r"^use\.py:(?P<line>\d+): (?:note: Revealed type is \"(?P<type>.+)\"|error: .*\[(?P<code>[\w-]+)\])$")


@pytest.fixture
def project(tmp_path: Path) -> Path:
    project = shutil.copytree(ROOT / "examples" / "shop", tmp_path / "shop")
    (project / "mypy.ini").write_text(MYPY)
    (project / "use.py").write_text(USE)
    return project


@pytest.mark.timeout(2 * TIMEOUT)
def test_mypy_finds_the_model_of_each_cache_and_what_is_wrong(project: Path, installed: Path) -> None:
    output = mypy(project, installed)
    said = [found for line in output.splitlines() if (found := SAYS.match(line))]
    marks = {int(each["line"]): f"error: {each['code']}" if each["code"] else short(each["type"]) for each in said}
    wanted = {number: line.partition("  # ")[2] for number, line in enumerate(USE.splitlines(), 1) if "  # " in line}
    assert marks == wanted, output
    assert len(output.splitlines()) == len(said) + 1, output  # and the sum of them


def mypy(project: Path, installed: Path) -> str:
    """Return what mypy says. It counts what is in PYTHONPATH as installed: py.typed decides whether it is believed."""
    done = subprocess.run(
        [sys.executable, "-m", "mypy", "--cache-dir", str(project / ".mypy_cache"), *FILES],
        cwd=project,
        env=os.environ | {"PYTHONPATH": str(installed), "DJANGO_SETTINGS_MODULE": "shop.settings"},
        capture_output=True,
        text=True,
        timeout=TIMEOUT,
        check=False,
    )
    assert not done.stderr, done.stderr
    return done.stdout


def short(name: str) -> str:
    """Leave out where a class comes from, which differs between releases of mypy and of Django's stubs."""
    return re.sub(r"(?:builtins|\w+)(?:\.\w+)*\.(?=\w)", "", name)
