"""What the hub takes from the outside at most."""

from __future__ import annotations

from dataclasses import dataclass

from components.hub.spool import MIN_FREE_BYTES
from components.telemetry.otlp_in import MAX_DECODED_BYTES


@dataclass(frozen=True, slots=True)
class HubLimits:
    """Bounds that keep one bad sender from hurting the others."""

    max_body_bytes: int = 4 * 1024 * 1024
    """Of a body as received."""
    max_decoded_bytes: int = MAX_DECODED_BYTES
    """Of a body once decompressed; what `ingest` reads at most."""
    min_free_bytes: int = MIN_FREE_BYTES
    """Space the spool leaves on the disk."""
    max_connections: int = 256
    max_nodes: int = 5000
    """Nodes whose last heartbeat is kept; beyond it the one silent longest is forgotten."""
    request_timeout_s: float = 30.0
    """For one request to arrive, and for a kept connection to be silent."""
