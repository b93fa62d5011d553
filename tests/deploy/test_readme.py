"""deploy/README.md: what it names is there."""

import re

import pytest

from ops.cli import run
from tests.deploy.composition import DEPLOY, ROOT, services

TEXT = (DEPLOY / "README.md").read_text()


def test_every_link_leads_somewhere() -> None:
    links = set(re.findall(r"\]\(([^)#]+)\)", TEXT))

    assert links
    for link in links:
        assert (DEPLOY / link).exists(), link


def test_every_file_of_the_commands_is_there() -> None:
    named = set(re.findall(r"(?<![\w/])deploy/[\w./@-]+\w", TEXT))

    assert named
    for path in named - {"deploy/orders-api"}:  # a Deployment, as kubectl names it
        assert (ROOT / path).exists(), path


def test_every_unit_and_service_of_the_commands_is_there() -> None:
    [enabled] = re.findall(r"systemctl enable --now (.+)", TEXT)
    for name in enabled.split():
        file = re.sub(r"@\d+$", "@", name)
        file = file if file.endswith(".target") else f"{file}.service"
        assert (DEPLOY / "systemd" / file).exists(), name

    for name in re.findall(r"docker compose run --rm --no-deps (?:-v \S+ )?(\w+) ", TEXT):
        assert name in services()


@pytest.mark.parametrize(
    "command", sorted(set(re.findall(r"dueline (?:keys \w+|api|worker|relay|migrate)\b", TEXT)))
)
def test_every_command_is_one(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run([*command.split()[1:], "--help"]) == 0
    assert command in capsys.readouterr().out
