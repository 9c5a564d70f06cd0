"""Live data counts, at a small size: one node instead of ten, and short trainings."""

from components.policy.default_bundle import default_bundle
from components.settings.settings import Settings
from flows.live_data_experiment import mean_regret, run_experiment
from models.allocator.retrain import RetrainBudget
from models.allocator.starts import StartBudget

SMALL = RetrainBudget(
    start=StartBudget(n_steps=20, n_validation=4), n_madeup=40, n_evaluation=8, probe_steps=256
)


def test_one_retrain_halves_the_regret_on_an_ill_node_and_without_its_rows_it_does_not(tmp_path):
    rows = run_experiment(
        Settings(home=tmp_path),
        default_bundle(),
        [0],
        budget=SMALL,
        progress=lambda *_: None,
    )
    before, with_live, withheld = (
        mean_regret(rows, arm) for arm in ("champion", "with_live", "withheld")
    )
    assert before > 0.05
    assert with_live <= before / 2
    assert withheld > before / 2
