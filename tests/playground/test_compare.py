"""Compare, with a worker that flushes: what each pattern sends, and for how long the places disagree."""

import html
import re

import pytest

from playground import keep
from tests.helpers import opening
from users.models import User


@pytest.mark.usefixtures("people", "worker")
def test_compare_counts_what_each_pattern_sends(client, settings):
    settings.OPEN_ACCESS = True
    answer = client.post("/compare/")
    page = html.unescape(re.sub(r"<[^>]+>", " ", client.get(answer["Location"]).content.decode()))
    result = keep.load("compare", answer["Location"].rpartition("=")[2])
    cold, warm, update, read, expired = zip(*(column["cells"] for column in result["columns"]), strict=True)
    assert [cell["sql"] for cell in cold] == [cell["sql"] for cell in expired] == [1, 1, 1]
    assert [(cell["commands"], cell["sql"]) for cell in warm] == [(1, 0)] * 3
    assert [cell["sql"] for cell in update] == [len(opening()) + 2] * 2 + [0]
    assert [cell["origin"] for cell in read] == ["source", "cache", "cache"]
    assert "cache and database differed for" in page
    assert result["columns"][2]["differed"] is not None
    assert User.objects.count() == 3, "the throwaway rows are gone"
