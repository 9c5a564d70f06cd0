"""What the engine's list of containers says, and where their ports are reached."""

from __future__ import annotations

from typing import Any

from components.actuation.errors import HostAwayError
from components.actuation.host import Container

_LOOPBACK = "127.0.0.1"
_RUNNING = frozenset({"running", "paused"})


def read_containers(answer: object) -> tuple[Container, ...]:
    """Read the answer of `GET /containers/json`.

    Raises:
        HostAwayError: it is not what a Docker engine answers.
    """
    rows: Any = answer
    try:
        by_id = {str(row["Id"]): row for row in rows}
        return tuple(
            Container(
                id=container_id,
                name=str(row["Names"][0]).removeprefix("/"),
                image=str(row["Image"]),
                image_digest=str(row["ImageID"]),
                labels={str(k): str(v) for k, v in (row.get("Labels") or {}).items()},
                address=_address(row, by_id),
            )
            for container_id, row in by_id.items()
            if row["State"] in _RUNNING
        )
    except (KeyError, IndexError, TypeError, AttributeError) as error:
        raise HostAwayError(
            "asked the Docker engine for its containers",
            f"its answer lacks {error}",
            "see whether a Docker engine listens on that socket",
        ) from error


def _address(row: Any, by_id: dict[str, Any]) -> str:
    """The first address of a container, or of the container whose network it shares."""
    mode = str(row["HostConfig"]["NetworkMode"])
    if mode == "host":
        return _LOOPBACK
    if mode.startswith("container:"):
        other = by_id.get(mode.removeprefix("container:"))
        return "" if other is None or other is row else _address(other, by_id)
    networks = row["NetworkSettings"]["Networks"] or {}
    for _, network in sorted(networks.items()):
        if network.get("IPAddress"):
            return str(network["IPAddress"])
    for _, network in sorted(networks.items()):
        if network.get("GlobalIPv6Address"):
            return f"[{network['GlobalIPv6Address']}]"
    return ""
