from pathlib import Path

import pytest

from components.settings.settings import SettingsError, resolve


def test_a_flag_wins_over_environment_over_file_over_default(tmp_path: Path) -> None:
    file = tmp_path / "joulepilot.toml"
    file.write_text("hub_port = 1001\nmlflow_port = 1002\nprefect_port = 1003\n")
    resolved = resolve(
        {"hub_port": 3001},
        environment={"JOULEPILOT_HUB_PORT": "2001", "JOULEPILOT_MLFLOW_PORT": "2002"},
        file=file,
    )
    settings = resolved.settings
    assert (settings.hub_port, settings.mlflow_port, settings.prefect_port) == (3001, 2002, 1003)
    assert resolved.origins == {
        "home": "default",
        "hub_host": "default",
        "mlflow_host": "default",
        "prefect_host": "default",
        "hub_port": "--hub-port",
        "mlflow_port": "JOULEPILOT_MLFLOW_PORT",
        "prefect_port": str(file),
        "approval": "default",
        "notify_file": "default",
        "database_file": "default",
        "hub_login_file": "default",
        "prefect_login_file": "default",
        "mlflow_login_file": "default",
    }


def test_an_approval_rule_that_does_not_exist_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="give one of off, required"):
        resolve({"approval": "perhaps"}, environment={}, file=tmp_path / "absent.toml")


def test_an_address_file_is_made_absolute(tmp_path: Path) -> None:
    resolved = resolve({"notify_file": "told"}, environment={}, file=tmp_path / "absent.toml")
    assert resolved.settings.notify_file == Path("told").absolute()


def test_an_unknown_key_is_refused_and_the_nearest_is_named(tmp_path: Path) -> None:
    file = tmp_path / "joulepilot.toml"
    file.write_text("hub_prot = 1\n")
    with pytest.raises(SettingsError, match="nearest is 'hub_port'"):
        resolve({}, environment={}, file=file)


@pytest.mark.parametrize("port", ["http", "0", "70000", ""])
def test_a_bad_port_is_refused_and_an_empty_variable_is_none(tmp_path: Path, port: str) -> None:
    environment = {"JOULEPILOT_HUB_PORT": port}
    absent = tmp_path / "absent.toml"
    if port:
        with pytest.raises(SettingsError, match="hub_port"):
            resolve({}, environment=environment, file=absent)
    else:
        assert resolve({}, environment=environment, file=absent).origins["hub_port"] == "default"


def test_a_damaged_file_is_refused_by_name(tmp_path: Path) -> None:
    file = tmp_path / "joulepilot.toml"
    file.write_text("hub_port = ")
    with pytest.raises(SettingsError, match=r"joulepilot\.toml"):
        resolve({}, environment={}, file=file)
