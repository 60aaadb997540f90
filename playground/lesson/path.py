"""The seven steps of the lesson: what each asks, does, and leaves behind in one sentence."""

from collections.abc import Callable
from typing import Any, NamedTuple

from demo import visitor_actions
from playground.lesson import scenes, two_writers
from users.pages import words


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
            "The cache is a Redis server in between. It keeps a copy of each row that somebody has read: in memory "
            "only, and for 60 seconds here, its time to live (TTL). On a machine with nothing else to do it answers "
            "in a fraction of a millisecond; the figures below are those of this machine now.",
            "The queue is another Redis server. It holds writes that the database does not have yet, so a read that "
            "finds no copy asks it too: steps 4 and 5 show such a write.",
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
            "copy; a worker, which is another process (here Celery), writes the database later.",
            "Three rows called Alice Singh are put into the cache, one for each pattern, and all three are renamed.",
            "Some of what you see is this project's own. A pattern is chosen for each call, so one row may be written "
            "in any of the three, and a write may overtake another that still waits in the queue. So every write asks "
            "the queue for a stamp, a number by which newer and older are told apart. And where a copy is replaced, a "
            "mark stands in the cache meanwhile: step 7 shows what happens without it. Where the copy is only "
            "dropped, no mark is needed.",
        ],
        "Change Alice's name, in each pattern",
        "Cache-aside and write-through make the caller wait for the database; cache-aside then leaves the cache "
        "empty, and write-through up to date. Write-behind does not wait: the database has the old value until a "
        "worker has written the new one. Only a row that the cache does not have is read from the database first, to "
        "know that it is there and what its other fields are.",
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
            "The worker takes what waits, many rows at a time, and writes it to the database. This is called a flush. "
            "Each write asks for one; in case nobody heard it, one begins every second anyway.",
            "Until then only the queue has the write for good. The copy in the cache may vanish at any time.",
        ],
        "Write behind, then flush",
        "A flush claims the write, commits it to the database and only then drops it from the queue. If the worker "
        "dies on the way, the write is still in the queue, and another flush claims it when the deadline is over.",
        "killed-flusher",
        scenes.flush,
    ),
    Lesson(
        "forget",
        "Forget",
        "Why is the queue a second server?",
        [
            "A cache may forget: it runs in memory, when it is full it throws out what was not used for "
            "longest, and somebody may empty it. A write that was acknowledged (its caller was told that it is done) "
            "must not be forgotten.",
            "So the queue is a server of its own, which is set otherwise: it throws nothing out, and it writes each "
            "command to its disk before it answers. Another numbered database on the cache's server would not do, for "
            "a Redis server is set as a whole. Here the cache loses its copy while a write waits.",
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
        "What if the cache dies? And the queue?",
        [
            f"The cache server of this demo is killed at once, without a warning, and kept down for {scenes.DOWN_FOR} "
            "seconds. Meanwhile Alice is read and written; then it comes back, empty.",
            "Not tried here: the queue. Without it the rows in the cache are still read. Other reads are refused, "
            "since a newer write may wait in it, and so are all writes, since each needs a stamp. So it is run with "
            "the care of a database. A model that never writes behind can do without a queue.",
        ],
        "Now kill the cache",
        "Without the cache everything is slower and nothing is wrong: reads ask the database. A write notes in the "
        "queue that the cache entry must be emptied, for a cache that was only out of reach comes back with the old "
        "copy in it. The next flush does it, to a fresh copy too: that costs one more read of the database.",
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
    """What to take away of a pattern, in a sentence or two each."""

    pattern: str
    write: str
    waits: str
    loses: str
    old: str
    pick: str

    @property
    def down(self) -> str:
        """What happens while a server is down, as the table of patterns has it."""
        return next(choice.failure for choice in words.CHOICES if choice.pattern == self.pattern)


TAKE_AWAY = [
    Kept(
        "cache-aside",
        "It writes the database, then drops the copy. The next read loads it.",
        "The writer for the database, and so does the first reader after it.",
        "Never: the database has it before the writer is told so.",
        "Until the write is acknowledged, readers get the old copy. If the app dies between commit and drop, it stays "
        "for some 15 seconds: the queue knows that a write was under way, and the worker drops the copy then. What "
        "goes past the app, raw SQL or another program, shows once the copy has expired: after about 60 s here.",
        "Nearly everything that is read more often than it is written: a profile page, a product, settings. If in "
        "doubt, this one. Only what must be exact where it is used, a balance say, is read from the database itself.",
    ),
    Kept(
        "write-through",
        "It writes the database, then replaces the copy. The next read finds it, unless two writers met: then the "
        "entry is empty, as after cache-aside.",
        "The writer for the database. The reader after it does not.",
        "Never, as with cache-aside.",
        "As with cache-aside.",
        "What is read right after it was written, where that read must be fast: a basket, the settings page that is "
        "shown again after saving. Not for what is written and seldom read: those copies only take up memory.",
    ),
    Kept(
        "write-behind",
        "It puts the write into the queue and replaces the copy. A worker writes the database within about a second.",
        "Nobody for the database, if the cache has the row; else it is read first.",
        "If the queue's disk is lost, with what waits on it. This demo's queue has each write on disk before it "
        "answers; one that is set to write its disk once a second also loses up to a second of writes in a crash. "
        "And the database may refuse a write that was acknowledged: it stays in the queue as a dead letter, reads "
        "still return it, and an operator retries it or gives it up.",
        "Readers through the app get the new value at once. Whoever asks the database directly gets the old one until "
        "the flush, and while no worker runs, for as long as that. What goes past the app shows once the copy has "
        "expired, as with cache-aside; where the same field waits, the flush writes over it.",
        "Many writes of little weight: a counter of views (increments add up, whatever others write meanwhile), “last "
        "seen”. A unique field, the email here, goes write-through even so, since only the database can tell whether "
        "it is taken.",
    ),
]
