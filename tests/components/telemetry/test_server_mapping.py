"""Pages of servers nobody here wrote; that of MLServer 1.7 was copied from one that ran."""

from __future__ import annotations

import pytest

from components.jobs.settings import KEYS
from components.jobs.target import Statistic, Target
from components.telemetry.errors import MeterError, ReadingError
from components.telemetry.prometheus import parse_page
from components.telemetry.resolution import bucket_around, check_resolution
from components.telemetry.server_mapping import MAPPINGS, MLSERVER, TRITON, VLLM, mapping_of
from components.telemetry.window import LatencyWindow

_REST = 'app_name="mlserver",method="POST",path="/v2/models/{model_name}/infer"'
MLSERVER_PAGE = f"""\
# TYPE model_infer_request_duration summary
model_infer_request_duration_count{{model="forest",version="None"}} 4.0
model_infer_request_duration_sum{{model="forest",version="None"}} 0.0068
# TYPE rest_server_requests_total counter
rest_server_requests_total{{{_REST},status_code="200"}} 4.0
rest_server_requests_total{{{_REST},status_code="422"}} 2.0
rest_server_requests_total{{method="GET",path="/v2/health/ready",status_code="200"}} 9.0
# TYPE rest_server_request_duration_seconds histogram
rest_server_request_duration_seconds_bucket{{{_REST},le="0.005",status_code="200"}} 2.0
rest_server_request_duration_seconds_bucket{{{_REST},le="0.01",status_code="200"}} 3.0
rest_server_request_duration_seconds_bucket{{{_REST},le="0.025",status_code="200"}} 4.0
rest_server_request_duration_seconds_bucket{{{_REST},le="+Inf",status_code="200"}} 4.0
rest_server_request_duration_seconds_count{{{_REST},status_code="200"}} 4.0
rest_server_request_duration_seconds_sum{{{_REST},status_code="200"}} 0.028
rest_server_request_duration_seconds_bucket{{{_REST},le="+Inf",status_code="422"}} 2.0
rest_server_request_duration_seconds_count{{{_REST},status_code="422"}} 2.0
rest_server_request_duration_seconds_sum{{{_REST},status_code="422"}} 9.0
"""
TRITON_PAGE = """\
# TYPE nv_inference_request_success counter
nv_inference_request_success{model="resnet",version="1"} 100
nv_inference_request_success{model="resnet",version="2"} 20
nv_inference_request_failure{model="resnet",reason="OTHER",version="1"} 3
nv_inference_request_failure{model="resnet",reason="REJECTED",version="2"} 1
nv_inference_count{model="resnet",version="1"} 800
nv_inference_count{model="resnet",version="2"} 160
nv_inference_request_duration_us{model="resnet",version="1"} 600000
nv_inference_request_duration_us{model="resnet",version="2"} 120000
"""
VLLM_PAGE = """\
# TYPE vllm:e2e_request_latency_seconds histogram
vllm:e2e_request_latency_seconds_bucket{engine="0",le="0.3",model_name="m"} 1.0
vllm:e2e_request_latency_seconds_bucket{engine="1",le="0.3",model_name="m"} 2.0
vllm:e2e_request_latency_seconds_bucket{engine="0",le="+Inf",model_name="m"} 4.0
vllm:e2e_request_latency_seconds_bucket{engine="1",le="+Inf",model_name="m"} 3.0
vllm:e2e_request_latency_seconds_count{engine="0",model_name="m"} 4.0
vllm:e2e_request_latency_seconds_count{engine="1",model_name="m"} 3.0
vllm:e2e_request_latency_seconds_sum{engine="0",model_name="m"} 5.0
vllm:e2e_request_latency_seconds_sum{engine="1",model_name="m"} 2.0
"""


def test_mlserver_counts_answered_requests_and_what_arrived() -> None:
    snapshot = parse_page(MLSERVER_PAGE, mapping=MLSERVER)
    assert snapshot.bounds_s == (0.005, 0.01, 0.025)
    assert snapshot.counts == (2, 1, 1, 0)
    assert (snapshot.n_requests, snapshot.n_images, snapshot.n_received) == (4, 4, 6)
    assert snapshot.sum_s == pytest.approx(0.028)


def test_mlserver_before_its_first_request_is_no_error_for_good() -> None:
    declared = "\n".join(line for line in MLSERVER_PAGE.splitlines() if line.startswith("#"))
    for page in (declared, "up 1\n"):  # version 1.7.1 does not even declare them before
        with pytest.raises(ReadingError, match="no request was answered yet"):
            parse_page(page, mapping=MLSERVER)


def test_triton_tells_a_mean_over_all_versions_and_counts_images() -> None:
    snapshot = parse_page(TRITON_PAGE, mapping=TRITON)
    assert (snapshot.n_requests, snapshot.n_images, snapshot.n_received) == (120, 960, 124)
    assert snapshot.sum_s == pytest.approx(0.72)
    zero = parse_page(_zeroed(TRITON_PAGE), mapping=TRITON)
    window = LatencyWindow.between(zero, snapshot, 10.0)
    assert window.mean_ms == pytest.approx(6.0)
    assert window.quantile_ms(0.95) is None
    assert window.quantile_between_ms(0.95) is None


def test_engines_of_vllm_are_added_up() -> None:
    snapshot = parse_page(VLLM_PAGE, mapping=VLLM)
    assert snapshot.counts == (3, 4)
    assert snapshot.sum_s == pytest.approx(7.0)


def test_several_models_of_a_page_have_to_be_told_apart() -> None:
    other = TRITON_PAGE + TRITON_PAGE.replace("resnet", "bert")
    with pytest.raises(MeterError, match="serves the models bert, resnet"):
        parse_page(other, mapping=TRITON)


def test_every_declared_server_can_be_named_by_a_job() -> None:
    for name, mapping in MAPPINGS.items():
        text = f"{name}:8082/metrics"
        assert KEYS["metrics"].read(text) == text
        assert mapping_of(text) == (mapping, "8082/metrics")
    with pytest.raises(ValueError, match="not built as"):
        KEYS["metrics"].read("torchserve:8082/metrics")


def test_buckets_too_wide_for_a_quantile_target_are_refused_in_words() -> None:
    bounds_s = parse_page(MLSERVER_PAGE, mapping=MLSERVER).bounds_s
    with pytest.raises(MeterError, match="buckets 5 to 10 ms cannot judge a 7 ms target"):
        check_resolution(bounds_s, Target(7.0, Statistic.P95), "it")
    with pytest.raises(MeterError, match="buckets up to 25 ms cannot judge a 30 ms target"):
        check_resolution(bounds_s, Target(30.0, Statistic.P99), "it")
    with pytest.raises(MeterError, match="no histogram"):
        check_resolution((), Target(7.0, Statistic.P95), "it")


def test_a_target_at_a_bound_or_of_the_mean_or_among_fine_buckets_is_judged() -> None:
    bounds_s = (0.005, 0.01, 0.025)
    check_resolution(bounds_s, Target(10.0, Statistic.P95), "it")
    check_resolution(bounds_s, Target(7.0), "it")
    check_resolution((), Target(7.0), "it")
    check_resolution((0.0065, 0.0075), Target(7.0, Statistic.P95), "it")
    assert bucket_around((1.0, 2.0), 2.0) is None
    assert bucket_around((1.0, 2.0), 0.5) == (0.0, 1.0)


def test_a_quantile_says_how_far_it_may_be_off_and_is_not_told_from_a_wide_bucket() -> None:
    before = parse_page(_zeroed(MLSERVER_PAGE), mapping=MLSERVER)
    window = LatencyWindow.between(before, parse_page(MLSERVER_PAGE, mapping=MLSERVER), 1.0)
    assert window.quantile_between_ms(0.7) == (5.0, 10.0)
    assert window.quantile_ms(0.7) == pytest.approx(9.0)
    assert window.told_quantile_ms(0.7) is None


def _zeroed(page: str) -> str:
    lines = page.splitlines()
    return "\n".join(
        line if line.startswith("#") else f"{line.rpartition(' ')[0]} 0" for line in lines
    )
