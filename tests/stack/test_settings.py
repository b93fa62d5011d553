"""How settings are read."""

import pytest

from ops.cli import run
from settings import Settings, sqlalchemy_url
from tests.stack.conftest import is_one_sentence


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("postgres://u:p@h:5432/d", "postgresql+asyncpg://u:p@h:5432/d"),
        ("postgresql://h/d?sslmode=require", "postgresql+asyncpg://h/d?ssl=require"),
        ("postgresql+asyncpg://u@/d?host=/run/pg", "postgresql+asyncpg://u@/d?host=/run/pg"),
    ],
)
def test_a_database_url_is_understood_as_people_write_it(written: str, meant: str) -> None:
    assert sqlalchemy_url(written) == meant


def test_another_database_is_refused() -> None:
    with pytest.raises(ValueError, match="must begin with postgresql://"):
        sqlalchemy_url("mysql://h/d")


def test_two_names_come_without_prefix(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://h/d")
    monkeypatch.setenv("TEMPORAL_ADDRESS", "t:7233")
    monkeypatch.setenv("DUELINE_API_PORT", "8080")

    settings = Settings()

    assert settings.database_url == "postgresql+asyncpg://h/d"
    assert (settings.temporal_address, settings.api_port) == ("t:7233", 8080)


def test_a_setting_that_cannot_be_read_gets_one_sentence_and_exit_code_2(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("DUELINE_API_PORT", "eighty")

    code = run(["up"])

    assert code == 2
    complaint = capsys.readouterr().err.strip()
    assert complaint.startswith("DUELINE_API_PORT ")
    assert is_one_sentence(complaint)
