"""Break things for some minutes, and say whether every promise was kept.

    python -m tests.faults [--seed N] [--minutes M] [--queue-kills N] [--clients N] [--near] [--keep FOLDER] [ENGINES]

First the queue's server is killed again and again while clients queue writes; then a mixed load of all patterns meets
random faults. Ends with 0 if the checker accepts both histories. The seed decides what the clients do and which fault
comes when; how the processes interleave is up to the machine. ENGINES are those of pytest: --postgresql --cluster, and
so on. What can happen depends on them: behind sentinels and on a cluster, replicas take the place of primaries, and a
write of the queue waits for all of them (`replicas`).
"""

import argparse
import contextlib
import os
import random
import shutil
import signal
import sys
import time
from pathlib import Path

os.environ["DJANGO_SETTINGS_MODULE"] = "tests.settings"

from tests.engines import EngineMissing, add_options, words
from tests.faults.run import NEAR, Report
from tests.faults.stage import Stage
from tests.faults.trouble import Trouble

PROGRESS = 10.0  # seconds between two lines
BETWEEN = (0.2, 1.5)  # seconds without a fault
REST = 120.0  # seconds until everything must be at rest


def main() -> int:
    options = parsed()
    engines = " ".join(words(options)) or "SQLite, one server for each role"
    say(f"seed {options.seed}, {options.minutes:g} minutes, {options.clients} clients, {engines}")
    try:
        with Stage(options, options.seed) as stage, contextlib.ExitStack() as at_the_end:
            if options.keep:
                at_the_end.callback(keep, stage, options.keep)
            good = [kill_the_queue(stage, options), break_everything(stage, options)]
    except EngineMissing as error:
        say(str(error))
        return 1
    except KeyboardInterrupt:
        say("stopped; nothing was decided")
        return 130
    say("every promise was kept" if all(good) else "A PROMISE WAS BROKEN")
    return 0 if all(good) else 1


def parsed() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.faults")
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1_000_000))
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--queue-kills", type=int, default=50)
    parser.add_argument("--clients", type=int, default=4)
    parser.add_argument("--near", action="store_true", help=f"clients keep copies, which may be {NEAR} s behind")
    parser.add_argument("--keep", type=Path, metavar="FOLDER", help="put the histories there")
    add_options(parser.add_argument_group("engines").add_argument)
    return parser.parse_args()


def kill_the_queue(stage: Stage, options: argparse.Namespace) -> bool:
    """Kill it while clients queue writes, in each way in turn: one server of its own also by a power cut."""
    queue, chance = stage.queue_to_kill(), random.Random(options.seed)
    kills = queue.kills(stage.moments)
    load = stage.load("queue", queue, pause=0.001)
    load.begin(job="writer")
    for number in range(options.queue_kills):
        load.go_on(chance.randint(10, 100))
        kills[number % len(kills)]()
        if number % 10 == 9:
            say(f"{number + 1} kills of the queue, {load.done()} operations went well")
    return verdict(f"queue killed {options.queue_kills} times", load.end(REST))


def break_everything(stage: Stage, options: argparse.Namespace) -> bool:
    load = stage.load("mixed", stage.queue, pause=0.005, near=NEAR if options.near else 0.0)
    load.begin(clients=options.clients, job="near_client" if options.near else "client")
    load.add_client("counter")
    stage.start_worker()
    trouble, chance = Trouble(stage, load, options.seed), random.Random(options.seed)
    begin = told = time.monotonic()
    while time.monotonic() < begin + options.minutes * 60:
        time.sleep(chance.uniform(*BETWEEN))
        fault = trouble.make_one()
        if time.monotonic() > told + PROGRESS:
            told = time.monotonic()
            say(f"{told - begin:4.0f} s  {load.done()} operations, {trouble.made.total()} faults, last: {fault}")
    report = load.end(REST)
    for name, count in sorted(trouble.made.items()):
        say(f"  {count:3} × {name}")
    return verdict(f"mixed load, {trouble.made.total()} faults", report)


def verdict(what: str, report: Report) -> bool:
    say(f"{what}: {len(report.operations)} operations")
    for count, name in sorted(((count, name) for name, count in report.outcomes.items()), reverse=True):
        say(f"  {count:7} {name}")
    say(f"  not acknowledged because of {dict(report.errors)}")
    say(f"  reads older than they should be while the cache was out of reach: {report.excused}")
    say(f"  {len(report.violations)} violations, {report.dead_letters} dead letters")
    for violation in report.violations[:10]:
        say(str(violation))
    return not report.violations and not report.dead_letters


def keep(stage: Stage, folder: Path) -> None:
    for part in stage.folder.glob("part-*"):
        shutil.copytree(part, folder / part.name, dirs_exist_ok=True)
    for log in stage.folder.glob("*.log"):
        shutil.copy(log, folder)


def say(line: str) -> None:
    print(line, flush=True)


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.default_int_handler)  # it is ignored when started in the background
    sys.exit(main())
