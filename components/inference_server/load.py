"""Loads an inference server and reports what came of it as JSON on stdout.

Usage: ``python -m components.inference_server.load URL --rate R [--batch B] [--seconds S]``
or, steered while it runs, ``… URL --rate-file PATH``: a file with one number, requests per
second, read again when it changes; 0 pauses.

Open loop: requests leave when they are due (seeded Poisson arrivals), and latency counts from
then. Runs for S seconds or until SIGTERM or SIGINT, then waits for what is under way. The exit
code is 1 when requests were due and none was answered.
"""

from __future__ import annotations

import argparse
import json
import logging
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from components.errors import JoulepilotError
from components.inference_server.load_generator import LoadGenerator
from components.inference_server.load_plan import LoadPlan, RateFile

if TYPE_CHECKING:
    from collections.abc import Sequence


def main(argv: Sequence[str] | None = None) -> int:
    """Load until the time is up or told to stop; returns the exit code."""
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(message)s", stream=sys.stderr)
    try:
        generator = LoadGenerator(_plan(argv))
    except JoulepilotError as error:
        sys.stderr.write(f"error: {error}\n")
        return 1
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: generator.stop())
    report = generator.run()
    sys.stdout.write(json.dumps(report.as_json(), indent=2) + "\n")
    return 1 if report.due and not report.answered else 0


def _plan(argv: Sequence[str] | None) -> LoadPlan:
    parser = argparse.ArgumentParser(
        prog="python -m components.inference_server.load",
        description="Load an inference server, open loop, and report as JSON.",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    parser.add_argument("url", help="the server, such as http://127.0.0.1:8002")
    rate = parser.add_mutually_exclusive_group(required=True)
    rate.add_argument("--rate", type=float, help="requests per second; 0 pauses")
    rate.add_argument("--rate-file", type=Path, help="file with the rate, read when it changes")
    parser.add_argument("--batch", type=int, default=1, help="images per request")
    parser.add_argument("--seconds", type=float, help="how long; otherwise until stopped")
    parser.add_argument("--seed", type=int, default=0, help="of the arrivals")
    parser.add_argument("--connections", type=int, default=64, help="at most, at a time")
    parser.add_argument("--timeout-s", type=float, default=10.0, help="of an answer")
    arguments = parser.parse_args(argv)
    return LoadPlan(
        url=arguments.url,
        batch_size=arguments.batch,
        rate_per_s=arguments.rate or 0.0,
        rate_file=RateFile(arguments.rate_file) if arguments.rate_file else None,
        seconds=arguments.seconds,
        seed=arguments.seed,
        max_connections=arguments.connections,
        timeout_s=arguments.timeout_s,
    )


if __name__ == "__main__":
    sys.exit(main())
