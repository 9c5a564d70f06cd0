"""A served network, in this process and as the program people start."""

from __future__ import annotations

import threading
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from components.inference_server.counters import Counters
from components.inference_server.cpuset_follower import CpusetFollower
from components.inference_server.device_follower import DeviceFollower
from components.inference_server.devices import open_devices, parse_devices
from components.inference_server.http_server import InferenceHTTPServer
from components.inference_server.networks import write_network
from components.inference_server.prepared_network import PreparedNetwork
from components.inference_server.service import InferenceService, ServiceLimits

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from http import HTTPStatus


@pytest.fixture(scope="session")
def mlp(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("networks") / "mlp-small.onnx"
    write_network("mlp-small", path)
    return path


@pytest.fixture(scope="session")
def network(mlp: Path) -> Iterator[PreparedNetwork]:
    with PreparedNetwork(mlp) as prepared:
        yield prepared


@contextmanager
def _listening(
    service: InferenceService, observe: Callable[[float, HTTPStatus, int], None] | None = None
) -> Iterator[InferenceHTTPServer]:
    server = InferenceHTTPServer(("127.0.0.1", 0), service, observe)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield server
    finally:
        server.hang_up()
        thread.join()


@pytest.fixture
def serve(network: PreparedNetwork) -> Iterator[Callable[..., InferenceHTTPServer]]:
    """Start servers of the small network; `warm=False` leaves one warming."""
    with ExitStack() as ending:

        def start(
            *,
            warm: bool = True,
            observe: Callable[[float, HTTPStatus, int], None] | None = None,
            **limits: int,
        ) -> InferenceHTTPServer:
            service = InferenceService("mlp-small", ServiceLimits(**limits), Counters())
            if warm:
                cpu = CpusetFollower(network, batch_size=1, max_threads=1)
                opened = open_devices(parse_devices("cpu"), Path(), network.facts)
                service.open(network.facts, DeviceFollower(cpu, opened))
            return ending.enter_context(_listening(service, observe))

        yield start
