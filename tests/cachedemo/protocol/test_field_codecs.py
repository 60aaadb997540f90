"""Fields of a project's own: each value leads back to itself, or is refused before anything is written."""

import json
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from datetime import UTC, datetime
from decimal import Decimal
from enum import Enum
from typing import Any

import pytest
from django.contrib.postgres.fields import ArrayField
from django.core.exceptions import FieldDoesNotExist, ValidationError
from django.core.serializers.json import DjangoJSONEncoder
from django.db import connection, connections, models, transaction

from cachedemo.protocol.field_codecs import codec_of
from cachedemo.protocol.round_trips import written
from cachedemo.protocol.sample_values import fitting
from tests.cachedemo.made_models import made
from tests.helpers import past_cachedemo

pytestmark = pytest.mark.django_db(transaction=True)

PATTERNS = ("cache-aside", "write-through", "write-behind")


class Pair:
    """A value of which no text says enough."""

    def __init__(self, left: int, right: int) -> None:
        self.left, self.right = left, right

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Pair) and (self.left, self.right) == (other.left, other.right)

    def __hash__(self) -> int:
        return hash((self.left, self.right))


class PairField(models.Field):
    """Its class converts for the database alone."""

    def db_type(self, connection: Any) -> str:
        return "varchar(50)"

    def from_db_value(self, value: Any, expression: Any, connection: Any) -> Any:
        return None if value is None else Pair(*map(int, value.split()))

    def get_db_prep_value(self, value: Any, connection: Any, prepared: bool = False) -> Any:
        return None if value is None else f"{value.left} {value.right}"


def columns() -> dict[str, Any]:
    return {"title": models.CharField(max_length=9, default="t"), "pair": PairField(null=True)}


SAID = r"A value of type Pair cannot be cached in notes\.Made\.pair .*codecs = \{'pair': \(to_json, from_json\)\}"


@pytest.mark.parametrize("pattern", PATTERNS)
def test_a_value_that_does_not_lead_back_is_refused_before_anything_is_written(pattern: str) -> None:
    with made(columns()) as cache:
        with pytest.raises(ValidationError, match=SAID):
            cache.via(pattern).create(pair=Pair(1, 2))
        assert cache.model.objects.count() == 0
        row = cache.create()
        with pytest.raises(ValidationError, match=SAID):
            cache.via(pattern).update(row.pk, pair=Pair(1, 2))
        assert cache.table.queue.depth() == 0
        assert cache.via(pattern).update(row.pk, pair=None, title="n").title == "n"


def test_a_row_that_nobody_can_read_says_which_field_it_is() -> None:
    with made(columns(), codecs={"pair": (lambda pair: {}["missing"], lambda value: value)}) as cache:
        past_cachedemo(cache.model).bulk_create([cache.model(pk=1, pair=Pair(1, 2))])
        with pytest.raises(TypeError, match=SAID):
            cache.get(1)


@pytest.mark.parametrize("pattern", PATTERNS)
def test_codecs_of_a_registration_say_what_a_value_is_in_json(pattern: str) -> None:
    codecs = {"pair": (lambda pair: [pair.left, pair.right], lambda value: Pair(*value))}
    with made(columns(), codecs=codecs) as cache:
        row = cache.via(pattern).create(pair=Pair(1, 2))
        assert row.pair == Pair(1, 2)
        assert cache.via(pattern).update(row.pk, pair=Pair(3, 4)).pair == Pair(3, 4)
        assert cache.table.codec.decode(cache.read(row.pk).body)["pair"] == [3, 4]
        assert cache.get(row.pk).pair == Pair(3, 4)
        cache.drain(timeout=5)
        assert cache.model.objects.get().pair == Pair(3, 4)
        assert cache.via(pattern).update(row.pk, pair=None).pair is None


def test_codecs_that_do_not_lead_back_are_noticed() -> None:
    for codec in [(lambda pair: 1, lambda value: value), (lambda pair: pair, lambda value: value)]:
        with made(columns(), codecs={"pair": codec}) as cache, pytest.raises(ValidationError, match=SAID):
            cache.create(pair=Pair(1, 2))


class Decimals(json.JSONDecoder):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, parse_float=Decimal, **kwargs)


class Floats(DjangoJSONEncoder):
    def default(self, o: Any) -> Any:
        return float(o) if isinstance(o, Decimal) else super().default(o)


@pytest.mark.parametrize("pattern", PATTERNS)
def test_json_is_written_by_its_encoder_and_read_by_its_decoder(pattern: str) -> None:
    field = models.JSONField(encoder=Floats, decoder=Decimals, default=dict)
    with made({"data": field}) as cache:
        row = cache.via(pattern).create(data={"b": Decimal("1.5"), "a": [1]})
        assert cache.get(row.pk).data == {"b": Decimal("1.5"), "a": [1]}
        shown = cache.via(pattern).update(row.pk, data={"price": Decimal("2.25")})
        cached = cache.get(row.pk)
        cache.drain(timeout=5)
        for instance in (shown, cached, cache.model.objects.get()):
            assert type(instance.data["price"]) is Decimal
            assert instance.data == {"price": Decimal("2.25")}


@pytest.mark.parametrize("pattern", PATTERNS)
def test_json_whose_decoder_and_encoder_do_not_agree_is_refused_and_told_by_its_reader(pattern: str) -> None:
    """The encoder makes a text of what the decoder has made of a number: a read would show that text."""
    field = models.JSONField(encoder=DjangoJSONEncoder, decoder=Decimals, default=dict)
    said = r"notes\.Made\.data .*codecs"
    with made({"data": field}) as cache:
        row = cache.create(data={"price": Decimal("2.25"), "sizes": [1]})
        assert cache.get(row.pk).data == cache.model.objects.get().data == {"price": "2.25", "sizes": [1]}
        with pytest.raises(ValidationError, match=said):
            cache.via(pattern).update(row.pk, data={"price": 2.25})
        row.data = {"price": 2.25}
        with pytest.raises(ValidationError, match=said):
            row.save()
        past_cachedemo(cache.model).bulk_create([cache.model(pk=9, data={"price": 2.25})])
        with pytest.raises(TypeError, match=said):
            cache.get(9)


@pytest.fixture
def in_kolkata(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    def begin_anew() -> None:
        connection.close()
        for name in ("timezone", "timezone_name"):
            connections["default"].__dict__.pop(name, None)

    for options in (connection.settings_dict, connections.settings["default"]):
        monkeypatch.setitem(options, "TIME_ZONE", "Asia/Kolkata")
    begin_anew()
    yield
    monkeypatch.undo()
    begin_anew()


@pytest.mark.parametrize("pattern", PATTERNS)
def test_a_moment_is_in_the_time_zone_of_its_database(pattern: str, in_kolkata: None) -> None:
    with made({"at": models.DateTimeField(null=True)}) as cache:
        row = cache.create(at=None)
        written = cache.via(pattern).update(row.pk, at=datetime(2026, 1, 1, 20, tzinfo=UTC)).at
        read, many = cache.get(row.pk).at, cache.get_many([row.pk])[row.pk].at
        cache.drain(timeout=5)
        for moment in (written, read, many, cache.model.objects.get().at):
            assert moment.isoformat() == "2026-01-02T01:30:00+05:30"
        assert cache.table.codec.decode(cache.read(row.pk).body)["at"] == "2026-01-01T20:00:00+00:00"


class SealedField(models.CharField):
    """What an encrypted field does: the column holds something else each time."""

    def get_db_prep_save(self, value: Any, connection: Any) -> Any:
        return None if value is None else f"{connection.settings_dict['NAME']}|{value}"

    def from_db_value(self, value: Any, expression: Any, connection: Any) -> Any:
        return None if value is None else value.rpartition("|")[2]


@pytest.mark.parametrize("pattern", PATTERNS)
def test_what_needs_a_connection_to_be_prepared_is_cached_as_the_value_that_it_is(pattern: str) -> None:
    with made({"word": SealedField(max_length=500)}) as cache:
        row = cache.via(pattern).create(word="open")
        assert cache.via(pattern).update(row.pk, word="sesame").word == "sesame"
        assert cache.table.codec.decode(cache.read(row.pk).body)["word"] == "sesame"
        cache.drain(timeout=5)
        with connection.cursor() as cursor:
            cursor.execute("SELECT word FROM notes_made")
            assert cursor.fetchone()[0].endswith("|sesame")
        assert cache.get(row.pk).word == "sesame"


def test_a_save_carries_what_waits_for_a_field_that_prepares_whatever_it_is_asked() -> None:
    with made({"word": SealedField(max_length=500), "title": models.CharField(max_length=9, default="t")}) as cache:
        row = cache.get(cache.create(word="open").pk)
        cache.via("write-behind").update(row.pk, word="sesame")
        row.title = "new"
        row.save()
        assert (row.word, row.title) == ("sesame", "new")
        found = cache.model.objects.get()
        assert (found.word, found.title) == ("sesame", "new") == (cache.get(row.pk).word, cache.get(row.pk).title)
        cache.drain(timeout=5)
        assert cache.get(row.pk).word == "sesame"


class PlacedField(models.CharField):
    """What an encrypted field of another kind does: the database is asked to compute what the column holds."""

    def get_placeholder(self, value: Any, compiler: Any, connection: Any) -> str:
        return "upper(%s)"

    def get_placeholder_sql(self, value: Any, compiler: Any, connection: Any) -> Any:
        return "upper(%s)", [value]


def test_a_column_that_is_written_by_sql_of_its_own_cannot_be_cached_and_is_saved_as_ever() -> None:
    columns = {"word": PlacedField(max_length=9), "title": models.CharField(max_length=9, default="t")}
    said = r"notes\.Made\.word, a PlacedField, cannot be cached: .*get_placeholder.* Leave it out"
    with pytest.raises(FieldDoesNotExist, match=said), made(columns, fields=["word"]):
        pass
    with (
        pytest.raises(FieldDoesNotExist, match=said),
        made(columns, fields=["word"], codecs={"word": (str, str)}),
    ):
        pass
    with made(columns) as cache:  # "__all__" leaves it out
        row = cache.create(word="open")
        cache.via("write-behind").update(row.pk, title="new")
        row.word = "shut"
        row.save()
        cache.drain(timeout=5)
        assert (cache.get(row.pk).word, cache.get(row.pk).title) == ("SHUT", "new")


class CastField(models.CharField):
    """Says what type the column has anyway."""

    def get_placeholder(self, value: Any, compiler: Any, connection: Any) -> str:
        return f"CAST(%s AS {self.db_type(connection)})"

    def get_placeholder_sql(self, value: Any, compiler: Any, connection: Any) -> Any:
        return self.get_placeholder(value, compiler, connection), [value]


@pytest.mark.parametrize("pattern", PATTERNS)
def test_a_column_whose_sql_is_a_cast_can_be_cached(pattern: str) -> None:
    with made({"word": CastField(max_length=9)}, fields=["word"]) as cache:
        row = cache.create(word="open")
        assert cache.via(pattern).update(row.pk, word="shut").word == "shut"
        cache.drain(timeout=5)
        assert cache.get(row.pk).word == cache.model.objects.get().word == "shut"


WAYS: dict[str, Callable[[Any, Any], Any]] = {
    "save": lambda cache, row: row.save(),
    "save, by name": lambda cache, row: row.save(update_fields=["pair"]),
    "save of a row that was read from the cache": lambda cache, row: saved(cache.get(row.pk), row.pair),
    "a new row": lambda cache, row: cache.model(pair=row.pair).save(),
    "a new row with a key": lambda cache, row: cache.model(pk=9, pair=row.pair).save(),
    "create of the manager": lambda cache, row: cache.model.objects.create(pair=row.pair),
    "update": lambda cache, row: cache.model.objects.update(pair=row.pair),
    "bulk_update": lambda cache, row: cache.model.objects.bulk_update([row], ["title", "pair"]),
    "bulk_create": lambda cache, row: cache.model.objects.bulk_create([cache.model(), cache.model(pair=row.pair)]),
    "bulk_create over others": lambda cache, row: cache.model.objects.bulk_create(
        [row], update_conflicts=True, update_fields=["pair"], unique_fields=["id"]
    ),
    "update_or_create": lambda cache, row: cache.model.objects.update_or_create(pk=row.pk, defaults={"pair": row.pair}),
}


def saved(row: Any, pair: Any) -> None:
    row.pair = pair
    row.save()


@pytest.mark.parametrize("inside", [False, True], ids=["alone", "in a transaction"])
@pytest.mark.parametrize("way", WAYS)
def test_no_way_to_write_takes_a_value_that_does_not_lead_back(way: str, inside: bool) -> None:
    with made(columns()) as cache:
        row = cache.create(title="first")
        row.title, row.pair = "second", Pair(1, 2)
        with pytest.raises(ValidationError, match=SAID) as error, transaction.atomic() if inside else nullcontext():
            WAYS[way](cache, row)
        assert list(error.value.message_dict) == ["pair"]
        assert list(cache.model.objects.values_list("title", "pair")) == [("first", None)]
        assert cache.get(row.pk).title == "first"
        row.pair = None
        row.save()
        assert cache.get(row.pk).title == "second"


@pytest.mark.parametrize("way", WAYS)
def test_a_value_in_any_form_that_the_field_understands_is_saved(way: str) -> None:
    codecs = {"pair": (lambda moment: moment.timestamp(), lambda value: datetime.fromtimestamp(value, UTC))}
    moment = models.DateTimeField(null=True)
    with made({"title": models.CharField(max_length=9, default="t"), "pair": moment}, codecs=codecs) as cache:
        row = cache.create(title="first")
        row.pair = "2026-01-02T03:04:05+02:00"
        WAYS[way](cache, row)
        assert {cache.get(pk).pair for pk in cache.model.objects.exclude(pair=None).values_list("pk", flat=True)} == {
            datetime(2026, 1, 2, 1, 4, 5, tzinfo=UTC)
        }


def test_what_the_database_has_and_no_json_leads_back_to_is_told_by_its_reader() -> None:
    """The class of Django's makes a text of anything, so nothing fails but the way back."""
    with made(columns()) as cache:
        past_cachedemo(cache.model).bulk_create([cache.model(pk=1, pair=Pair(1, 2))])
        with pytest.raises(TypeError, match=SAID):
            cache.get(1)


class ListedField(models.CharField):
    """NULL is an empty text in its column, and that an empty list."""

    def to_python(self, value: Any) -> Any:
        return value if isinstance(value, list) else value.split(",") if value else []

    def from_db_value(self, value: Any, expression: Any, connection: Any) -> Any:
        return self.to_python(value)

    def get_prep_value(self, value: Any) -> Any:
        return ",".join(value or ())

    def run_validators(self, value: Any) -> None: ...


class NullishField(models.CharField):
    """An empty text is NULL in its column."""

    def get_db_prep_value(self, value: Any, connection: Any, prepared: bool = False) -> Any:
        return value or None


@pytest.mark.parametrize("pattern", PATTERNS)
def test_what_is_nothing_in_the_column_is_shown_so_before_the_flush_too(pattern: str) -> None:
    fields = {
        "words": ListedField(max_length=20, null=True, blank=True, default=["a"]),
        "text": NullishField(max_length=20, null=True, blank=True, default="a"),
        "needed": NullishField(max_length=20, blank=True, default="a"),
    }
    with made(fields) as cache:
        row = cache.create()
        for given, shown in (({"words": None}, []), ({"text": ""}, None), ({"text": None}, None), ({"words": []}, [])):
            [name] = given
            assert getattr(cache.via(pattern).update(row.pk, **given), name) == shown
            body = cache.read(row.pk).body
            cache.drain(timeout=5)
            cache.evict([row.pk])
            assert (cache.read(row.pk).body, getattr(cache.model.objects.get(), name)) == (body, shown)
        with pytest.raises(ValidationError, match="cannot be null"):
            cache.via(pattern).update(row.pk, needed="")
        assert cache.drain(timeout=5) == 0


class Tone(Enum):
    LOW = 1
    HIGH = 2


class ToneField(models.IntegerField):
    """Objects, and a word of its own for each database, as in django-enum."""

    def to_python(self, value: Any) -> Any:
        return value if value is None or isinstance(value, Tone) else Tone(value)

    def from_db_value(self, value: Any, expression: Any, connection: Any) -> Any:
        return self.to_python(value)

    def get_prep_value(self, value: Any) -> Any:
        return value.value if isinstance(value, Tone) else value

    def get_db_prep_value(self, value: Any, connection: Any, prepared: bool = False) -> Any:
        return value if prepared else self.get_prep_value(value)

    def run_validators(self, value: Any) -> None: ...


class TextTone(models.TextChoices):
    LOW = "l"
    HIGH = "h"


class TextToneField(models.CharField):
    def to_python(self, value: Any) -> Any:
        return None if value is None else TextTone(value)

    def from_db_value(self, value: Any, expression: Any, connection: Any) -> Any:
        return self.to_python(value)

    def get_db_prep_value(self, value: Any, connection: Any, prepared: bool = False) -> Any:
        return None if value is None else str(value)


@pytest.mark.parametrize("pattern", PATTERNS)
def test_objects_are_read_as_their_column_where_the_type_of_the_value_does_not_lead_back(pattern: str) -> None:
    fields = {
        "tone": ToneField(default=Tone.LOW),
        "text": TextToneField(max_length=1, choices=TextTone.choices, default=TextTone.LOW),
    }
    with made(fields) as cache:
        row = cache.via(pattern).create()
        for given in ({"tone": Tone.HIGH}, {"text": "h"}, {"tone": 1}, {"text": TextTone.LOW}):
            shown = [cache.via(pattern).update(row.pk, **given), cache.get(row.pk), cache.get_many([row.pk])[row.pk]]
            cache.drain(timeout=5)
            stored = cache.model.objects.get()
            for each in shown:
                assert (each.tone, each.text) == (stored.tone, stored.text)
                assert (type(each.tone), type(each.text)) == (Tone, TextTone)
        shown[1].text = TextTone.HIGH
        shown[1].save()
        assert cache.get(row.pk).text is TextTone.HIGH


def test_so_are_the_parts_of_an_array() -> None:
    with made({"n": models.IntegerField(default=1)}) as cache:
        using = cache.table.using
        tones = codec_of(ArrayField(ToneField()), {}, using, fitting)
        texts = codec_of(ArrayField(TextToneField(max_length=1, choices=TextTone.choices)), {}, using, fitting)
        for codec, value in ((tones, [Tone.LOW, None, Tone.HIGH]), (texts, [TextTone.HIGH, None])):
            back = codec.from_json(json.loads(json.dumps(written(codec, value))))
            assert back == value
            assert list(map(type, back)) == list(map(type, value))
