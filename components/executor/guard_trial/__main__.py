"""`python -m components.executor.guard_trial`: hostile policies behind the guard, as a table."""

from __future__ import annotations

import argparse
import logging
import sys
from typing import TYPE_CHECKING

from components.executor.guard_trial.field import KINDS, try_all
from components.executor.guard_trial.table import CHOICE_WITHIN_S, KEPT_SAVING, to_text

if TYPE_CHECKING:
    from collections.abc import Sequence


def main(argv: Sequence[str] | None = None) -> int:
    """Try them; 0 only when the guard holds what it promises."""
    parser = argparse.ArgumentParser(prog="guard_trial", description=main.__doc__)
    parser.add_argument("--windows", type=int, default=10_000, help="of each policy (%(default)s)")
    parser.add_argument("--nodes", type=int, default=5, help="they are spread over (%(default)s)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--policy", choices=KINDS, action="append", help="only these")
    arguments = parser.parse_args(argv)
    result = try_all(
        arguments.windows, arguments.nodes, arguments.seed, arguments.policy or KINDS, _say
    )
    _say(to_text(result.rows))
    if result.kept_saving is not None:
        _say(
            f"the real policy keeps {result.kept_saving:.1%} of the saving it has without a guard "
            f"(at least {KEPT_SAVING:.0%}); on the reference node its choice was in force after "
            f"{result.reference_choice_s or float('nan'):.0f} s (at most {CHOICE_WITHIN_S:.0f})"
        )
    return 0 if result.holds else 1


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    logging.disable(logging.WARNING)  # ten thousand windows of hostile policies have much to say
    sys.exit(main())
