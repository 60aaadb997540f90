"""The lesson's boards: plain steps that say what was done, bars on one linear scale, and nothing left behind."""

import pytest
import redis

from playground import lanes
from playground.lesson import scenes, two_writers
from playground.throwaway import Throwaway
from users.models import User

pytestmark = pytest.mark.usefixtures("people")


def said(track) -> list[tuple[str, str]]:
    return [(step.server, step.sentence) for step in lanes.board([track]).tracks[0].plain]


def test_each_write_is_told_in_three_to_five_plain_steps():
    for track in scenes.write()["tracks"]:
        assert 3 <= len(said(track)) <= 5


def test_a_plain_step_says_what_happened_to_the_entry():
    aside, through, behind = (dict(said(track)) for track in scenes.write()["tracks"])
    assert aside["cache"] == "Drop the cache entry: the next reader asks the database."
    assert through["cache"] == "Put the new value into the cache, in place of the mark."
    assert behind["cache"] == "Replace the copy in the cache, if it is still the one that was looked at."
    assert behind["queue"].startswith("The queue takes the write")


def test_no_command_is_shown_twice_because_its_script_was_new(redis_cache, redis_queue):
    for client in (redis_cache, redis_queue):
        client.script_flush()
    for track in scenes.write()["tracks"] + scenes.flush()["tracks"]:
        assert not [step for step in track["steps"] if step["error"]]


def test_tracks_are_drawn_on_one_linear_scale():
    step = {"server": "database", "command": "SELECT", "purpose": "", "error": "", "start": 0.0, "trip": 1}
    tracks = [
        {"label": "a", "took_ms": 100.0, "steps": [step | {"took": 100_000.0}], "places": []},
        {"label": "b", "took_ms": 50.0, "steps": [step | {"took": 50_000.0}], "places": []},
    ]
    drawn = lanes.board(tracks)
    widths = [float(lane.bars[0].width) for track in drawn.tracks for lane in track.lanes if lane.bars]
    assert widths == [1000.0, 1000.0, 500.0, 500.0]
    assert drawn.ticks == ["0 µs", "25 ms", "50 ms", "75 ms", "100 ms"]


def test_the_race_is_lost_by_hand_and_not_here():
    by_hand, ours = two_writers.race()["tracks"]
    assert (by_hand["tone"], ours["tone"]) == ("broken", "held")


def test_nothing_is_left_behind_and_the_next_id_is_what_it_would_have_been(redis_queue: redis.Redis):
    last = User.objects.create(name="Dan", email="dan@example.com").pk
    User.objects.filter(pk=last).delete()
    before = sorted(redis_queue.scan_iter("*flush*"))
    for scene in (scenes.read, scenes.write, scenes.read_after, scenes.flush, scenes.forget, two_writers.race):
        scene()
    assert User.objects.count() == 3
    assert sorted(redis_queue.scan_iter("*flush*")) == before
    assert User.objects.create(name="Dora", email="dora@example.com").pk == last + 1


def test_the_list_of_users_does_not_show_them(client, settings):
    settings.OPEN_ACCESS = True
    with Throwaway(2, ("Nobody One", "Nobody Two")):
        assert "Nobody" not in client.get("/users/").content.decode()
