"""The solver's process: a problem a line in, a solution a line out, until its input ends."""

from __future__ import annotations

import sys

from components.solver.milp import solve
from components.solver.problem import problem_from_json, solution_to_json


def main() -> int:
    """Answer until nobody asks any more."""
    for line in sys.stdin:
        sys.stdout.write(f"{solution_to_json(solve(problem_from_json(line)))}\n")
        sys.stdout.flush()
    return 0


if __name__ == "__main__":
    sys.exit(main())
