"""What a replacement asks of the engine; each call may be made again after a crash."""

from __future__ import annotations

import http.client
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from components.actuation.errors import ApplyError, ContainerGoneError
from components.actuation.replacement_clone import REPLACES

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from components.actuation.engine_api import EngineApi
    from components.actuation.replacement_clone import Clone

STOP_S = 10
_POLL_S = 0.05
_CONNECT_S = 1.0


class Containers:
    """Makes, starts, stops, names and removes containers."""

    def __init__(self, engine: EngineApi, proc: Path = Path("/proc")) -> None:
        self._engine = engine
        self.proc = proc

    def inspect(self, name: str) -> Mapping[str, Any] | None:
        """What the engine says of a container by id or name; None: it has none such."""
        try:
            answer: Any = self._engine.get(f"/containers/{quote(name)}/json")
        except ContainerGoneError:
            return None
        return dict(answer)

    def rows(self) -> Sequence[Mapping[str, Any]]:
        """All containers, also stopped ones."""
        answer: Any = self._engine.get("/containers/json?all=true")
        return list(answer)

    def make(self, name: str, clone: Clone, replaces: str) -> str:
        """Create a clone, or find the one that was created before a crash; its id.

        Raises:
            RefusedError: the engine refuses, or another container has that name.
        """
        there = self.inspect(name)
        if there is not None and _replaces(there) == replaces:
            container_id = str(there["Id"])
        else:
            created: Any = self._engine.post(f"/containers/create?name={quote(name)}", clone.body)
            container_id = str(created["Id"])
        connected = ((there or {}).get("NetworkSettings") or {}).get("Networks") or {}
        for network, endpoint in clone.further_networks.items():
            if network not in connected:
                self._engine.post(
                    f"/networks/{quote(network)}/connect",
                    {"Container": container_id, "EndpointConfig": endpoint},
                )
        return container_id

    def start(self, container_id: str) -> None:
        """Start it, unless it runs."""
        if not self._is_running(container_id):
            self._engine.post(f"/containers/{container_id}/start", {})

    def stop(self, container_id: str) -> None:
        """Stop it, unless it has stopped or is gone."""
        if self._is_running(container_id):
            self._engine.post(f"/containers/{container_id}/stop?t={STOP_S}", {})

    def remove(self, container_id: str) -> None:
        """Remove it with what it wrote; its volumes stay. Nothing where it is gone."""
        if self.inspect(container_id) is not None:
            self._engine.delete(f"/containers/{container_id}?force=true")

    def rename(self, container_id: str, name: str) -> None:
        """Give it a name, unless it has it."""
        there = self.inspect(container_id)
        if there is not None and str(there["Name"]) != f"/{name}":
            self._engine.post(f"/containers/{container_id}/rename?name={quote(name)}", {})

    def set_restart(self, container_id: str, policy: str, retries: int = 0) -> None:
        """Set the restart policy of a container that is there."""
        if self.inspect(container_id) is not None:
            body = {"RestartPolicy": {"Name": policy, "MaximumRetryCount": retries}}
            self._engine.post(f"/containers/{container_id}/update", body)

    def address(self, container_id: str) -> str:
        """Where it is reached from this host.

        Raises:
            ApplyError: it has no address (yet).
        """
        there = self.inspect(container_id) or {}
        networks = (there.get("NetworkSettings") or {}).get("Networks") or {}
        for _, endpoint in sorted(networks.items()):
            if endpoint.get("IPAddress"):
                return str(endpoint["IPAddress"])
        raise ApplyError(
            f"asked for the address of {container_id[:12]}",
            "it has none: it does not run",
            "see docker logs",
        )

    def wait_ready(self, address: str, path: str, within_s: float) -> None:
        """Wait until a page answers 200.

        Raises:
            ApplyError: it did not in time.
        """
        until_s = time.monotonic() + within_s
        found = "nothing"
        while time.monotonic() < until_s:
            found = _answer(address, path)
            if found == "200":
                return
            time.sleep(_POLL_S)
        raise ApplyError(
            f"asked for http://{address}{path} of the new container",
            f"after {within_s:g} s it answers {found}",
            "see docker logs of it; the old one serves on",
        )

    def _is_running(self, container_id: str) -> bool:
        there = self.inspect(container_id)
        return there is not None and bool(there["State"]["Running"])


def _replaces(inspected: Mapping[str, Any]) -> str | None:
    labels = inspected["Config"].get("Labels") or {}
    replaced = labels.get(REPLACES)
    return None if replaced is None else str(replaced)


def _answer(address: str, path: str) -> str:
    connection = http.client.HTTPConnection(address, timeout=_CONNECT_S)
    try:
        connection.request("GET", path)
        return str(connection.getresponse().status)
    except (OSError, http.client.HTTPException) as error:
        return repr(error)
    finally:
        connection.close()
