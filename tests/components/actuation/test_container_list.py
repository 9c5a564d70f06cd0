from __future__ import annotations

import pytest

from components.actuation.container_list import read_containers
from components.actuation.errors import HostAwayError


def _row(name: str, *, mode: str = "default", state: str = "running", **networks: object) -> object:
    return {
        "Id": f"id-{name}",
        "Names": [f"/{name}", f"/other/{name}"],
        "Image": "server:1",
        "ImageID": "sha256:3402ca",
        "Labels": None,
        "State": state,
        "HostConfig": {"NetworkMode": mode},
        "NetworkSettings": {"Networks": networks},
    }


def _address_of_first(*rows: object) -> str:
    return read_containers(list(rows))[0].address


def test_a_container_on_the_host_s_network_is_reached_on_this_host() -> None:
    assert _address_of_first(_row("web", mode="host", host={"IPAddress": ""})) == "127.0.0.1"


def test_the_first_network_with_an_address_counts() -> None:
    row = _row("web", b={"IPAddress": "10.0.0.2"}, a={"IPAddress": ""}, c={"IPAddress": "10.9.9.9"})
    assert _address_of_first(row) == "10.0.0.2"


def test_an_address_of_version_6_is_written_for_urls() -> None:
    row = _row("web", net={"IPAddress": "", "GlobalIPv6Address": "fd00::2"})
    assert _address_of_first(row) == "[fd00::2]"


def test_a_shared_network_has_the_address_of_its_owner() -> None:
    owner = _row("proxy", net={"IPAddress": "10.0.0.3"})
    assert _address_of_first(_row("web", mode="container:id-proxy"), owner) == "10.0.0.3"
    assert _address_of_first(_row("web", mode="container:id-gone")) == ""


def test_without_a_network_there_is_no_address() -> None:
    assert _address_of_first(_row("web", mode="none", none={"IPAddress": ""})) == ""


def test_paused_containers_count_and_stopping_ones_do_not() -> None:
    states = ("running", "paused", "restarting", "exited", "created", "dead", "removing")
    rows = [_row(state, state=state) for state in states]
    assert [c.name for c in read_containers(rows)] == ["running", "paused"]


@pytest.mark.parametrize("answer", [None, 3, [{}], [{"Id": "x"}], ["x"], {"message": "x"}])
def test_an_answer_of_another_shape_is_no_list(answer: object) -> None:
    with pytest.raises(HostAwayError, match="asked the Docker engine for its containers"):
        read_containers(answer)
