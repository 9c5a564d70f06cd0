"""`python -m flows.telling.watch`: looks at the nodes every few seconds.

It ends canaries by what their nodes say, tells people of trouble, and asks for retrainings.
"""

from __future__ import annotations

import itertools
import logging
import signal
import sys
import threading
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from components.errors import PermanentError
from components.hub.client import nodes_of
from components.hub.errors import HubAwayError, HubError
from components.releases.errors import ReleaseLogError
from components.releases.log import ReleaseLog
from components.releases.source import RELEASES
from components.settings.settings import resolve
from flows.alias_requests import answer_requests
from flows.canaries import tend
from flows.errors import AddressError
from flows.telling.findings import PATIENCE_S, Finding, findings
from flows.telling.of_canaries import canary_findings
from flows.telling.teller import Teller, addresses, apprise_send
from flows.triggers.cause import Cause, ask
from flows.triggers.event import emit
from flows.triggers.of_nodes import causes_of_nodes

if TYPE_CHECKING:
    from collections.abc import Sequence

    from components.hub.nodes import NodeState
    from components.releases.entry import Release
    from components.settings.settings import Settings

logger = logging.getLogger(__name__)
EVERY_S = 5.0
ALIASES_EVERY = 6
"""MLflow is asked in every sixth round."""


class Watcher:
    """Looks at nodes and log; what it read of the log is all it remembers."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._log = ReleaseLog(settings.home / RELEASES)
        self._entries: tuple[Release, ...] = ()

    def look(self, now: datetime) -> tuple[Finding, ...]:
        """Tend to the canary, then say what is wrong; what is away or damaged is a finding too."""
        try:
            states = nodes_of(self._settings)
            self._entries = self._log.entries(self._entries)
            stuck = self._tend(states, now)
            self._entries = self._log.entries(self._entries)
        except (HubAwayError, HubError) as error:
            away = Finding("hub", "the hub is away", f"{error.found}.", "joulepilot up", PATIENCE_S)
            return (away,)
        except ReleaseLogError as error:
            return (Finding("log", "the release log is damaged", f"{error.found}.", error.remedy),)
        canaries = canary_findings(self._entries, states, now)
        return (*findings(states, self._entries, now), *canaries, *stuck)

    def _tend(self, states: Sequence[NodeState], now: datetime) -> tuple[Finding, ...]:
        try:
            tend(self._settings, self._entries, states, now)
        except ReleaseLogError:
            raise
        except PermanentError as error:
            title = "a canary that is over cannot be ended"
            return (Finding(f"canary {error.asked}", title, f"{error.found}.", error.remedy),)
        return ()


def causes(settings: Settings) -> tuple[Cause, ...]:
    """What the nodes show that a retraining may mend."""
    try:
        return causes_of_nodes(settings.home, nodes_of(settings))
    except (HubAwayError, HubError):
        return ()  # told by `look`


def main() -> int:
    """Watch until SIGTERM or Ctrl-C; 1 when an address is none."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    ended = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: ended.set())
    settings = resolve({}).settings
    try:
        to = addresses(settings.notify_file)
        teller = Teller(settings.home, apprise_send(to))
    except AddressError as error:
        sys.stderr.write(f"{error.asked}\n  what is true: {error.found}\n")
        return 1
    logger.info("telling %d addresses", len(to))
    watcher = Watcher(settings)
    for round_ in itertools.count(1):
        if ended.wait(EVERY_S):
            break
        now = datetime.now(UTC)
        teller.tell(watcher.look(now), now)
        ask(settings.home, causes(settings), now, emit)
        if round_ % ALIASES_EVERY == 0:
            teller.tell_at_once(answer_requests(settings))
    return 0


if __name__ == "__main__":
    sys.exit(main())
