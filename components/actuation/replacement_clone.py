"""A container with other devices: what it is created from, and why some cannot be."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from components.actuation.errors import RefusedError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

REPLACES = "joulepilot-internal.replaces"
"""Label of a clone: the id of the container it was made from."""
_SHARED = ("NetworkMode", "PidMode", "IpcMode", "UTSMode")
_ID_DIGITS = 12


@dataclass(frozen=True, slots=True)
class Devices:
    """What a container is to have: CDI names like `nvidia.com/gpu=0`, and device nodes."""

    cdi: tuple[str, ...] = ()
    paths: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Clone:
    """What the engine is asked for."""

    body: Mapping[str, Any]
    """Of `POST /containers/create`; the first network is in it."""
    further_networks: Mapping[str, Mapping[str, Any]]
    """Endpoint settings by network, connected afterwards: older engines take one at a time."""


def clone(
    inspected: Mapping[str, Any],
    devices: Devices,
    *,
    cpuset: str | None = None,
    others: Sequence[Mapping[str, Any]] = (),
) -> Clone:
    """Lay out a container like another, with other devices.

    Args:
        inspected: what the engine says of the container.
        devices: what it is to have instead of its present ones.
        cpuset: what it was set to before joulepilot changed it; None: it was never changed.
        others: rows of all containers, to see who shares its namespaces.

    Raises:
        RefusedError: it cannot be cloned, and every reason why.
    """
    reasons = [*_reasons(inspected), *_sharers(inspected, others)]
    if reasons:
        raise RefusedError(
            f"asked to replace {str(inspected['Name']).removeprefix('/')}",
            "; ".join(reasons),
            "start it behind a router without these, or let it hold both devices "
            "(joulepilot.hint-dir)",
        )
    config = copy.deepcopy(dict(inspected["Config"]))
    for key in ("Hostname", "MacAddress"):
        if key != "Hostname" or config.get(key) == inspected["Id"][:_ID_DIGITS]:
            config.pop(key, None)
    config["Image"] = inspected["Image"]  # by id: the name may mean another one by now
    config["Labels"] = {**(config.get("Labels") or {}), REPLACES: inspected["Id"]}
    host = _host_config(inspected, devices, cpuset)
    networks = _networks(inspected)
    first = dict(list(networks.items())[:1])
    body = {**config, "HostConfig": host, "NetworkingConfig": {"EndpointsConfig": first}}
    return Clone(body, dict(list(networks.items())[1:]))


def _host_config(
    inspected: Mapping[str, Any], devices: Devices, cpuset: str | None
) -> dict[str, Any]:
    host = copy.deepcopy(dict(inspected["HostConfig"]))
    host["Binds"] = [*(host.get("Binds") or []), *_anonymous_volumes(inspected, host)]
    host["Devices"] = [
        {"PathOnHost": path, "PathInContainer": path, "CgroupPermissions": "rwm"}
        for path in devices.paths
    ]
    host["DeviceRequests"] = (
        [{"Driver": "cdi", "DeviceIDs": list(devices.cdi)}] if devices.cdi else []
    )
    if host.get("Runtime") == "nvidia":
        host["Runtime"] = ""
    if cpuset is not None:
        host["CpusetCpus"] = cpuset
    return host


def _anonymous_volumes(inspected: Mapping[str, Any], host: Mapping[str, Any]) -> Iterator[str]:
    """Volumes that only the container knows: handed on by name, or their content would stay."""
    bound = {str(bind).split(":")[1] for bind in host.get("Binds") or []}
    mounted = {str(mount.get("Target")) for mount in host.get("Mounts") or []}
    for mount in inspected.get("Mounts") or []:
        target = str(mount.get("Destination"))
        if mount.get("Type") == "volume" and target not in bound | mounted:
            mode = "rw" if mount.get("RW", True) else "ro"
            yield f"{mount['Name']}:{target}:{mode}"


def _networks(inspected: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    own = {str(inspected["Id"])[:_ID_DIGITS], str(inspected["Id"])}
    found = {}
    for name, endpoint in (inspected["NetworkSettings"].get("Networks") or {}).items():
        aliases = [alias for alias in endpoint.get("Aliases") or [] if alias not in own]
        found[str(name)] = {"Aliases": aliases, "DriverOpts": endpoint.get("DriverOpts")}
    return found


def _reasons(inspected: Mapping[str, Any]) -> Iterator[str]:
    host = inspected["HostConfig"]
    if host.get("AutoRemove"):
        yield "it was started with --rm and would be gone when it stops"
    for key in _SHARED:
        if str(host.get(key) or "").startswith("container:"):
            yield f"its {key} is that of another container"
    if host.get("NetworkMode") == "host":
        yield "it uses the host's network, where two cannot have one port"
    if host.get("Links"):
        yield "it has links (--link) to other containers"
    for port, bindings in sorted((host.get("PortBindings") or {}).items()):
        fixed = [b["HostPort"] for b in bindings or [] if b.get("HostPort") not in {"", "0", None}]
        if fixed:
            yield f"it has the fixed port {fixed[0]} of the host ({port})"
    for name, endpoint in (inspected["NetworkSettings"].get("Networks") or {}).items():
        addresses = endpoint.get("IPAMConfig") or {}
        if any(addresses.values()):
            yield f"it has a fixed address in the network {name}"
    labels = inspected["Config"].get("Labels") or {}
    if any(str(label).startswith("com.docker.swarm.") for label in labels):
        yield "it is a Swarm task, which Swarm itself replaces"


def _sharers(inspected: Mapping[str, Any], others: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    for other in others:
        mode = str((other.get("HostConfig") or {}).get("NetworkMode") or "")
        if mode == f"container:{inspected['Id']}":
            yield f"{other['Names'][0].removeprefix('/')} lives in its network"
