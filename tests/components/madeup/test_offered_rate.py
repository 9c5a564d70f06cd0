"""The load of a made-up job, said by a file."""

from __future__ import annotations

import pytest

from components.madeup.node import reference_node
from components.madeup.offered_rate import SUFFIX, following_offers, offer


@pytest.fixture
def node(tmp_path):
    return reference_node(tmp_path / "node", noise=0.0)


def test_a_job_is_offered_what_the_file_says_once_its_server_is_read(node, tmp_path):
    page = following_offers(node, tmp_path)(node.container("resnet"), None)
    page.read()
    before_ms = node.true_latency_ms("resnet")

    offer(tmp_path, "resnet", 75.0)
    assert node.true_latency_ms("resnet") == before_ms
    page.read()

    assert node.true_latency_ms("resnet") > 1.1 * before_ms


@pytest.mark.parametrize("text", ["much", "-3", "0"])
def test_a_load_that_is_none_changes_nothing_and_is_said(node, tmp_path, caplog, text):
    page = following_offers(node, tmp_path)(node.container("resnet"), None)
    before_ms = node.true_latency_ms("resnet")
    (tmp_path / f"resnet{SUFFIX}").write_text(text)

    page.read()
    page.read()

    assert node.true_latency_ms("resnet") == before_ms
    assert len(caplog.records) == 1
