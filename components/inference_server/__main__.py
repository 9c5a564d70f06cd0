"""Serves one network.

Usage: ``python -m components.inference_server --model FILE.onnx [--port 8002] [--host 127.0.0.1]``

It listens at once, is ready (`GET /readyz`) when the network is warm, and says so on stdout. On
SIGTERM or SIGINT it answers what is queued, refuses the rest with 503, and exits 0.
"""

from __future__ import annotations

import argparse
import logging
import signal
import sys
import threading
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

from components.errors import JoulepilotError
from components.inference_server.counters import Counters
from components.inference_server.cpuset_follower import CpusetFollower
from components.inference_server.device_follower import DeviceFollower
from components.inference_server.devices import open_devices, parse_devices
from components.inference_server.http_server import InferenceHTTPServer
from components.inference_server.network_features import read_features
from components.inference_server.prepared_network import PreparedNetwork
from components.inference_server.service import InferenceService, ServiceLimits
from components.inference_server.variant_follower import VariantFollower

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from http import HTTPStatus

DEFAULT = "default"
"""What the version given as `--model` is called."""
_STOP_SIGNALS = frozenset({signal.SIGTERM, signal.SIGINT})


def main(argv: Sequence[str] | None = None) -> int:
    """Serve until told to stop; returns the exit code."""
    arguments = _arguments(argv)
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(message)s", stream=sys.stderr)
    # Blocked here, taken by `sigwait` below, and inherited by every thread: no handler ever runs
    # in the middle of something, and as process 1 of a container the signal is not lost.
    signal.pthread_sigmask(signal.SIG_BLOCK, _STOP_SIGNALS)
    try:
        return _serve(arguments)
    except JoulepilotError as error:
        sys.stderr.write(f"error: {error}\n")
        return 1


def _serve(arguments: argparse.Namespace) -> int:
    model: Path = arguments.model
    limits = ServiceLimits(
        batch_size=arguments.batch_size,
        max_batch_size=max(arguments.max_batch_size, arguments.batch_size),
        max_waiting=arguments.queue,
        seed=arguments.seed,
    )
    backends = parse_devices(arguments.devices)
    features = read_features(arguments.network_features)
    service = InferenceService(model.stem, limits, Counters(), features)
    with ExitStack() as ending:
        observe = _otlp_observer(arguments, ending)
        server = InferenceHTTPServer((arguments.host, arguments.port), service, observe)
        listening = threading.Thread(target=server.serve_forever, name="listen")
        listening.start()
        ending.callback(listening.join)
        ending.callback(server.hang_up)
        files = {DEFAULT: model} | dict(arguments.variant)
        networks = {n: ending.enter_context(PreparedNetwork(file)) for n, file in files.items()}
        network = networks[DEFAULT]
        follower = VariantFollower(
            {
                name: CpusetFollower(
                    each, batch_size=limits.batch_size, max_threads=arguments.max_threads
                )
                for name, each in networks.items()
            }
        )
        ending.callback(follower.stop)
        follower.start()
        devices = DeviceFollower(
            follower,
            open_devices(backends, model, network.facts),
            hint_dir=arguments.hint_dir,
            batch_size=limits.batch_size,
        )
        ending.callback(devices.stop)
        devices.start()
        service.open(network.facts, devices)
        sys.stdout.write(f"serving {network.facts.name} on {server.url}\n")
        sys.stdout.flush()
        signal.sigwait(_STOP_SIGNALS)
        service.begin_drain()
        is_drained = service.wait_until_idle(arguments.drain_timeout_s)
    return 0 if is_drained else 1


def _otlp_observer(
    arguments: argparse.Namespace, ending: ExitStack
) -> Callable[[float, HTTPStatus, int], None] | None:
    if arguments.otlp is None:
        return None
    from components.inference_server.otlp_metrics import OtlpLatency  # 10 MiB, only if asked for

    latency = OtlpLatency(arguments.otlp, arguments.model.stem, arguments.batch_size)
    ending.callback(latency.close)
    return latency.observe


def _arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m components.inference_server",
        description="Serve one ONNX image classifier; its threads follow its cpuset.",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    parser.add_argument("--model", type=Path, required=True, help="the ONNX file")
    parser.add_argument(
        "--variant",
        type=_variant,
        action="append",
        default=[],
        metavar="NAME=FILE",
        help="another version of it, used when a hint names it",
    )
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on")
    parser.add_argument("--port", type=int, default=8002, help="port; 0 takes a free one")
    parser.add_argument("--batch-size", type=_positive, default=1, help="of an empty request")
    parser.add_argument("--max-batch-size", type=_positive, default=64, help="of any request")
    parser.add_argument("--queue", type=_positive, default=32, help="requests that may wait")
    parser.add_argument("--max-threads", type=_positive, help="however many CPUs there are")
    parser.add_argument("--otlp", metavar="URL", help="push latency to URL/v1/metrics")
    parser.add_argument("--devices", default="cpu", help="like cpu,dgpu or cpu,igpu=openvino:CPU")
    parser.add_argument("--hint-dir", type=Path, help="where a file says which device to use")
    parser.add_argument(
        "--network-features", type=Path, metavar="JSON", help="what its graph amounts to, to show"
    )
    parser.add_argument("--drain-timeout-s", type=float, default=8.0, help="of the last answers")
    parser.add_argument("--seed", type=int, default=0, help="of the images of empty requests")
    return parser.parse_args(argv)


def _variant(text: str) -> tuple[str, Path]:
    name, equals, file = text.partition("=")
    if not (name and equals and file) or name == DEFAULT:
        raise argparse.ArgumentTypeError(f"{text!r} is no version; write NAME=FILE")
    return name, Path(file)


def _positive(text: str) -> int:
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"{text} is not 1 or more")
    return value


if __name__ == "__main__":
    sys.exit(main())
