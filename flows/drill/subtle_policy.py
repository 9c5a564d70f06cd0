"""The subtle policy: slightly worse, past the gate as it ships, promoted and taken back by hand."""

from __future__ import annotations

from typing import TYPE_CHECKING

from components.lake.lake import Lake
from flows.drill.night import NODE, short
from flows.drill.policies import swept_surfaces, train_narrowly
from flows.releasing import champion_folder

if TYPE_CHECKING:
    from components.registry.facts import RegisteredVersion
    from flows.drill.judging import Judging
    from flows.drill.night import Night

DOSES = (80, 100, 120, 140, 160, 240)
"""Steps of training too narrowly, until it shows."""


def play(night: Night, judging: Judging) -> None:
    """Steps g and h.

    Raises:
        DrillError: one of them was not seen to happen.
    """
    version = _train(night, judging)
    night.say.heading("h", "it is promoted by hand everywhere, and rolled back by hand")
    why = "the gate says it is as good"
    promoted = night.type("promote", str(version.version), "--yes", "--why", why)
    night.took("promote to node, confirmed", promoted.seconds)
    night.require(night.runs == version.digest, f"{NODE} runs {short(night.runs)}")
    back = night.type("rollback", "--yes", "--why", "watts went up at 03:12")
    night.took("rollback to node, confirmed", back.seconds)
    shipped = champion_folder(night.settings.home).name
    night.require(night.runs == shipped, f"{NODE} runs {short(night.runs)}")


def _train(night: Night, judging: Judging) -> RegisteredVersion:
    night.say.heading("g", "a subtle one: tuned on this node alone, a little too long")
    home = night.settings.home
    surfaces = swept_surfaces(Lake(home / "lake").samples(night.lake_version))
    champion = champion_folder(home)
    for n_steps in DOSES:
        out = home / f"subtle-{n_steps}"
        train_narrowly(surfaces, champion, out, n_steps=n_steps, seed=0)
        subtle = judging.score(out)
        worse = subtle.mean_regret - judging.champion.mean_regret
        verdict = judging.verdict(subtle, data_checked=True, lake_version=night.lake_version)
        if worse > 0 and verdict.passed:
            night.say.fact(
                f"{n_steps} steps: regret {subtle.mean_regret:.2%} against "
                f"{judging.champion.mean_regret:.2%}, within noise: the gate as it ships "
                f"lets it pass, all {len(verdict.rules)} rules"
            )
            return judging.register(subtle, verdict, f"{n_steps} steps on one node")
    raise night.failed("no dose gave a policy that is slightly worse and passes")
