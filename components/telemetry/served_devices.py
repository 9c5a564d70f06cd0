"""What a server says of the devices it holds: which is in force, which are absent and why."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from components.telemetry.errors import MeterError
from components.telemetry.prometheus_page import PrometheusPage, number, read_series

if TYPE_CHECKING:
    from collections.abc import Mapping

    from components.telemetry.prometheus_page import Series

DEVICE = "joulepilot_server_device"
FEATURE = "joulepilot_network_feature"
VARIANT = "joulepilot_server_variant"
CLOCK = "joulepilot_device_clock_share"
REFUSED = "joulepilot_server_hint_refused"
PROBE_S = "joulepilot_device_probe_seconds"
PROBE_J = "joulepilot_device_probe_joules"
IN_FORCE, HELD, ABSENT = "in force", "held", "absent"

_NAMES = frozenset({DEVICE, FEATURE, VARIANT, CLOCK, PROBE_S, PROBE_J, REFUSED})
_ESCAPES = {r"\\": "\\", r"\"": '"', r"\n": "\n"}


@dataclass(frozen=True, slots=True)
class ProbeReading:
    """One batch that a server ran on a device beside its requests, because a hint asked for it."""

    probe_id: str
    device: str
    batch: int
    latency_ms: float
    joules: float | None = None
    """None where the server cannot know."""


@dataclass(frozen=True, slots=True)
class ServedDevices:
    """The devices of one server now."""

    in_force: str
    held: tuple[str, ...]
    """All it can switch to at once, that in force among them."""
    absent: Mapping[str, str] = field(default_factory=dict)
    """Devices it was told of but does not have, and why."""
    features: Mapping[str, float] = field(default_factory=dict)
    """Of the network it serves, by name; empty when it does not say."""
    clock_share: Mapping[str, float] = field(default_factory=dict)
    """Clock of a device over its maximum, where it is known."""
    probe: ProbeReading | None = None
    """The last probe that ended."""
    refusal: str = ""
    """Why it does not follow the hint that stands there; empty when it does."""
    variants: tuple[str, ...] = ()
    """Versions of the network it can switch to at once, that in force among them."""
    variant: str = ""
    """In force; empty where it says nothing of versions."""


class DeviceSource(Protocol):
    """Reads one server's devices."""

    def read(self) -> ServedDevices:
        """Read them now.

        Raises:
            ReadingError: this time they could not be read.
            MeterError: the server does not say on which device it runs.
        """
        ...


class PrometheusDevices:
    """Reads a server's own page; a DeviceSource."""

    def __init__(self, url: str, timeout_s: float = 2.0) -> None:
        self._url = url
        self._page = PrometheusPage(url, timeout_s)

    def read(self) -> ServedDevices:
        """Scrape the page now.

        Raises:
            ReadingError: the server did not answer in time.
            MeterError: its page says nothing of devices.
        """
        return parse_devices(self._page.fetch(), self._url)


def parse_devices(page: str, where: str = "a page") -> ServedDevices:
    """Read what a page in Prometheus' text format says of devices.

    Raises:
        MeterError: no device, or more than one, is in force; or a value is no number.
    """
    series = read_series(page, _NAMES, where)
    status, absent = _status(series.get(DEVICE, []), where)
    in_force = [device for device, state in status.items() if state == IN_FORCE]
    if len(in_force) != 1:
        raise MeterError(
            f"asked {where} for the device in force",
            f"it names {in_force or 'none'}",
            f'show one {DEVICE}{{device="cpu",status="{IN_FORCE}"}} 1 on the metrics page',
        )
    versions = _by_label(series.get(VARIANT, []), "variant", where)
    return ServedDevices(
        in_force[0],
        tuple(device for device, state in status.items() if state in {IN_FORCE, HELD}),
        absent,
        _by_label(series.get(FEATURE, []), "name", where),
        _by_label(series.get(CLOCK, []), "device", where),
        _probe(series, where),
        "; ".join(_plain(labels.get("reason", "")) for labels, _ in series.get(REFUSED, [])),
        tuple(versions),
        next((name for name, value in versions.items() if value == 1.0), ""),
    )


def _status(series: Series, where: str) -> tuple[dict[str, str], dict[str, str]]:
    """What each device is, and why those are absent that are."""
    status: dict[str, str] = {}
    absent: dict[str, str] = {}
    for labels, value in series:
        if number(value, where) != 1.0:
            continue
        device = labels.get("device", "")
        status[device] = labels.get("status", "")
        if status[device] == ABSENT:
            absent[device] = _plain(labels.get("reason", ""))
    return status, absent


def _by_label(series: Series, key: str, where: str) -> dict[str, float]:
    return {labels.get(key, ""): number(value, where) for labels, value in series}


def _probe(series: Mapping[str, Series], where: str) -> ProbeReading | None:
    seconds, joules = series.get(PROBE_S, []), series.get(PROBE_J, [])
    if not seconds:
        return None
    labels, value = seconds[-1]
    try:
        batch = int(labels["batch"])
        probe_id, device = labels["probe_id"], labels["device"]
    except (KeyError, ValueError) as error:
        raise MeterError(
            f"asked {where} for its last probe",
            f"its labels are {labels}",
            "name device, probe_id and batch",
        ) from error
    spent = [number(text, where) for said, text in joules if said.get("probe_id") == probe_id]
    latency_ms = number(value, where) * 1e3
    return ProbeReading(probe_id, device, batch, latency_ms, spent[-1] if spent else None)


def _plain(text: str) -> str:
    return re.sub(r"\\.", lambda match: _ESCAPES.get(match[0], match[0]), text)
