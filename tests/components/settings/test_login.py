"""The file that holds a name and a password."""

from pathlib import Path

import pytest

from components.settings.login import Login, read_login
from components.settings.settings import Settings, SettingsError
from flows.environment import service_environment


def test_a_login_is_read_and_its_password_is_not_shown(tmp_path: Path) -> None:
    file = tmp_path / "login"
    file.write_text("ann:s3:cret\n")
    login = read_login(file)
    assert login == Login("ann", "s3:cret")
    assert "s3" not in repr(login)
    assert read_login(None) is None


@pytest.mark.parametrize("text", ["", "s3cret", "ann:", ":s3cret", "ann:s3cret\nbob:s3cret\n"])
def test_what_is_no_login_is_refused_and_not_shown(tmp_path: Path, text: str) -> None:
    file = tmp_path / "login"
    file.write_text(text)
    with pytest.raises(SettingsError, match="USER:PASSWORD") as refused:
        read_login(file)
    assert "s3cret" not in str(refused.value)


def test_our_processes_log_in_at_servers_that_are_elsewhere(tmp_path: Path) -> None:
    file = tmp_path / "login"
    file.write_text("ann:s3cret\n")
    settings = Settings(
        home=tmp_path, prefect_host="prefect", prefect_login_file=file, mlflow_login_file=file
    )
    environment = service_environment(settings)
    assert environment["PREFECT_API_URL"] == "http://prefect:4200/api"
    assert environment["PREFECT_API_AUTH_STRING"] == "ann:s3cret"
    assert environment["MLFLOW_TRACKING_USERNAME"] == "ann"
    assert environment["JOULEPILOT_PREFECT_LOGIN_FILE"] == str(file)
    assert "PREFECT_API_AUTH_STRING" not in service_environment(Settings(home=tmp_path))
