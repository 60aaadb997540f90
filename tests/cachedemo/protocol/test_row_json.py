"""Both ways to read a row's JSON read the same."""

import json
import math
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from cachedemo import extras
from cachedemo.protocol import row_json

values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.text(st.characters(categories=["Cs"])),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
rows = st.dictionaries(st.text(max_size=5), values, max_size=5)


def same(one: Any, other: Any) -> bool:
    """Whether they are equal, and of the same types; NaN is NaN."""
    if isinstance(one, dict):
        return isinstance(other, dict) and list(one) == list(other) and all(same(one[key], other[key]) for key in one)
    if isinstance(one, list):
        return isinstance(other, list) and len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, float) and math.isnan(one):
        return isinstance(other, float) and math.isnan(other)
    return type(one) is type(other) and one == other


@given(rows, st.booleans())
@example({"a": 2**64, "b": -(2**63) - 1, "c": 10**400, "d": -0.0, "e": math.inf, "f": math.nan}, False)
@example({"a": "\ud800"}, True)
def test_what_was_written_is_read_alike(row: dict[str, Any], ascii_only: bool) -> None:
    body = json.dumps(row, ensure_ascii=ascii_only).encode(errors="surrogatepass")
    assert _read_alike(body) or not ascii_only


@given(st.binary(max_size=40))
@example(b'"a":"\n"')
@example(b'"a":01')
@example(b'"a":1,"a":2')
@example(b'"a":1e400')
@example(b'"a":-')
@example(b'"a":1}{"a":1')
@example(b'"a":' + b"[" * 100_000)
def test_whatever_else_stands_there_is_read_alike_or_refused_by_both(inside: bytes) -> None:
    _read_alike(b"{" + inside + b"}")


def _read_alike(body: bytes) -> bool:
    """Return whether it was read; fail if not in the same way."""
    try:
        by_json = row_json.by_json(body)
    except ValueError:
        with pytest.raises(ValueError):  # noqa: PT011 - that it is one is all that is promised
            row_json.by_msgspec(body)
        return False
    assert same(row_json.by_msgspec(body), by_json)
    return True


def test_msgspec_reads_where_it_is_installed() -> None:
    assert extras.has("fast")
    assert row_json.parsed is row_json.by_msgspec
