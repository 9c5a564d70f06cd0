"""Sets the CPUs' frequencies as the administrator wishes; jobs are searched for anew then."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from components.actuation.journal import RestoreReport
from components.errors import JoulepilotError
from components.node.frequency import FrequencyWish

if TYPE_CHECKING:
    from components.actuation.frequency import Frequencies
    from components.executor.loop import Executor

log = logging.getLogger(__name__)

NOTHING = FrequencyWish()


class FrequencyDesk:
    """One for the node; what someone else sets afterwards stays, and is a line of health."""

    def __init__(self, frequencies: Frequencies | None) -> None:
        """Take who sets; None: nothing is ever set."""
        self._frequencies = frequencies
        self._wish = NOTHING
        self._trouble: tuple[str, ...] = ()

    @property
    def health(self) -> tuple[str, ...]:
        """What is wrong, a line each."""
        kept = () if self._frequencies is None else self._frequencies.health
        return (*kept, *self._trouble)

    def keep_to(self, wish: FrequencyWish, executor: Executor) -> None:
        """Bring into force what is newly wished for; what cannot be is tried once.

        Before, all jobs get back what they had: at fewer MHz their CPUs may be too few, and what
        was measured at another frequency says nothing of this one.
        """
        if self._frequencies is None:
            return
        try:
            if wish != self._wish:
                self._change(wish, executor, self._frequencies)
            elif not self._trouble:
                self._trouble = self._frequencies.adopt_foreign(wish)
        except JoulepilotError as error:
            self._trouble = (str(error),)
            log.warning("frequencies: %s", error)

    def restore_all(self, report: RestoreReport) -> RestoreReport:
        """Put frequencies back, and add what became of them to the report on CPUs.

        Raises:
            JournalError: the journal could not be written.
        """
        if self._frequencies is None:
            return report
        self._wish, self._trouble = NOTHING, ()
        return RestoreReport((*report.containers, *self._frequencies.restore_all()))

    def _change(self, wish: FrequencyWish, executor: Executor, frequencies: Frequencies) -> None:
        executor.restore_all()
        self._wish = wish
        try:
            frequencies.set(wish)
            log.info("frequencies: %s", wish)
        except JoulepilotError:
            frequencies.restore_all()
            raise
        finally:
            executor.fingerprint.changed_by_us()
            for run in executor.runs:
                executor.roster.rethink(run)
            if executor.joint is not None:
                executor.joint.forget()
