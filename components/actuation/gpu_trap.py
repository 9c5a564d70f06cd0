"""A GPU that a change of CPUs takes away.

With NVIDIA's legacy hook the engine does not know which device nodes a container may use; where
systemd owns the cgroups it writes their device rules anew with any update, and the GPU is gone
(NVIDIA/nvidia-container-toolkit#48). Devices named to the engine (CDI, `--device`) stay.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

GPU_TRAP = (
    "it has its GPU by NVIDIA's legacy hook under the systemd cgroup driver: an update of its CPUs "
    "can take the GPU away"
)
GPU_TRAP_REMEDY = (
    "start it with CDI (--device nvidia.com/gpu=0), or with its /dev/nvidia* named by --device"
)
_LEGACY_DRIVERS = {"", "nvidia"}


def uses_legacy_hook(inspected: Mapping[str, Any]) -> bool:
    """Whether a container has its GPU by the hook, by what the engine's inspect says."""
    host = inspected.get("HostConfig") or {}
    if host.get("Runtime") == "nvidia" and not _names_devices(host):
        return True
    return any(
        str(request.get("Driver") or "") in _LEGACY_DRIVERS and _wants_gpu(request)
        for request in host.get("DeviceRequests") or []
    )


def gpu_trap(inspected: Mapping[str, Any], cgroup_driver: str) -> str | None:
    """Why a container must not be moved; None where it may be."""
    return GPU_TRAP if cgroup_driver == "systemd" and uses_legacy_hook(inspected) else None


def _wants_gpu(request: Mapping[str, Any]) -> bool:
    return any("gpu" in group for group in request.get("Capabilities") or [])


def _names_devices(host: Mapping[str, Any]) -> bool:
    """Whether the device nodes are known to the engine, so that it writes them again."""
    devices = host.get("Devices") or []
    return any(str(d.get("PathOnHost", "")).startswith("/dev/nvidia") for d in devices)
