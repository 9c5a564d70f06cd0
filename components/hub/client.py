"""What other programs ask a hub."""

from __future__ import annotations

import http.client
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from components.hub.errors import HubAwayError, HubError
from components.hub.nodes import nodes_from_json
from components.settings.login import read_login
from components.telemetry.errors import EventError

if TYPE_CHECKING:
    from components.hub.nodes import NodeState
    from components.settings.login import Login
    from components.settings.settings import Settings

_MAX_ANSWER_BYTES = 64 * 1024 * 1024


def nodes_of(settings: Settings) -> tuple[NodeState, ...]:
    """Ask the hub of the settings, logged in as they say.

    Raises:
        SettingsError: the file of the login is none.
        HubAwayError, HubError: as `read_nodes`.
    """
    return read_nodes(settings.hub_url, login=read_login(settings.hub_login_file))


def read_nodes(
    url: str, *, login: Login | None = None, timeout_s: float = 5.0
) -> tuple[NodeState, ...]:
    """Ask a hub for the last heartbeat of each node, by name.

    Raises:
        HubAwayError: it does not answer.
        HubError: the address is none, what answers there is no hub, or it asks for another login.
    """
    connection, folder = _connection(url, timeout_s)
    headers = {} if login is None else {"Authorization": login.authorization}
    try:
        connection.request("GET", f"{folder}/nodes", headers=headers)
        response = connection.getresponse()
        body = response.read(_MAX_ANSWER_BYTES)
    except (OSError, http.client.HTTPException) as error:
        raise HubAwayError(
            f"asked the hub {url} for its nodes", f"it does not answer: {error}", "start the hub"
        ) from error
    finally:
        connection.close()
    if response.status == http.client.UNAUTHORIZED:
        raise HubError(
            f"asked the hub {url} for its nodes",
            "it asks for a login, or for another one",
            "name a file with USER:PASSWORD as hub_login_file",
        )
    if response.status != http.client.OK:
        raise _no_hub(url, f"it answered {response.status}")
    try:
        return nodes_from_json(body)
    except EventError as error:
        raise _no_hub(url, error.found) from error


def _connection(url: str, timeout_s: float) -> tuple[http.client.HTTPConnection, str]:
    """A connection, not yet open, and the path the hub lies under."""
    cause = None
    try:
        parts = urlsplit(url)
        if parts.scheme in {"http", "https"} and parts.hostname:
            secure = parts.scheme == "https"
            kind = http.client.HTTPSConnection if secure else http.client.HTTPConnection
            return kind(parts.hostname, parts.port, timeout=timeout_s), parts.path.rstrip("/")
    except (ValueError, http.client.InvalidURL) as error:
        cause = error
    raise _no_hub(url, "that is no http or https address") from cause


def _no_hub(url: str, found: str) -> HubError:
    return HubError(
        f"asked the hub {url} for its nodes", found, "give the address of a joulepilot hub"
    )
