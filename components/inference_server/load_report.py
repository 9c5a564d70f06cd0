"""What came of a load."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from components.inference_server.latency_sketch import LatencySketch

_QUANTILES = {"p50": 0.5, "p95": 0.95, "p99": 0.99}


@dataclass(slots=True)
class LoadReport:
    """Counts while the load runs; due = sent + could_not_send, sent = answered + failed."""

    url: str
    batch_size: int
    seed: int
    seconds: float = 0.0
    due: int = 0
    sent: int = 0
    answered: int = 0
    failed: int = 0
    """Not answered with 200: another status, a lost connection, or too late."""
    could_not_send: int = 0
    """No connection was free in time, or none could be made."""
    statuses: Counter[int] = field(default_factory=Counter)
    latency: LatencySketch = field(default_factory=LatencySketch)
    """From the moment a request was due, of those answered."""

    def as_json(self) -> dict[str, object]:
        """Lay it out for machines; latencies in ms of the whole request, None without any."""
        return {
            "url": self.url,
            "batch": self.batch_size,
            "seed": self.seed,
            "seconds": round(self.seconds, 3),
            "due": self.due,
            "sent": self.sent,
            "answered": self.answered,
            "failed": self.failed,
            "could_not_send": self.could_not_send,
            "statuses": {str(status): n for status, n in sorted(self.statuses.items())},
            "due_per_s": round(self.due / self.seconds, 3) if self.seconds else None,
            "answered_per_s": round(self.answered / self.seconds, 3) if self.seconds else None,
            "latency_ms": {
                "mean": _ms(self.latency.mean_s()),
                **{name: _ms(self.latency.quantile_s(q)) for name, q in _QUANTILES.items()},
                "max": _ms(self.latency.largest_s()),
            },
        }


def _ms(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds * 1e3, 3)
