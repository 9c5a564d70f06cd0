"""Child processes that are started side by side, waited for, and ended with us."""

from __future__ import annotations

import contextlib
import ctypes
import logging
import os
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request
from base64 import b64encode
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Self

from flows.errors import PortInUseError, ServiceError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path
    from types import TracebackType

    from components.settings.login import Login

logger = logging.getLogger(__name__)
PR_SET_PDEATHSIG = 1  # linux/prctl.h: the child gets a signal when its parent dies


@dataclass(frozen=True, slots=True)
class Service:
    """A process of ours and how to know that it is ready."""

    name: str
    argv: Sequence[str]
    is_ready: Callable[[], bool]
    environment: Mapping[str, str] = field(default_factory=dict)
    port: tuple[str, int] | None = None
    """(host, port) it will listen on; checked to be free before it is started."""
    ready_timeout_s: float = 90.0


class Services:
    """Runs services until the `with` block is left; the last started is ended first."""

    def __init__(self, log_folder: Path) -> None:
        self._log_folder = log_folder
        self._running: dict[str, subprocess.Popen[bytes]] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop_all()

    def start(self, service: Service) -> None:
        """Start a process without waiting for it.

        Raises:
            PortInUseError: its port is taken.
        """
        if service.port is not None:
            require_free_port(service.name, *service.port)
        self._log_folder.mkdir(parents=True, exist_ok=True)
        with self.log_of(service.name).open("ab") as log:
            self._running[service.name] = subprocess.Popen(
                list(service.argv),
                env=os.environ | dict(service.environment),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # Ctrl-C is ours to pass on, in our order
                preexec_fn=_die_with_parent,
            )

    def wait_until_ready(self, service: Service) -> None:
        """Wait until a started service answers.

        Raises:
            ServiceError: it died, or was not ready in time; the end of its log is shown.
        """
        process = self._running[service.name]
        deadline = time.monotonic() + service.ready_timeout_s
        while not service.is_ready():
            if process.poll() is not None:
                raise self._failed(service, f"it ended with exit code {process.returncode}")
            if time.monotonic() > deadline:
                raise self._failed(service, f"not ready after {service.ready_timeout_s:.0f} s")
            time.sleep(0.1)

    def start_all(self, services: Sequence[Service]) -> None:
        """Start side by side, then wait for each in order."""
        for service in services:
            self.start(service)
        for service in services:
            self.wait_until_ready(service)

    def stop(self, name: str, *, grace_s: float = 15.0) -> int:
        """End one process politely, then by force, and return its exit code."""
        process = self._running.pop(name)
        if process.poll() is None:
            _signal_group(process, signal.SIGTERM)
            try:
                process.wait(grace_s)
            except subprocess.TimeoutExpired:
                logger.warning("%s did not end in %.0f s; killing it", name, grace_s)
        _signal_group(process, signal.SIGKILL)  # whatever it left behind in its session
        return process.wait()

    def stop_all(self) -> None:
        """End everything that still runs, the last started first; a second Ctrl-C waits."""
        before = signal.signal(signal.SIGINT, signal.SIG_IGN)
        for name in reversed(tuple(self._running)):
            self.stop(name)
        signal.signal(signal.SIGINT, before)

    def require_alive(self) -> None:
        """Check that everything started still runs.

        Raises:
            ServiceError: one ended by itself.
        """
        for name, process in self._running.items():
            if process.poll() is not None:
                raise ServiceError(
                    f"asked for {name} to run",
                    f"it ended by itself with exit code {process.returncode}",
                    f"see {self.log_of(name)}",
                )

    def pid_of(self, name: str) -> int:
        """Process id of a running service."""
        return self._running[name].pid

    def log_of(self, name: str) -> Path:
        """Where what a service prints is kept."""
        return self._log_folder / f"{name}.log"

    def _failed(self, service: Service, found: str) -> ServiceError:
        tail = self.log_of(service.name).read_text(errors="replace").splitlines()[-8:]
        return ServiceError(
            f"asked for {service.name} to start",
            found + ("; it last said:\n  " + "\n  ".join(tail) if tail else ""),
            f"see {self.log_of(service.name)}",
        )


def interrupt_on_sigterm() -> None:
    """Make SIGTERM end us the way Ctrl-C does, so that what we started is ended too."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)


def answers(url: str, login: Login | None = None) -> Callable[[], bool]:
    """Make a check that is true once a URL answers 200."""
    request = urllib.request.Request(url)  # noqa: S310  # our own URL
    if login is not None:
        request.add_header("authorization", f"Basic {b64encode(login.text.encode()).decode()}")

    def check() -> bool:
        try:
            with urllib.request.urlopen(request, timeout=2) as response:  # noqa: S310
                return bool(response.status == 200)
        except (urllib.error.URLError, OSError):
            return False

    return check


def require_free_port(name: str, host: str, port: int) -> None:
    """Refuse a port that someone listens on.

    Raises:
        PortInUseError: it is taken.
    """
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise PortInUseError(
                f"asked for {name} on {host}:{port}",
                f"it cannot listen there: {error.strerror}",
                f"end what listens there, or give another port: --{name}-port",
            ) from error


def is_free_port(host: str, port: int) -> bool:
    """Whether nobody listens on a port."""
    try:
        require_free_port("a server", host, port)
    except PortInUseError:
        return False
    return True


def free_port(host: str = "127.0.0.1") -> int:
    """Find a port nobody listens on now."""
    with socket.socket() as probe:
        probe.bind((host, 0))
        return int(probe.getsockname()[1])


def _die_with_parent() -> None:
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)


def _signal_group(process: subprocess.Popen[bytes], number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, number)
