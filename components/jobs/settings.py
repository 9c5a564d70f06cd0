"""The keys that describe a job, and the job they make together."""

from __future__ import annotations

import difflib
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from components.jobs import values
from components.jobs.candidate import CPU_DEVICE, DEFAULT_VARIANT
from components.jobs.deferred import DeferredJob
from components.jobs.errors import JobError
from components.jobs.job import Job, Mode
from components.jobs.target import Statistic, Target

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Key:
    """How the values of one key are read, and a valid one for messages."""

    read: Callable[[str], object]
    example: str


KEYS: Mapping[str, Key] = {
    "enable": Key(values.truth, "true"),
    "target-ms": Key(values.positive, "7"),
    "target-statistic": Key(values.statistic, "p95"),
    "metrics": Key(values.metrics, "prometheus:8002/metrics"),
    "model": Key(values.word, "resnet-18"),
    "batch-size": Key(values.count, "1"),
    "min-cpus": Key(values.count, "1"),
    "max-cpus": Key(values.count, "8"),
    "devices": Key(values.devices, "cpu,dgpu:0"),
    "hint-dir": Key(values.absolute_path, "/run/joulepilot"),
    "variant": Key(values.word, "int8"),
    "variants": Key(values.variants, "default:0.76,int8:0.75"),
    "min-quality": Key(values.number, "0.7"),
    "priority": Key(values.whole, "10"),
    "probe-min-p": Key(values.share, "0.2"),
    "probe-max-misses": Key(values.natural, "4"),
    "deferrable-until": Key(values.time, "2027-01-31T06:00:00+00:00"),
    "work": Key(values.positive, "100000"),
    "mode": Key(values.mode, "recommend"),
}

INERT: Mapping[str, str] = {"min-quality": "variants", "variants": "hint-dir"}
"""Keys that nothing acts on without another one."""

_NEEDED = ("target-ms", "metrics")
_DEFERRED = ("deferrable-until", "work")
"""Keys of work that may wait: both or none."""


@dataclass(frozen=True, slots=True)
class Setting:
    """One value as it was written, and where."""

    text: str
    where: str
    """For messages, like `label joulepilot.target-ms of container web`."""


def job_from_settings(name: str, settings: Mapping[str, Setting]) -> Job | None:
    """Make a job of all that is said of the container of that name, by keys without prefix.

    Returns:
        None when `enable` is absent or false, and where the work may wait (`deferred_from_settings`
        reads that).

    Raises:
        JobError: a key is unknown, a value bad, or one that is needed missing.
    """
    if not _is_enabled(settings) or _may_wait(settings):
        return None
    _demand(name, settings, _NEEDED)
    return Job(
        name=name,
        target=Target(
            _value(settings, "target-ms", values.positive, math.nan),
            _value(settings, "target-statistic", values.statistic, Statistic.MEAN),
        ),
        metrics=_value(settings, "metrics", values.metrics, ""),
        model=_value(settings, "model", values.word, ""),
        batch_size=_value(settings, "batch-size", values.count, 1),
        min_cpus=_value(settings, "min-cpus", values.count, 1),
        max_cpus=_value(settings, "max-cpus", _count_or_all, None),
        mode=_value(settings, "mode", values.mode, Mode.AUTO),
        variant=_value(settings, "variant", values.word, DEFAULT_VARIANT),
        devices=_value(settings, "devices", values.devices, (CPU_DEVICE,)),
        hint_dir=_value(settings, "hint-dir", _path_or_none, None),
        priority=_value(settings, "priority", values.whole, 0),
        probe_min_p=_value(settings, "probe-min-p", values.share, 0.5),
        probe_max_misses=_value(settings, "probe-max-misses", values.natural, 2),
        variants=_value(settings, "variants", values.variants, ()),
        min_quality=_value(settings, "min-quality", values.number, 0.0),
        inert=tuple(key for key, needed in INERT.items() if {key} == {key, needed} & {*settings}),
    )


def deferred_from_settings(name: str, settings: Mapping[str, Setting]) -> DeferredJob | None:
    """Make a job whose work may wait of all that is said of the container of that name.

    Returns:
        None when `enable` is absent or false, and for jobs that do not wait.

    Raises:
        JobError: as `job_from_settings`.
    """
    if not _is_enabled(settings) or not _may_wait(settings):
        return None
    _demand(name, settings, _DEFERRED)
    if "target-ms" in settings:
        raise JobError(
            f"asked to manage {name!r}",
            "it has a latency target, and its work may wait",
            "take joulepilot.target-ms away, or joulepilot.deferrable-until and joulepilot.work",
        )
    return DeferredJob(
        name=name,
        until=values.time(settings["deferrable-until"].text.strip()),
        work_cpu_s=_value(settings, "work", values.positive, math.nan),
        min_cpus=_value(settings, "min-cpus", values.count, 1),
        max_cpus=_value(settings, "max-cpus", _count_or_all, None),
        mode=_value(settings, "mode", values.mode, Mode.AUTO),
        priority=_value(settings, "priority", values.whole, 0),
    )


def _is_enabled(settings: Mapping[str, Setting]) -> bool:
    """Whether it is to be managed; then every key of it was checked."""
    if "enable" not in settings:
        _refuse_misspelt_enable(settings)
        return False
    if not _value(settings, "enable", values.truth, default=False):
        return False
    for key, setting in settings.items():
        check_setting(key, setting)
    return True


def _may_wait(settings: Mapping[str, Setting]) -> bool:
    return any(key in settings for key in _DEFERRED)


def _demand(name: str, settings: Mapping[str, Setting], keys: tuple[str, ...]) -> None:
    for key in keys:
        if key not in settings:
            raise JobError(
                f"asked to manage {name!r}",
                f"nothing says its {key}",
                f"add joulepilot.{key}={KEYS[key].example}",
            )


def check_setting(key: str, setting: Setting) -> None:
    """See whether a key is known and its value can be read.

    Raises:
        JobError: with the nearest key or value that is valid.
    """
    if key not in KEYS:
        raise JobError(
            f"asked for the key {key!r} ({setting.where})",
            "joulepilot knows no such key",
            f"did you mean {values.nearest(key, KEYS)!r}? Known are {', '.join(KEYS)}",
        )
    _value({key: setting}, key, KEYS[key].read, None)


def _value(settings: Mapping[str, Setting], key: str, read: Callable[[str], T], default: T) -> T:
    setting = settings.get(key)
    if setting is None:
        return default
    try:
        return read(setting.text.strip())
    except ValueError as error:
        raise JobError(
            f"asked for {key} = {setting.text!r} ({setting.where})",
            str(error),
            f"write it like {key} = {KEYS[key].example}",
        ) from error


def _path_or_none(text: str) -> str | None:
    return values.absolute_path(text)


def _count_or_all(text: str) -> int | None:
    return values.count(text)


def _refuse_misspelt_enable(settings: Mapping[str, Setting]) -> None:
    """Refuse `enabled`, `Enable` and the like, which would leave a job unmanaged in silence."""
    for key, setting in settings.items():
        if key not in KEYS and difflib.get_close_matches(key.lower(), ["enable"], cutoff=0.8):
            check_setting(key, setting)
