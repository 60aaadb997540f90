"""The seven steps of the lesson: what each asks, does, and leaves behind in one sentence."""

from collections.abc import Callable
from typing import Any, NamedTuple

from demo import visitor_actions
from playground.lesson import scenes, two_writers


class Lesson(NamedTuple):
    """One step.

    Attributes:
        question: what it answers, as its heading.
        before: what to know before the button is pressed.
        button: what the button does.
        sentence: what to keep.
        experiment: where the lab shows what goes wrong here.
        play: does it; None where only a demo can.
    """

    slug: str
    short: str
    question: str
    before: list[str]
    button: str
    sentence: str
    experiment: str
    play: Callable[[], dict[str, Any]]
    needs_demo: bool = False

    @property
    def is_possible(self) -> bool:
        return not self.needs_demo or visitor_actions.is_there()


LESSONS = [
    Lesson(
        "read",
        "Read",
        "Why keep a copy?",
        [
            "Alice is a row in the database. In this demo the way there takes 200 ms on purpose, as it may where the "
            "database is far away or busy.",
            "The cache is a Redis server in between. It keeps a copy of each row that somebody has read, for a while. "
            "Redis keeps everything in memory and answers in a fraction of a millisecond.",
            "The queue is another Redis server. It holds writes that the database does not have yet, so a read that "
            "finds no copy asks it too; the next step shows what for.",
        ],
        "Read Alice twice",
        "The first read finds nothing in the cache, asks the database and leaves a copy; the second is answered by "
        "the copy. That is the whole use of a cache.",
        "stampede",
        scenes.read,
    ),
    Lesson(
        "write",
        "Write",
        "What happens to the copy when the row changes?",
        [
            "There are three classic answers. Cache-aside writes the database and drops the copy. Write-through "
            "writes the database and replaces the copy. Write-behind puts the write into a queue and replaces the "
            "copy; a worker writes the database later.",
            "Three rows called Alice Singh are in the cache now, one for each pattern. All three are renamed. Each "
            "write also asks the queue for a number, its stamp: by that, a late write never wins over a newer one.",
        ],
        "Change Alice's name, in each pattern",
        "Cache-aside and write-through make the caller wait for the database; cache-aside then leaves the cache "
        "empty, and write-through up to date. Write-behind does not wait: the database has the old value until a "
        "worker has written the new one.",
        "invalidate-first",
        scenes.write,
    ),
    Lesson(
        "read-after",
        "Read again",
        "Who pays for the next read?",
        ["The same three writes are made again. Right after each, the row is read: that read is what is drawn."],
        "Now read it",
        "After cache-aside the next reader pays for the trip to the database; after the other two the copy is there "
        "already. All three return the new name.",
        "stale-fill",
        scenes.read_after,
    ),
    Lesson(
        "flush",
        "Flush",
        "When does a write-behind write reach the database?",
        [
            "The worker takes what waits about once a second, many rows at a time. This is called a flush.",
            "Until then only the queue has the write for good. The copy in the cache may vanish at any time.",
        ],
        "Write behind, then flush",
        "A flush claims the write, commits it to the database and only then drops it from the queue, so that a "
        "worker that dies on the way loses nothing.",
        "killed-flusher",
        scenes.flush,
    ),
    Lesson(
        "forget",
        "Forget",
        "Why is the queue a second server?",
        [
            "A cache may forget: it runs in memory, throws out what is used least when it is full, and somebody may "
            "empty it. A write that was acknowledged (its caller was told that it is done) must not be forgotten.",
            "So the queue is a server of its own that throws nothing out and writes each command to disk before it "
            "answers. Here the cache loses its copy while a write waits.",
        ],
        "Make the cache forget, then read",
        "The read finds the write in the queue and lays it over the older row: with cache and queue on one server "
        "that forgets, the write would have been lost.",
        "flushdb-pending",
        scenes.forget,
    ),
    Lesson(
        "kill-the-cache",
        "Kill",
        "What if the cache dies?",
        [
            f"The cache server of this demo is killed at once, without a warning, and kept down for {scenes.DOWN_FOR} "
            "seconds. Meanwhile Alice is read and written; then it comes back, empty.",
        ],
        "Now kill the cache",
        "Without the cache everything is slower and nothing is wrong: reads ask the database, and a write notes in "
        "the queue that the cache entry must be emptied, in case the cache comes back with the old copy in it.",
        "cache-killed",
        scenes.kill_the_cache,
        needs_demo=True,
    ),
    Lesson(
        "two-writers",
        "Race",
        "What if two write at once?",
        [
            "Two callers rename one row, write-through. The first commits and is held up; the second commits and "
            "updates the cache; then the first goes on to the cache.",
            "First by hand, as most code does it: COMMIT, which makes the database keep the write, then SET, which "
            "puts a value into Redis. Then with cachedemo.",
        ],
        "Now let two write at once",
        "By hand, the last SET and the last COMMIT may be those of different writers. Here a writer replaces nothing "
        "but its own mark; if that is gone, it cannot know what is newer, and empties the entry.",
        "opposite-order",
        two_writers.race,
    ),
]

BY_SLUG = {lesson.slug: lesson for lesson in LESSONS}


class Kept(NamedTuple):
    """One row of what to take away: a pattern, what a write does, and when it loses."""

    pattern: str
    write: str
    loses: str


TAKE_AWAY = [
    Kept(
        "cache-aside",
        "writes the database, then drops the copy. The next read loads it.",
        "Loses no write: the database has it before it is acknowledged. The first read after each write is slow.",
    ),
    Kept(
        "write-through",
        "writes the database, then replaces the copy. The next read finds it.",
        "Loses no write either. Copies that nobody reads take up memory.",
    ),
    Kept(
        "write-behind",
        "puts the write into the queue and replaces the copy. A worker writes the database within about a second.",
        "Loses what waits if the queue's disk is lost; and if the queue does not put each write on disk before it "
        "answers, as it does here, the last seconds before a crash. Others who read the database directly see the "
        "old value until the flush, and while no worker runs, for as long as that.",
    ),
]
