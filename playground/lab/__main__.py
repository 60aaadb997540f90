"""`python -m playground.lab [--pace SECONDS] [experiment ...]`: all of them if none is named."""

import argparse
import sys

from playground.lab.process import run, to_stdout
from playground.lab.slugs import SLUGS


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m playground.lab", description=__doc__)
    parser.add_argument("experiment", nargs="*", choices=[*SLUGS, []], metavar="experiment", help=", ".join(SLUGS))
    parser.add_argument("--pace", type=float, default=0.0, help="seconds to rest after each step")
    options = parser.parse_args()
    emit = to_stdout()
    try:
        run(options.experiment or SLUGS, emit, options.pace)
    except Exception as error:  # noqa: BLE001  told to those who watch the run
        emit({"kind": "error", "text": f"{type(error).__name__}: {error}"})
        sys.exit(1)


main()
