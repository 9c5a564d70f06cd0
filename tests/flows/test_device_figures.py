"""What a device classifier is drawn beside in MLflow: the best device of each case."""

from __future__ import annotations

from pathlib import Path

from models.device_classifier.bundling_scores import best_devices, cases_of, score_static
from models.device_classifier.table_file import read_table

TABLE = Path("models/device_classifier/tables/simulated-roofline-0-network-200.csv")


def test_the_best_device_of_a_case_is_met_by_no_cheaper_one() -> None:
    cases = cases_of(read_table(TABLE))
    best = best_devices(cases)
    assert len(best) == len(cases.rows)
    costs, latency_ms = cases.costs(cases.objective), cases.costs("latency")
    for i, device in enumerate(best):
        column = cases.table.devices.index(device)
        assert latency_ms[i, column] <= cases.targets_ms[i]
        cheaper = costs[i] < costs[i, column]
        assert (latency_ms[i][cheaper] > cases.targets_ms[i]).all()
    always = score_static(cases)
    assert sum(not case.violated and case.regret <= 0 for case in always.cases) < len(best)
