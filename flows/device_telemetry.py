"""Device measurements on their way: into the lake of this home, or to a hub."""

from __future__ import annotations

import gzip
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from components.hub.errors import HubAwayError, HubError
from components.hub.spool import Spool
from components.telemetry.device_measurement import MEASUREMENT_EVENT, measurement_attributes
from components.telemetry.events import Event
from components.telemetry.hub_link import HubLink, Outcome
from components.telemetry.otlp_in import MediaType
from components.telemetry.otlp_protobuf import record_of, request_of
from flows.checked_lake import check_measurements, ingest_telemetry

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from components.settings.login import Login
    from components.settings.settings import Settings
    from components.telemetry.device_measurement import DeviceMeasurement
    from data_checks.device_checking import DeviceCheck

PER_BODY = 1000
TIMEOUT_S = 30.0


def keep_measurements(
    settings: Settings, measurements: Sequence[DeviceMeasurement]
) -> DeviceCheck | None:
    """Hand measurements to the lake as a node would: spool, ingest, check.

    Returns:
        What the check found; None where nothing is new to the lake.

    Raises:
        SpoolError, LakeError: they could not be kept; the recording is a file all the same.
    """
    spool = Spool(settings.home / "spool")
    for body in _bodies(measurements):
        spool.put(body, MediaType.PROTOBUF.value, "gzip")
    if ingest_telemetry(settings).n_device_rows == 0:
        return None
    return check_measurements(settings)


def send_measurements(
    hub: str, measurements: Sequence[DeviceMeasurement], login: Login | None = None
) -> int:
    """Send measurements to a hub, which keeps them for its lake; says how many it took.

    Raises:
        EndpointError: the address is none.
        HubAwayError: it does not answer; what was sent before stays sent, twice does no harm.
        HubError: it will not take them.
    """
    link = HubLink(hub, TIMEOUT_S, login)
    try:
        for body in _bodies(measurements):
            answer = link.send(body)
            asked = f"asked to send {len(measurements)} measurements to {hub}"
            if answer.outcome is Outcome.AWAY:
                raise HubAwayError(asked, answer.reason, "start it; the same command sends again")
            if answer.outcome is Outcome.REFUSED or answer.n_rejected:
                raise HubError(asked, answer.reason, "take a hub of this version of joulepilot")
    finally:
        link.close()
    return len(measurements)


def _bodies(measurements: Sequence[DeviceMeasurement]) -> Iterator[bytes]:
    for first in range(0, len(measurements), PER_BODY):
        events = map(_event, measurements[first : first + PER_BODY])
        body = request_of([record_of(event) for event in events], {"service.name": "joulepilot"})
        yield gzip.compress(body, mtime=0)


def _event(measurement: DeviceMeasurement) -> Event:
    attributes = measurement_attributes(measurement)
    return Event(MEASUREMENT_EVENT, attributes, measurement.measured_at, datetime.now(UTC))
