"""OTLP's protobuf messages for logs; the one file that knows protobuf's own runtime."""

from __future__ import annotations

from google.protobuf.message import DecodeError
from google.rpc.status_pb2 import Status
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import (
    ExportLogsServiceRequest,
    ExportLogsServiceResponse,
)

from components.telemetry.errors import EventError

INVALID_ARGUMENT = 3
RESOURCE_EXHAUSTED = 8
UNAVAILABLE = 14


def parse_request(body: bytes) -> ExportLogsServiceRequest:
    """Read an export request.

    Raises:
        EventError: the bytes are no such message.
    """
    request = ExportLogsServiceRequest()
    try:
        request.ParseFromString(body)
    except DecodeError as error:
        raise EventError(
            f"asked to read {len(body)} bytes as an OTLP logs export",
            f"they are not one: {error}",
            "send an ExportLogsServiceRequest, complete and uncorrupted",
        ) from error
    return request


def response_bytes(n_rejected: int, message: str) -> bytes:
    """Write the answer to an export of which some records (0: none) were rejected."""
    response = ExportLogsServiceResponse()
    if n_rejected:
        response.partial_success.rejected_log_records = n_rejected
        response.partial_success.error_message = message
    return bytes(response.SerializeToString())


def parse_response(body: bytes) -> tuple[int, str]:
    """Read (records rejected, why) from the answer to an export; (0, "") when it is unreadable."""
    response = ExportLogsServiceResponse()
    try:
        response.ParseFromString(body)
    except DecodeError:
        return 0, ""
    partial = response.partial_success
    return int(partial.rejected_log_records), str(partial.error_message)


def status_bytes(code: int, message: str) -> bytes:
    """Write the body of a failed export, as OTLP/HTTP wants it."""
    return bytes(Status(code=code, message=message).SerializeToString())


def parse_status(body: bytes) -> str:
    """Read why an export failed; "" when the body does not say."""
    status = Status()
    try:
        status.ParseFromString(body)
    except DecodeError:
        return ""
    return str(status.message)
