"""One small device classifier, trained once and bundled as the flow would."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from components.madeup.devices.roofline_host import RooflineHost
from components.madeup.devices.table import write_device_table
from components.policy.device_bundle import load_device_classifier
from components.policy.device_predictor import DevicePredictor
from models.device_classifier.bundling import Origins, bundle_devices
from models.device_classifier.bundling_scores import cases_of, without_held_out
from models.device_classifier.choose_host import host_of_bundle
from models.device_classifier.table_file import read_table
from models.device_classifier.training import train

if TYPE_CHECKING:
    from pathlib import Path

    from components.policy.device_bundle import DeviceClassifier
    from models.device_classifier.bundling_scores import DeviceCases
    from models.device_classifier.choose_question import HostKnown
    from models.device_classifier.table import DeviceTable

THREADS = (1, 8)


@pytest.fixture(scope="session")
def table(tmp_path_factory: pytest.TempPathFactory) -> DeviceTable:
    host = RooflineHost(0, THREADS)
    return read_table(
        write_device_table(host, tmp_path_factory.mktemp("table"), seed=0, n_rows=150)
    )


@pytest.fixture(scope="session")
def cases(table: DeviceTable) -> DeviceCases:
    return cases_of(table)


@pytest.fixture(scope="session")
def folder(table: DeviceTable, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("bundle") / "devices"
    trained = train(without_held_out(table))
    bundle_devices(trained, out, Origins(table=table.name, metrics={"regret_mean": 0.1}))
    return out


@pytest.fixture(scope="session")
def host(folder: Path) -> HostKnown:
    return host_of_bundle(folder)


@pytest.fixture(scope="session")
def predictor(classifier: DeviceClassifier) -> DevicePredictor:
    return DevicePredictor(classifier.brain)


@pytest.fixture(scope="session")
def classifier(folder: Path) -> DeviceClassifier:
    return load_device_classifier(folder)
