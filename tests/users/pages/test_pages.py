"""The pages, as somebody without JavaScript uses them."""

import re
from html.parser import HTMLParser
from typing import Any

import pytest
from django.db import connection
from django.utils.html import escape

from cachedemo import Pattern, cache_for
from tests.helpers import entries, past_cachedemo
from users.models import User
from users.templatetags.terms import explained

PATTERNS = list(Pattern)

pytestmark = pytest.mark.usefixtures("people", "open_access")


class Page(HTMLParser):
    """What a page says, and what its form would send."""

    def __init__(self, response: Any) -> None:
        super().__init__()
        self.status = response.status_code
        self.html = response.content.decode()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self._words: list[str] = []
        self.feed(self.html)
        self.text = " ".join(" ".join(self._words).split())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self._words.append(data)

    def all(self, *names: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.tags if name in names]

    @property
    def fields(self) -> dict[str, str]:
        """The values that the form holds, hidden ones too."""
        inputs = [tag for tag in self.all("input") if tag.get("type") not in ("radio", "checkbox") or "checked" in tag]
        return {tag["name"]: tag.get("value") or "" for tag in inputs if tag.get("name")}

    def row(self, name: str) -> str:
        """The words of one person's line in the list."""
        [row] = [row for row in re.findall(r"<tr role=\"row\">.*?</tr>", self.html, re.DOTALL) if f">{name}</a>" in row]
        return " ".join(re.sub("<[^>]+>", " ", row).split())


def get(client, address: str) -> Page:
    return Page(client.get(address))


def send(client, page: Page, address: str, **fields: str) -> Page:
    return Page(client.post(address, page.fields | fields, follow=True))


def person(pattern: str = "cache-aside", pk: int = 1) -> str:
    return f"/{pattern}/users/{pk}/"


def test_a_comma_stays_with_the_word_that_explains_itself():
    button = '<button type="button" class="term" popovertarget="term-{0}">{0}</button>'
    shown = (
        '<span class="one-word">' + button.format("stamp") + ",</span> a " + button.format("mark") + " &amp; a mark."
    )
    assert explained("stamp, a mark & a mark.") == shown


def test_pages_that_name_no_icon_have_one(client):
    assert client.get("/favicon.ico")["Location"].endswith(".svg")


# The list


def test_a_dead_letter_is_no_write_that_waits(client):
    users = cache_for(User)
    users.via("write-behind").update(1, name="Al")
    assert "a write waits" in get(client, "/users/").row("Al")
    [claim], _ = users.table.queue.claim(10, 60, 5)
    users.table.queue.bury(claim, "refused")
    assert "a dead letter" in get(client, "/users/").row("Al")
    assert "a write waits" not in get(client, "/users/").row("Al")
    assert "name refused by the database: a dead letter" in get(client, person()).text


def test_the_front_page_is_the_lesson_and_without_open_access_it_leads_to_the_list(client, settings):
    settings.OPEN_ACCESS = True
    assert "Read Alice twice" in client.get("/").content.decode()
    settings.OPEN_ACCESS = False
    assert client.get("/")["Location"] == "/users/"


def test_the_list_says_where_each_value_comes_from_now_and_fills_nothing(client, users, redis_cache):
    users.get(1)
    users.via("write-behind").update(2, name="Bo")
    redis_cache.delete("v2:user:2")
    keys = redis_cache.dbsize()
    page = get(client, "/users/")
    assert re.fullmatch(r"1 Alice Singh alice@example.com cache \d\d s", page.row("Alice Singh"))
    assert page.row("Bo") == "2 Bo bob@example.com queue a write waits – not cached"
    assert page.row("Carol Lee") == "3 Carol Lee carol@example.com database – not cached"
    assert redis_cache.dbsize() == keys == 1


def test_the_list_says_that_a_cached_value_waits_for_the_database(client, users):
    users.get(1)
    users.via("write-behind").update(1, name="Al")
    assert re.fullmatch(r"1 Al alice@example.com cache a write waits \d\d s", get(client, "/users/").row("Al"))
    users.drain(timeout=5)
    assert re.fullmatch(r"1 Al alice@example.com cache \d\d s", get(client, "/users/").row("Al"))


def test_an_empty_list_says_so(client):
    User.objects.all().delete()
    page = get(client, "/users/")
    assert "There are no users yet. Add the first one below." in page.text
    assert not page.all("table")


def test_a_long_list_comes_in_pages(client):
    past_cachedemo(User).bulk_create(User(name=f"N{i}", email=f"n{i}@example.com") for i in range(100))
    first, last = get(client, "/users/"), get(client, "/users/?page=3")
    assert "Page 1 of 3" in first.text
    assert "?page=2" in first.html
    assert "N99" in last.text
    assert "Next" not in last.text
    assert "Page 3 of 3" in get(client, "/users/?page=99").text
    assert "Page 1 of 3" in get(client, "/users/?page=nonsense").text


def test_what_people_call_themselves_is_no_markup(client):
    past_cachedemo(User).filter(pk=1).update(name="<script>alert(1)</script>")
    for address in ("/users/", person(), person() + "delete/"):
        page = get(client, address)
        assert "<script>alert" not in page.html
        assert escape("<script>alert(1)</script>") in page.html


@pytest.mark.parametrize("pattern", PATTERNS)
def test_a_user_is_added_in_the_picked_pattern(client, pattern, redis_cache):
    page = send(client, get(client, "/users/"), "/users/", name="Dan", email="dan@example.com", pattern=pattern)
    made = User.objects.get(email="dan@example.com")
    assert "Added Dan in" in page.text
    assert f'href="/api/{pattern}/users/{made.pk}"' in page.html


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"name": "Dan", "email": "alice@example.com"}, "Another user has this email already."),
        ({"name": "Dan", "email": "nobody"}, "Enter a valid email address."),
        ({"name": " ", "email": "dan@example.com"}, "This field is required."),
        ({"name": "x" * 101, "email": "dan@example.com"}, "at most 100 characters"),
        ({"name": "a\x00b", "email": "dan@example.com"}, "Null characters are not allowed."),
        ({"name": "Dan", "email": "dan@example.com", "pattern": "read-through"}, "Select a valid choice."),
    ],
)
def test_what_will_not_do_is_said_beside_its_field_and_nobody_is_added(client, fields, sentence):
    page = send(client, get(client, "/users/"), "/users/", **fields)
    assert page.status == 422
    assert "Nothing was saved" in page.text
    assert sentence in page.text
    assert page.fields["email"] == fields["email"]
    assert User.objects.count() == 3


# One user


@pytest.mark.parametrize("pattern", PATTERNS)
def test_the_page_says_where_the_value_came_from_and_how_long_it_stays(client, pattern):
    cold = get(client, person(pattern))
    assert re.search(r"from the database in [\d.]+ (ms|µs)", cold.text)
    assert re.search(r"Cached for \d\d s more", cold.text)
    assert "Waiting write none" in cold.text
    warm = get(client, person(pattern))
    assert re.search(r"from the cache in [\d.]+ (ms|µs)", warm.text)
    assert re.search(r"Cached for \d\d s more", warm.text)


def test_the_page_says_that_the_queue_has_the_newest_value(client, users, redis_cache):
    users.via("write-behind").update(1, name="Al")
    redis_cache.flushdb()
    page = get(client, person())
    assert "from the queue in" in page.text
    assert "Waiting write name waits" in page.text
    assert page.fields["name"] == "Al"


def test_the_selection_table_stands_beside_the_picker(client):
    page = get(client, person("write-through"))
    picker = [link.get("aria-current") for link in page.all("a") if link["href"] in map(person, PATTERNS)][:3]
    assert picker == [None, "page", None]
    for words in ("Consistency", "Write latency", "Failure mode", "Cost", "is the default", "the bottleneck"):
        assert words in page.text


@pytest.mark.parametrize(
    ("pattern", "sentence"),
    [
        ("cache-aside", r"Saved in [\d.]+ (ms|µs)\. The database has it and the cache entry was dropped\."),
        ("write-through", r"Saved in [\d.]+ (ms|µs)\. The database has it, and so has the cache\."),
        ("write-behind", r"Queued: acknowledged in [\d.]+ (ms|µs), when the queue had it\. .* No worker is running"),
    ],
)
def test_an_edit_says_what_happened(client, pattern, sentence):
    page = send(client, get(client, person(pattern)), person(pattern), name="Al")
    assert re.search(sentence, page.text), page.text
    assert page.fields["name"] == "Al"
    assert User.objects.get(pk=1).name == ("Alice Singh" if pattern == "write-behind" else "Al")
    assert "Saved" not in get(client, person(pattern)).text


def test_an_edit_that_cannot_wait_says_that_it_went_write_through(client):
    page = send(client, get(client, person("write-behind")), person("write-behind"), email="al@example.com")
    assert "It went write-through, because the email must be unique" in page.text
    assert User.objects.get(pk=1).email == "al@example.com"


def test_only_what_was_changed_is_written(client, redis_queue):
    send(client, get(client, person("write-behind")), person("write-behind"), name="Al")
    assert entries(redis_queue, "{flush:users}:row:1").keys() == {b"name"}


@pytest.mark.parametrize("pattern", PATTERNS)
def test_a_visit_is_added_to_whatever_others_have_made_of_the_number(client, users, pattern):
    page = get(client, person(pattern))
    users.increment(1, visits=4)
    page = send(client, page, person(pattern), visit="1")
    assert "acknowledged in" in page.text if pattern == "write-behind" else "Saved in" in page.text
    assert users.get(1).visits == 5


@pytest.mark.parametrize("pattern", PATTERNS)
def test_a_visit_too_many_is_refused_in_words(client, pattern):
    _, most = connection.ops.integer_field_range("PositiveIntegerField")
    past_cachedemo(User).filter(pk=1).update(visits=most)
    page = send(client, get(client, person(pattern)), person(pattern), visit="1")
    assert page.status == 200
    assert "Nothing was added" in page.text


@pytest.mark.parametrize("pattern", PATTERNS)
def test_an_edit_that_changes_nothing_writes_nothing(client, pattern, redis_queue):
    page = send(client, get(client, person(pattern)), person(pattern), name=" Alice Singh ")
    assert "Nothing was changed, so nothing was written." in page.text
    assert User.objects.get(pk=1).cache_stamp == 0
    assert not redis_queue.exists("{flush:users}:row:1")


@pytest.mark.parametrize("pattern", PATTERNS)
@pytest.mark.parametrize("theirs", PATTERNS)
def test_a_stale_form_is_refused_with_both_values_and_saving_again_decides(client, users, pattern, theirs):
    page = get(client, person(pattern))
    users.via(theirs).update(1, name="Theirs")
    page = send(client, page, person(pattern), name="Mine")
    assert page.status == 409
    assert "Somebody else changed this user after you opened this page." in page.text
    assert "It was “Alice Singh” and is now “Theirs”." in page.text
    assert page.fields["name"] == "Mine"
    assert users.get(1).name == "Theirs"
    page = send(client, page, person(pattern), name="Mine")
    assert page.status == 200
    assert users.get(1).name == "Mine"


def test_saving_a_stale_form_again_leaves_the_field_alone_that_only_the_other_changed(client, users):
    page = get(client, person())
    users.update(1, email="theirs@example.com")
    page = send(client, page, person(), name="Mine")
    assert page.status == 409
    assert "Somebody else changed this from “alice@example.com”. You did not, so theirs stays." in page.text
    assert page.fields["email"] == page.fields["initial-email"] == "theirs@example.com"  # so it counts as unchanged
    send(client, page, person())
    assert (users.get(1).name, users.get(1).email) == ("Mine", "theirs@example.com")


@pytest.mark.parametrize("pattern", PATTERNS)
def test_a_taken_email_is_said_beside_the_field_and_nothing_is_written(client, users, pattern):
    page = send(client, get(client, person(pattern)), person(pattern), name="Al", email="bob@example.com")
    assert page.status == 422
    assert "Another user has this email already." in page.text
    assert page.fields["email"] == "bob@example.com"
    assert users.get(1).name == "Alice Singh"


@pytest.mark.parametrize("pattern", PATTERNS)
def test_a_delete_is_asked_about_first(client, pattern):
    question = get(client, person(pattern) + "delete/")
    assert "Delete Alice Singh?" in question.text
    assert User.objects.filter(pk=1).exists()
    page = send(client, question, person(pattern) + "delete/")
    assert "Deleted Alice Singh" in page.text
    assert not User.objects.filter(pk=1).exists()
    assert get(client, person(pattern)).status == 404


# What goes wrong, in words


@pytest.mark.parametrize("debug", [False, True])
def test_a_missing_user_is_a_page_in_words(client, settings, debug):
    settings.DEBUG = debug
    for address in (person(pk=99), person(pk=99) + "delete/"):
        page = get(client, address)
        assert page.status == 404
        assert "There is no such user." in page.text


@pytest.mark.parametrize("address", ["/nonsense", "/read-through/users/1/", person(pk=2**63), person(pk="x")])
def test_a_missing_page_is_a_page_in_words(client, address):
    page = get(client, address)
    assert page.status == 404
    assert "There is no such page." in page.text


def test_without_the_queue_it_says_so_and_shows_what_is_cached(client, users, queue_server):
    users.get(1)
    queue_server.kill()
    cached = get(client, person())
    assert "Alice Singh" in cached.text
    assert "unknown: the queue server does not answer" in cached.text
    for page in (get(client, "/users/"), get(client, person(pk=2)), send(client, cached, person(), name="Al")):
        assert page.status == 503
        assert "The queue server does not answer." in page.text
        assert "Start it, or correct CACHEDEMO_QUEUE_URL" in page.text
        assert "operators' pages" in page.text
        assert "list of users" not in page.text  # it does not answer either
    assert User.objects.get(pk=1).name == "Alice Singh"


def test_without_the_cache_everything_works_and_the_list_says_why_it_is_slow(client, cache_server):
    cache_server.kill()
    page = get(client, "/users/")
    assert "The cache server does not answer." in page.text
    assert page.row("Alice Singh").startswith("1 Alice Singh alice@example.com database")
    assert page.row("Alice Singh").endswith("unknown")
    page = get(client, person())
    assert "Cached for unknown: the cache server does not answer" in page.text
    assert "The cache server does not answer, so the database was asked." in page.text
    page = send(client, page, person(), name="Al")
    assert page.fields["name"] == "Al"


def test_without_the_database_it_says_so_and_shows_what_is_cached(client, redis_cache, database_gone):
    redis_cache.set(
        "v2:user:1", b'V0000000000000000{"id": 1, "name": "A", "email": "alice@example.com", "visits": 0}', ex=60
    )
    assert get(client, person()).fields["name"] == "A"
    for page in (get(client, "/users/"), get(client, person(pk=2))):
        assert page.status == 503
        assert "The database does not answer." in page.text
        assert "DATABASE_URL" in page.text


def test_foreign_bytes_in_a_slot_are_thrown_out(client, redis_cache):
    redis_cache.set("v2:user:1", b'V0000000000000000{"no": "user"}', ex=60)
    assert get(client, "/users/").row("Alice Singh") == "1 Alice Singh alice@example.com database – not cached"
    page = get(client, person())
    assert (page.status, page.fields["name"]) == (200, "Alice Singh")


# What every page keeps to

ALL = ["/users/", person(), person("write-behind") + "delete/", "/nonsense", person(pk=99), "/api/docs"]


@pytest.mark.parametrize("address", ALL)
def test_a_page_has_what_everybody_needs_and_nothing_that_the_policy_forbids(client, address):
    page = get(client, address)
    assert page.html.count("<h1") == (0 if address == "/api/docs" else 1)
    assert re.search(r"<title>[^<]+ · cachedemo</title>", page.html)
    assert 'lang="en"' in page.html
    assert {"/users/", "/admin/cachedemo/cache/", "/api/docs"} <= {link["href"] for link in page.all("a")}
    assert all("src" in script or script["type"] == "application/json" for script in page.all("script"))
    assert not page.all("style")
    for _, attributes in page.tags:
        assert not [name for name in attributes if name == "style" or name.startswith("on")]


@pytest.mark.parametrize("address", ALL)
def test_every_field_has_a_label(client, address):
    page = get(client, address)
    labelled = {label.get("for") for label in page.all("label")}
    for field in page.all("input", "select", "textarea"):
        if field.get("type") not in ("hidden", "range"):  # its label is around it
            assert field["id"] in labelled


def test_pages_are_not_kept_by_the_browser(client):
    for address in ("/users/", person()):
        assert "no-store" in client.get(address)["Cache-Control"]


# Finding one


def test_a_user_is_found_by_email_and_the_second_time_without_the_database(client, django_assert_num_queries, users):
    for _ in range(2):
        assert client.get("/users/", {"find": " bob@example.com "})["Location"] == person(pk=2)
    with django_assert_num_queries(0):
        assert client.get("/users/", {"find": "bob@example.com"}).status_code == 302
    users.update(2, email="robert@example.com")
    assert client.get("/users/", {"find": "robert@example.com"})["Location"] == person(pk=2)


@pytest.mark.parametrize("email", ["bob@example.org", "nobody", "a\x00b", "<b>" + "x" * 300])
def test_an_email_that_nobody_has_is_said(client, email):
    response = client.get("/users/", {"find": email})
    assert response.status_code == 200
    assert "Nobody has the email" in response.content.decode()
    assert b"<b>x" not in response.content
