"""Secrets come from files, and stay where they are."""

from pathlib import Path

import pytest

from ops.cli import run
from settings import Settings
from tests.stack.conftest import is_one_sentence

PASSWORD = "hunter2-of-the-database"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A mounted folder of secrets, as Compose, Kubernetes and systemd lay it."""
    for name in ("DATABASE_URL", "DUELINE_DATABASE_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("DUELINE_SECRETS_DIR", str(tmp_path))
    monkeypatch.setenv("TEMPORAL_ADDRESS", "temporal:7233")
    (tmp_path / "database_url").write_text(f"postgresql://dueline:{PASSWORD}@db/dueline\n")
    (tmp_path / "dueline_temporal_api_key").write_text("key-of-the-engine\n")
    return tmp_path


def test_each_file_is_the_setting_of_its_name(folder: Path) -> None:
    settings = Settings()

    assert settings.database_url == f"postgresql+asyncpg://dueline:{PASSWORD}@db/dueline"
    assert settings.temporal_api_key == "key-of-the-engine"


def test_the_environment_goes_before_a_file(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://h/d")

    assert Settings().database_url == "postgresql+asyncpg://h/d"


def test_no_secret_is_in_what_settings_print(folder: Path) -> None:
    shown = repr(Settings()) + str(Settings())

    assert PASSWORD not in shown
    assert "key-of-the-engine" not in shown


def test_a_wrong_secret_is_refused_without_being_shown(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "database_url").write_text(f"mysql://root:{PASSWORD}@db/dueline")

    code = run(["worker"])

    complaint = capsys.readouterr().err.strip()
    assert code == 2
    assert complaint.startswith("DATABASE_URL ")
    assert PASSWORD not in complaint


def test_a_database_that_is_away_is_named_without_its_password(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "database_url").write_text(f"postgresql://dueline:{PASSWORD}@127.0.0.1:1/dueline")

    code = run(["relay"])

    complaint = capsys.readouterr().err.strip()
    assert code == 1
    assert "127.0.0.1:1/dueline" in complaint
    assert PASSWORD not in complaint
    assert is_one_sentence(complaint)


def test_a_folder_that_is_not_mounted_is_named(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("DUELINE_SECRETS_DIR", str(folder / "away"))

    code = run(["worker"])

    assert code == 2
    complaint = capsys.readouterr().err
    assert complaint.startswith("DUELINE_SECRETS_DIR ")
    assert "mount the secrets" in complaint
