"""Makes the networks of the reference job as ONNX files.

Usage: ``python -m components.inference_server.networks NAME OUT.onnx [--seed N]``

The same name and seed give the same bytes. What depends on the processor (the layout of
convolutions) is optimised by the server when it starts, not here.
"""

from __future__ import annotations

import argparse
import difflib
import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from components.errors import JoulepilotError
from components.inference_server.architectures import mobilenet, perceptron, resnet18
from components.inference_server.errors import NetworkNameError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    import onnx

DEFAULT_SEED = 7

NETWORKS: Mapping[str, Callable[[int], onnx.ModelProto]] = {
    "mlp-small": partial(perceptron, "mlp-small", (1024, 1024), 10),
    "mlp-large": partial(perceptron, "mlp-large", (2048, 2048), 1000),
    "mobilenet": mobilenet,
    "resnet18": resnet18,
}


def write_network(name: str, out: Path, seed: int = DEFAULT_SEED) -> None:
    """Make a network and write it, whole or not at all.

    Raises:
        NetworkNameError: no network has this name.
    """
    build = NETWORKS.get(name)
    if build is None:
        raise _unknown(name)
    out.parent.mkdir(parents=True, exist_ok=True)
    part = out.with_name(out.name + ".part")
    part.write_bytes(build(seed).SerializeToString(deterministic=True))
    part.replace(out)


def main(argv: Sequence[str] | None = None) -> int:
    """Make one network from the command line; returns the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m components.inference_server.networks",
        description="Make a network of the reference job as an ONNX file.",
    )
    parser.add_argument("name", help=f"one of {', '.join(NETWORKS)}")
    parser.add_argument("out", type=Path, help="the ONNX file to write")
    parser.add_argument("--seed", type=int, default=DEFAULT_SEED, help="of the weights")
    arguments = parser.parse_args(argv)
    try:
        write_network(arguments.name, arguments.out, arguments.seed)
    except JoulepilotError as error:
        sys.stderr.write(f"error: {error}\n")
        return 1
    return 0


def _unknown(name: str) -> NetworkNameError:
    near = difflib.get_close_matches(name, NETWORKS, n=1, cutoff=0.0)[0]
    return NetworkNameError(
        f"asked for the network {name!r}",
        f"known are {', '.join(NETWORKS)}",
        f"perhaps {near!r} was meant",
    )


if __name__ == "__main__":
    sys.exit(main())
