"""The stage of demonstrations: nobody's folder is emptied, ports in use are left alone."""

from __future__ import annotations

import socket

import pytest

from components.settings.settings import resolve
from flows.demo.stage import fresh_home, stage_settings
from flows.errors import DemoError


def test_a_folder_of_someone_else_is_left_alone(tmp_path):
    (tmp_path / "thesis.tex").write_text("all of it")
    with pytest.raises(DemoError):
        fresh_home(tmp_path, "drill")
    assert (tmp_path / "thesis.tex").exists()


def test_a_folder_of_an_earlier_one_of_the_same_name_is_emptied(tmp_path):
    fresh_home(tmp_path / "home", "drill")
    (tmp_path / "home" / "old").touch()
    fresh_home(tmp_path / "home", "drill")
    assert not (tmp_path / "home" / "old").exists()
    with pytest.raises(DemoError):
        fresh_home(tmp_path / "home", "demo")


def test_a_default_port_that_is_taken_is_moved_and_one_asked_for_is_kept(tmp_path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        asked = resolve({"hub_port": port}, environment={}, file=tmp_path / "none")
        assert stage_settings(asked, "drill").hub_port == port
        by_default = type(asked)(asked.settings, {**asked.origins, "hub_port": "default"})
        assert stage_settings(by_default, "drill").hub_port != port


def test_by_default_it_plays_in_a_home_of_its_own(tmp_path):
    resolved = resolve({}, environment={}, file=tmp_path / "none")
    assert stage_settings(resolved, "drill").home.name == "joulepilot-drill"
