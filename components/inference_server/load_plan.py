"""What load is asked for: where to, how much, and a rate that may change while it runs."""

from __future__ import annotations

import socket
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from components.inference_server.arrivals import checked_rate
from components.inference_server.errors import LoadError

if TYPE_CHECKING:
    from pathlib import Path

MAX_CONNECTIONS = 512  # `select` knows descriptors below 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadPlan:
    """An open-loop load."""

    url: str
    batch_size: int = 1
    rate_per_s: float = 0.0
    rate_file: RateFile | None = None
    """Over `rate_per_s` as soon as it can be read."""
    seconds: float | None = None
    """None: until stopped."""
    seed: int = 0
    max_connections: int = 64
    """More than a server's queue, or its refusals could not be seen."""
    patience_s: float = 1.0
    """How long a due request waits for a connection before it counts as not sent."""
    timeout_s: float = 10.0
    """How long an answer is waited for before the request counts as failed."""

    def __post_init__(self) -> None:
        """Refuse what cannot be done.

        Raises:
            LoadError: a number is out of its range.
        """
        for name, is_right, need in (
            ("batch", self.batch_size >= 1, "1 or more"),
            (
                "connections",
                1 <= self.max_connections <= MAX_CONNECTIONS,
                f"1 to {MAX_CONNECTIONS}",
            ),
            ("seconds", self.seconds is None or self.seconds > 0, "more than 0"),
            ("timeout-s", self.timeout_s > 0, "more than 0"),
        ):
            if not is_right:
                raise LoadError(
                    f"asked for the load {self}", f"--{name} is not {need}", "change it"
                )


@dataclass(frozen=True, slots=True)
class Destination:
    """Where requests go, and the bytes of one."""

    family: socket.AddressFamily
    address: tuple[str, int]
    request: bytes


class RateFile:
    """A file with one number, requests per second, written by whoever steers the load."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._seen: tuple[int, int, int] | None = None

    def __str__(self) -> str:
        return str(self._path)

    def changed_rate(self) -> float | None:
        """Give the rate if the file was written since the last call that read it.

        Raises:
            LoadError: it cannot be read or holds no rate; said once for each writing.
        """
        try:
            stat = self._path.stat()
            seen = (stat.st_mtime_ns, stat.st_size, stat.st_ino)
            if seen == self._seen:
                return None
            self._seen = seen
            return checked_rate(float(self._path.read_text()))
        except (OSError, ValueError) as error:
            raise LoadError(
                f"asked to read the rate from {self._path}",
                str(error),
                "write one number, requests per second, best by renaming a new file over it",
            ) from error


def destination(plan: LoadPlan) -> Destination:
    """Find the address of a URL and write the request.

    Raises:
        LoadError: the URL is not plain HTTP, or nobody knows its host.
    """
    parts = urlsplit(plan.url)
    if parts.scheme != "http" or not parts.hostname:
        raise LoadError(
            f"asked to load {plan.url!r}", "that is no http:// address", "say http://127.0.0.1:8002"
        )
    path = parts.path if parts.path.strip("/") else "/v1/infer"
    request = (
        f"POST {path} HTTP/1.1\r\nHost: {parts.netloc}\r\n"
        f"X-Batch-Size: {plan.batch_size}\r\nContent-Length: 0\r\n\r\n"
    )
    try:
        known = socket.getaddrinfo(parts.hostname, parts.port or 80, type=socket.SOCK_STREAM)
    except (OSError, ValueError) as error:
        raise LoadError(f"asked to load {plan.url!r}", str(error), "check host and port") from error
    family, _, _, _, address = known[0]
    return Destination(family, (str(address[0]), int(address[1])), request.encode())
