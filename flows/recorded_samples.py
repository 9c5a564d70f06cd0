"""Samples through the pipeline that a node's own take: OTLP, spool, lake, checks."""

from __future__ import annotations

import gzip
from datetime import timedelta
from typing import TYPE_CHECKING

from components.hub.spool import Spool
from components.lake.lake import Lake
from components.telemetry.events import Event, sample_attributes
from components.telemetry.otlp_protobuf import record_of, request_of
from components.telemetry.sample import SAMPLE_EVENT
from data_checks.report import require_good
from flows.checked_lake import check_samples, ingest_telemetry

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import pandas as pd

    from components.settings.settings import Settings
    from components.telemetry.sample import Sample
    from data_checks.report import CheckReport

RECORDS_PER_BODY = 500
_PROTOBUF = "application/x-protobuf"


def post_samples(settings: Settings, samples: Iterable[Sample]) -> int:
    """Lay samples out as OTLP bodies into the spool, as the hub does; returns how many bodies.

    Raises:
        SpoolError: the disk does not take them.
    """
    spool = Spool(settings.home / "spool")
    bodies = list(_bodies(samples))
    for body in bodies:
        spool.put(body, _PROTOBUF, "gzip")
    return len(bodies)


def settle_samples(settings: Settings) -> tuple[pd.DataFrame, CheckReport]:
    """Ingest and check what lies in the spool, and read what may be learned from.

    Raises:
        BadDataError: too many rows broke a rule.
        LakeError: the lake is damaged or cannot be written.
    """
    ingest_telemetry(settings)
    report = check_samples(settings)
    require_good(report)
    return Lake(settings.home / "lake").samples(report.samples_version), report


def _bodies(samples: Iterable[Sample]) -> Iterable[bytes]:
    batch: list[Sample] = []
    for sample in samples:
        batch.append(sample)
        if len(batch) == RECORDS_PER_BODY:
            yield _body(batch)
            batch = []
    if batch:
        yield _body(batch)


def _body(samples: Sequence[Sample]) -> bytes:
    origin = {str(sample.origin) for sample in samples}
    resource = {"service.name": "joulepilot", "joulepilot.origin": ",".join(sorted(origin))}
    return gzip.compress(request_of([_record(s) for s in samples], resource), mtime=0)


def _record(sample: Sample) -> bytes:
    end = sample.window_start + timedelta(seconds=sample.window_s)
    event = Event(name=SAMPLE_EVENT, attributes=sample_attributes(sample), time=end)
    return record_of(event)
