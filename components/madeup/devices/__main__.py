"""`python -m components.madeup.devices`: write a simulated device table."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from components.madeup.devices.roofline_host import RooflineHost
from components.madeup.devices.stepped_host import SteppedHost
from components.madeup.devices.table import write_device_table
from components.madeup.errors import MadeUpError

if TYPE_CHECKING:
    from collections.abc import Callable

    from components.madeup.devices.host import DeviceHost

HOSTS: dict[str, Callable[[int], DeviceHost]] = {"roofline": RooflineHost, "stepped": SteppedHost}
"""By name; only the roofline host knows threads."""


def main() -> int:
    """Write one table and say where it is."""
    parser = argparse.ArgumentParser(description="Write a simulated device table.")
    parser.add_argument("--host", choices=sorted(HOSTS), default="roofline")
    parser.add_argument("--seed", type=int, default=0, help="of the host and of the networks")
    parser.add_argument("--rows", type=int, default=200)
    parser.add_argument(
        "--threads",
        type=int,
        nargs="+",
        default=[],
        metavar="N",
        help="of the roofline host's CPU, each number a device of its own",
    )
    parser.add_argument("--split", choices=("network", "random"), default="network")
    parser.add_argument("--noise", type=float, default=0.01, help="of a measurement, relative")
    parser.add_argument("--out", type=Path, default=Path(), help="folder; made if missing")
    asked = parser.parse_args()
    try:
        path = write_device_table(
            _host(asked),
            asked.out,
            seed=asked.seed,
            n_rows=asked.rows,
            split=asked.split,
            noise=asked.noise,
        )
    except MadeUpError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    sys.stdout.write(f"{path}\n")
    return 0


def _host(asked: argparse.Namespace) -> DeviceHost:
    if asked.threads and asked.host == "roofline":
        return RooflineHost(asked.seed, asked.threads)
    if asked.threads:
        raise MadeUpError(
            f"asked for threads of the {asked.host} host",
            "only the roofline host is made of them",
            "leave --threads away, or say --host roofline",
        )
    return HOSTS[asked.host](asked.seed)


if __name__ == "__main__":
    sys.exit(main())
