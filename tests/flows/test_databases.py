"""The file that names a team's PostgreSQL."""

from pathlib import Path

import pytest

from components.settings.settings import Settings
from flows.databases import Databases, databases
from flows.errors import DatabaseError


def of(tmp_path: Path, text: str) -> Databases | None:
    file = tmp_path / "database"
    file.write_text(text)
    return databases(Settings(home=tmp_path, database_file=file))


def test_one_address_names_both_databases(tmp_path: Path) -> None:
    found = of(tmp_path, "postgresql://ann:s3cret@db.example:5433\n")
    assert found is not None
    assert found.prefect == "postgresql+asyncpg://ann:s3cret@db.example:5433/joulepilot_prefect"
    assert found.mlflow == "postgresql+psycopg2://ann:s3cret@db.example:5433/joulepilot_mlflow"


def test_without_a_file_there_is_no_database(tmp_path: Path) -> None:
    assert databases(Settings(home=tmp_path)) is None


@pytest.mark.parametrize(
    "text",
    [
        "",
        "mysql://s3cret@h",
        "postgresql://s3cret@h/one",
        "postgresql://",
        "postgresql://s3cret@h x",
    ],
)
def test_what_is_no_server_is_refused_and_no_password_is_shown(tmp_path: Path, text: str) -> None:
    with pytest.raises(DatabaseError) as refused:
        of(tmp_path, text)
    assert "s3cret" not in str(refused.value)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(DatabaseError, match="cannot be read"):
        databases(Settings(home=tmp_path, database_file=tmp_path / "absent"))
