"""One row has one slot and one place in the queue, however its key is spelled; what no row can have is missing."""

import datetime
import decimal
import enum
import uuid
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured, ValidationError
from django.db import connection, models, transaction

from cachedemo import cache_for
from tests.cachedemo.made_models import a_class, made
from tests.cachedemo.test_cascades import new_models
from tests.notes.models import Note

pytestmark = pytest.mark.django_db(transaction=True)

UTC = datetime.UTC
EAST = datetime.timezone(datetime.timedelta(hours=2))
D = decimal.Decimal
NOON = datetime.datetime(2026, 1, 1, 12, tzinfo=UTC)
ONE = uuid.UUID(int=1)


class Word(models.TextChoices):
    A = "a"


class Letter(str, enum.Enum):  # noqa: UP042 - its str() is another text
    A = "a"


class Whole(enum.IntEnum):
    ONE = 1


class Loud(str):
    def __str__(self) -> str:
        return "loud"


def decimals() -> Any:
    return models.DecimalField(primary_key=True, max_digits=8, decimal_places=2)


def text() -> Any:
    return models.CharField(primary_key=True, max_length=20, blank=True)


SPELLINGS: dict[str, tuple[Any, Any, list[Any]]] = {
    "decimal": (decimals, D("1.00"), [D("1"), D("1.0"), D("1.000"), D("1E0"), D("0.1E1"), 1, "1", "1.0", 1.0, True]),
    "zero": (decimals, D("0.00"), [D("-0"), D("-0.00"), D("0E5"), 0, -0.0, "-0"]),
    "hundred": (decimals, D("100.00"), [D("1E2"), D("1E+2"), "1e2", 100]),
    "float": (lambda: models.FloatField(primary_key=True), 1.0, [1, "1", "1.0", D("1"), True]),
    "float zero": (lambda: models.FloatField(primary_key=True), 0.0, [-0.0, 0, "-0.0", "0"]),
    "integer": (lambda: models.IntegerField(primary_key=True), 1, ["1", "01", " 1", 1.0, D("1.00"), True, Whole.ONE]),
    "uuid": (
        lambda: models.UUIDField(primary_key=True),
        ONE,
        [str(ONE), ONE.hex, ONE.urn, str(ONE).upper(), f"{{{ONE}}}", 1],
    ),
    "moment": (
        lambda: models.DateTimeField(primary_key=True),
        NOON,
        [NOON.astimezone(EAST), "2026-01-01T14:00:00+02:00", "2026-01-01 12:00:00Z", NOON.isoformat()],
    ),
    "day": (lambda: models.DateField(primary_key=True), NOON.date(), ["2026-01-01", datetime.datetime(2026, 1, 1)]),
    "duration": (
        lambda: models.DurationField(primary_key=True),
        datetime.timedelta(hours=36),
        ["1 12:00:00", "1 day, 12:00:00", "P1DT12H", "36:00:00"],
    ),
    "text": (text, "a", [Word.A, Letter.A]),
    "loud text": (text, "soft", [Loud("soft")]),
    "number as text": (text, "1", [1]),
    "address": (
        lambda: models.GenericIPAddressField(primary_key=True),
        "2001:db8::1",
        ["2001:DB8::1", "2001:0db8:0:0:0:0:0:1"],
    ),
    "nothing": (text, "", []),
    "cache": (text, "cache", []),
    "colons": (text, "a:cache", ["a:cache"]),
    "braces": (text, "{a}*?[b]", []),
}


@pytest.fixture(params=SPELLINGS.values(), ids=SPELLINGS.keys())
def spelled(request: pytest.FixtureRequest) -> Any:
    column, key, others = request.param
    with made({"key": column(), "title": models.CharField(max_length=20), "size": models.IntegerField(default=0)}) as m:
        m.model.objects.create(key=key, title="t0")
        yield m, key, others


@pytest.mark.parametrize("pattern", ["cache-aside", "write-through", "write-behind"])
def test_each_spelling_names_the_slot_and_what_waits_of_one_row(spelled: Any, pattern: str) -> None:
    cache, key, others = spelled
    for number, other in enumerate([key, *others]):
        cache.get(other)
        assert cache.via(pattern).update(other, title=f"t{number}").title == f"t{number}"
        assert [cache.get(each).title for each in (key, *others)] == [f"t{number}"] * (len(others) + 1)
    assert cache.table.queue.depth() == (pattern == "write-behind")
    cache.drain(timeout=5)
    row = cache.model.objects.get()
    assert (row.pk, row.title) == (key, f"t{len(others)}")
    assert list(cache.get_many([key, *others])) == [key]
    assert cache.table.to_pk(str(cache.table.to_pk(row.pk))) == key, "the queue has it as text"
    cache.evict([key, *others])
    for other in [*others, key][:1]:
        cache.delete(other)
    with pytest.raises(cache.model.DoesNotExist):
        cache.get(key)


def test_a_row_is_made_and_saved_under_the_text_of_its_key(spelled: Any) -> None:
    cache, key, others = spelled
    cache.delete(key)
    for other in [*others, key][:1]:
        assert cache.create(key=other, title="new").pk == key
    cache.via("write-behind").update(key, size=5)
    instance = cache.get(key)
    instance.title = "saved"
    with transaction.atomic():
        instance.save()
        assert cache.table.queue.owed()[0] == 1, "until it has committed"
    assert (cache.get(key).title, cache.get(key).size) == ("saved", 5)
    cache.drain(timeout=5)
    cache.model.objects.update(title="all")
    assert cache.get(key).title == "all"
    assert cache.table.queue.owed()[0] == 0, "what is owed is owed to the same text"


NOT_HELD: list[tuple[Any, Any]] = [
    (decimals, D("1.001")),
    (decimals, D("1E9")),
    (decimals, "1e999999"),
    (lambda: models.IntegerField(primary_key=True), 2**63),
    (lambda: models.IntegerField(primary_key=True), -(2**63) - 1),
    (lambda: models.PositiveIntegerField(primary_key=True), -1),
    (lambda: models.IntegerField(primary_key=True), 1.5),
    (lambda: models.IntegerField(primary_key=True), D("1.5")),
    (lambda: models.FloatField(primary_key=True), 2**53 + 1),
    (lambda: models.FloatField(primary_key=True), 10**400),
    (lambda: models.DateTimeField(primary_key=True), NOON.replace(tzinfo=None)),
    (lambda: models.DateField(primary_key=True), NOON.replace(tzinfo=None)),
    (lambda: models.TimeField(primary_key=True), NOON.timetz()),
    (lambda: models.DurationField(primary_key=True), datetime.timedelta.max),
    (lambda: models.GenericIPAddressField(primary_key=True), "10.0.0.256"),
    (text, "a\0"),
    (text, "\ud800"),
    (text, "longer than the twenty characters"),
]


@pytest.mark.parametrize(("column", "key"), NOT_HELD, ids=[str(number) for number in range(len(NOT_HELD))])
def test_what_a_column_cannot_hold_is_a_row_that_is_not_there(column: Any, key: Any) -> None:
    with made({"key": column(), "title": models.CharField(max_length=20)}) as cache:
        missing = cache.model.DoesNotExist
        for ask in (cache.get, cache.read, cache.delete):
            with pytest.raises(missing):
                ask(key)
        for pattern in ("cache-aside", "write-through", "write-behind"):
            with pytest.raises(missing):
                cache.via(pattern).update(key, title="t")
        assert cache.get_many([key]) == cache.read_many([key]) == {}
        cache.evict([key])
        if not isinstance(key, str) or len(key) < 20:
            with pytest.raises(ValidationError):
                cache.create(key=key, title="t")
        assert cache.table.queue.depth() == 0


@pytest.mark.parametrize("key", [None, float("nan"), float("inf"), "x", [], {}, object()])
def test_what_is_no_key_at_all_is_told_so(key: Any) -> None:
    for column in (models.IntegerField, models.UUIDField, models.DateTimeField, models.DurationField):
        columns = {"key": column(primary_key=True), "title": models.CharField(max_length=20)}
        with made(columns) as cache, pytest.raises(ValidationError):
            cache.get(key)


def test_a_whole_number_beyond_the_column_asks_no_server(monkeypatch: pytest.MonkeyPatch) -> None:
    notes = cache_for(Note)
    top = connection.ops.integer_field_range("BigAutoField")[1]
    with monkeypatch.context() as patch:
        patch.setattr(notes.table, "_servers", None)
        with pytest.raises(Note.DoesNotExist):
            notes.get(top + 1)


class Code:
    def __init__(self, text: str) -> None:
        self.text = text

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Code) and other.text == self.text

    def __hash__(self) -> int:
        return hash(self.text)

    def __str__(self) -> str:
        return self.text

    def __len__(self) -> int:
        return len(self.text)


class CodeField(models.CharField):
    """Codes of a project's own, which are the same in capitals."""

    def to_python(self, value: Any) -> Any:
        return value if value is None or isinstance(value, Code) else Code(str(value))

    def from_db_value(self, value: Any, expression: Any, connection: Any) -> Any:
        return self.to_python(value)

    def get_prep_value(self, value: Any) -> Any:
        return None if value is None else str(value).lower()


def test_a_key_of_a_projects_own_class_is_read_as_the_column_has_it() -> None:
    columns = {"key": CodeField(primary_key=True, max_length=9), "title": models.CharField(max_length=20)}
    with made(columns) as cache:
        cache.create(key="AB", title="t0")
        cache.via("write-behind").update(Code("Ab"), title="t1")
        assert cache.get("ab").title == cache.get("AB").title == "t1"
        assert cache.get("AB").pk == Code("ab")
        cache.drain(timeout=5)
        assert cache.model.objects.get(pk="AB").title == "t1"


class Mute(Code):
    __str__ = object.__str__


class MuteField(CodeField):
    def to_python(self, value: Any) -> Any:
        return value if value is None or isinstance(value, Code) else Mute(str(value))

    def get_prep_value(self, value: Any) -> Any:
        return None if value is None else value.text


def test_a_key_whose_text_does_not_lead_back_to_it_is_refused() -> None:
    columns = {"key": MuteField(primary_key=True, max_length=99), "title": models.CharField(max_length=20)}
    with made(columns) as cache, pytest.raises(ValidationError, match=r"notes\.Made does not lead back"):
        cache.get("a")


@pytest.mark.parametrize("column", [models.BinaryField, models.JSONField, models.FileField])
def test_a_key_without_a_text_is_refused_when_it_is_registered(column: Any) -> None:
    columns = {"key": column(primary_key=True), "title": models.CharField(max_length=20)}
    with pytest.raises(ImproperlyConfigured, match=r"notes\.Made\.key is a"), made(columns):
        pass


def test_a_key_that_refers_to_another_row_has_the_text_of_that_rows_key() -> None:
    with new_models() as there:
        target = a_class("Target", {"key": decimals()}, models.Model)
        with connection.schema_editor() as editor:
            editor.create_model(target)
        there.append(target)
        columns = {
            "target": models.OneToOneField(target, models.CASCADE, primary_key=True),
            "title": models.CharField(max_length=20),
        }
        with made(columns) as cache:
            row = target.objects.create(key=1)
            cache.model.objects.create(target=row, title="t0")
            cache.via("write-behind").update(D("1"), title="t1")
            assert cache.get(target.objects.get()).title == cache.get("1.00").title == "t1"


def test_the_keys_of_a_batch_are_whole_numbers_that_are_spelled_so():
    keys = cache_for(Note).table.codec.keys
    assert keys.whole_of(["1", "-2", "0", "9223372036854775807"]) == [1, -2, 0, 2**63 - 1]
    for odd in ("01", " 1", "+1", "1_0", "\u0663", "-0", "x", "", "9" * 5000, str(2**63)):
        assert keys.whole_of(["1", odd]) is None, odd
    assert keys.whole_of(["1", None]) is None
    assert keys.whole_of([]) is None


@pytest.mark.parametrize("pattern", ["cache-aside", "write-through", "write-behind"])
def test_a_row_is_found_by_the_row_that_its_key_refers_to_by_another_field_than_its_key(pattern: str) -> None:
    with new_models() as there:
        target = a_class("Target", {"number": models.IntegerField(unique=True)}, models.Model)
        with connection.schema_editor() as editor:
            editor.create_model(target)
        there.append(target)
        columns = {
            "target": models.OneToOneField(target, models.CASCADE, to_field="number", primary_key=True),
            "title": models.CharField(max_length=20),
        }
        with made(columns) as cache:
            rows = target.objects.bulk_create([target(pk=1, number=2), target(pk=2, number=1)])
            made_of = {row.number: cache.create(target=row, title=f"t{row.number}") for row in rows}
            for row in rows:
                assert cache.get(row).title == cache.model.objects.get(pk=row).title == f"t{row.number}"
                assert cache.get(made_of[row.number]).title == f"t{row.number}", "a row of its own has its own key"
                assert cache.via(pattern).update(row, title="new").target_id == row.number
                assert list(cache.get_many([row])) == [row.number]
