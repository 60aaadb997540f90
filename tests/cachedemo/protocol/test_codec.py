"""A row survives being written as JSON, field by field, to the last digit."""

import datetime
import decimal
import math
import uuid

import pytest
from django.core.exceptions import FieldDoesNotExist, ValidationError
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cachedemo import cache_for
from cachedemo.protocol.codec import Codec
from tests.helpers import past_cachedemo
from tests.notes.models import Note, Sample

UTC = datetime.UTC
DAYS = datetime.timedelta(10**6)
JSON = st.recursive(
    st.none() | st.booleans() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)
VALUES = st.fixed_dictionaries(
    {
        "id": st.uuids(),
        "price": st.decimals(-(10**8) + 1, 10**8 - 1, places=4),
        "at": st.datetimes(timezones=st.just(UTC)),
        "day": st.none() | st.dates(),
        "took": st.none() | st.timedeltas(-DAYS, DAYS),
        "ratio": st.floats(allow_nan=False, allow_infinity=False),
        "flags": JSON,
        "done": st.booleans(),
        "coded": JSON,
    }
)


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])  # a loaded machine makes values slowly
@given(VALUES)
def test_every_kind_of_field_comes_back_as_it_was(values):
    codec = cache_for(Sample).table.codec
    body = codec.encode(codec.values(values | {"paper": None}))
    instance = codec.instance(codec.decode(body), 5, "default")
    assert {name: getattr(instance, name) for name in values} == values
    assert all(type(getattr(instance, name)) is type(value) for name, value in values.items())


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("pattern", ["cache-aside", "write-through", "write-behind"])
def test_every_kind_of_field_reaches_the_source(pattern):
    samples = cache_for(Sample)
    made = samples.create(
        price=decimal.Decimal("1.2500"),
        at=datetime.datetime(2026, 1, 2, 3, 4, 5, 678901, UTC),
        day=datetime.date(2026, 1, 2),
    )
    changes = {
        "price": decimal.Decimal("99999999.9999"),
        "at": datetime.datetime(2025, 1, 2, 3, 4, 5, 678901, UTC),
        "day": None,
        "took": datetime.timedelta(microseconds=-1),
        "ratio": math.pi,
        "flags": {"a": [1, None]},
        "done": True,
    }
    samples.via(pattern).update(made.pk, **changes)
    for sample in (samples.get(made.pk), samples.get(str(made.pk))):
        assert {name: getattr(sample, name) for name in changes} == changes
    samples.drain(timeout=5)
    assert Sample.objects.filter(pk=made.pk, **{k: v for k, v in changes.items() if k != "flags"}).exists()
    assert Sample.objects.get(pk=made.pk).flags == {"a": [1, None]}
    assert samples.get(made.pk).price == changes["price"]


def test_one_row_has_one_slot_however_its_key_is_spelled(people):
    notes = cache_for(Note)
    past_cachedemo(Note).bulk_create([Note(pk=1, title="a0")])
    notes.get("1"), notes.get("01"), notes.get(1.0), notes.get(True)
    notes.via("write-through").update("001", title="a1")
    assert notes.get("01").title == notes.get(1).title == "a1"
    assert uuid.UUID(int=1) != 1
    with pytest.raises(ValidationError):
        notes.get("one")


def test_a_field_that_cannot_be_cached_is_refused_at_registration():
    for name in ("nothing", "id", "note"):
        with pytest.raises(FieldDoesNotExist):
            Codec(Note, [name])


def test_an_uncached_field_is_deferred_and_loads_when_asked(people):
    past_cachedemo(Note).bulk_create([Note(pk=1, title="a0", secret="s0")])
    note = cache_for(Note).get(1)
    assert note.get_deferred_fields() == {"secret", "owner_id"}
    assert note.secret == "s0"


@pytest.fixture
def sample(transactional_db):
    return Sample.objects.create(price=1, at=datetime.datetime(2026, 1, 1, tzinfo=UTC), paper="old.txt")


PATTERNS = ["cache-aside", "write-through", "write-behind"]


@pytest.mark.parametrize("pattern", PATTERNS)
def test_a_file_field_beside_it_is_left_alone_and_read_as_a_name(sample, pattern):
    samples = cache_for(Sample)
    assert samples.via(pattern).update(sample.pk, done=True).paper.name == "old.txt"
    assert samples.via(pattern).update(sample.pk, paper="new.txt").paper.name == "new.txt"
    samples.drain(timeout=5)
    assert Sample.objects.get(pk=sample.pk).paper.name == "new.txt"


@pytest.mark.parametrize("pattern", PATTERNS)
@pytest.mark.filterwarnings("ignore:DateTimeField:RuntimeWarning")
def test_a_naive_time_is_read_as_the_database_gives_it_back(sample, pattern):
    samples = cache_for(Sample)
    samples.via(pattern).update(sample.pk, at=datetime.datetime(2020, 1, 1))
    before = samples.get(sample.pk).at
    samples.drain(timeout=5)
    assert before == Sample.objects.get(pk=sample.pk).at


@pytest.mark.parametrize("pattern", PATTERNS)
def test_json_is_written_by_its_own_encoder(sample, pattern):
    samples = cache_for(Sample)
    written = samples.via(pattern).update(sample.pk, coded={"price": decimal.Decimal("1.20"), 1: "one"})
    samples.drain(timeout=5)
    assert written.coded == Sample.objects.get(pk=sample.pk).coded == {"price": "1.20", "1": "one"}


@pytest.mark.parametrize("pattern", PATTERNS)
@pytest.mark.parametrize(
    "value",
    [{"a": "x\0y"}, {"\0": 1}, [["\ud800"]], {"a": math.nan}, {"a": decimal.Decimal(1)}, {"a": object()}],
)
def test_json_that_a_database_may_refuse_is_refused_before(sample, pattern, value):
    samples = cache_for(Sample)
    with pytest.raises(ValidationError):
        samples.via(pattern).update(sample.pk, flags=value)
    with pytest.raises(ValidationError):
        samples.via(pattern).update(sample.pk, ratio=math.inf)
    assert samples.table.queue.depth() == 0
    assert Sample.objects.get(pk=sample.pk).flags == {}
