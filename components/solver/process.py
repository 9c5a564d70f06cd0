"""Asks the solver in its own process; whoever asks never imports it, and never waits for long."""

from __future__ import annotations

import contextlib
import select
import subprocess
import sys
from typing import TYPE_CHECKING, Self

from components.solver.errors import SolverError
from components.solver.problem import Solution, problem_to_json, solution_from_json

if TYPE_CHECKING:
    from types import TracebackType

    from components.solver.problem import Problem

GRACE_S = 5.0
"""Beyond the budget of a problem: for the process to start, and to come to an end."""


class SolverProcess:
    """One child that solves one problem after the other; started when first asked."""

    def __init__(self) -> None:
        self._child: subprocess.Popen[str] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def solve(self, problem: Problem) -> Solution:
        """Solve a problem.

        Raises:
            SolverError: the process cannot be started, died, or did not answer in time.
        """
        child = self._running()
        if child.stdin is None or child.stdout is None:
            raise _bad("its process has no pipes")
        try:
            child.stdin.write(f"{problem_to_json(problem)}\n")
            child.stdin.flush()
            ready, _, _ = select.select([child.stdout], [], [], problem.budget_s + GRACE_S)
            line = child.stdout.readline() if ready else ""
        except OSError as error:
            self.close()
            raise _bad(str(error)) from error
        if not line:
            self.close()
            raise _bad("it died" if ready else "it did not answer in time")
        try:
            return solution_from_json(line)
        except (ValueError, KeyError, TypeError) as error:
            self.close()
            raise _bad(f"its answer cannot be read: {error}") from error

    def close(self) -> None:
        """End the process."""
        child, self._child = self._child, None
        if child is None:
            return
        child.kill()
        for pipe in (child.stdin, child.stdout):
            if pipe is not None:
                with contextlib.suppress(OSError):
                    pipe.close()
        child.wait()

    def _running(self) -> subprocess.Popen[str]:
        if self._child is None or self._child.poll() is not None:
            self.close()
            try:
                self._child = subprocess.Popen(
                    [sys.executable, "-m", "components.solver"],
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.DEVNULL,
                    text=True,
                )
            except OSError as error:
                raise _bad(f"its process cannot be started: {error}") from error
        return self._child


def _bad(found: str) -> SolverError:
    return SolverError(
        "asked the solver for a joint plan",
        found,
        "nothing: the greedy plan stands; for the solver install joulepilot[pipeline]",
    )
