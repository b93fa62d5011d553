"""The compose file: it is valid, closed where it can be, and speaks of things that are there."""

import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from ops.stack.temporal import DYNAMIC_CONFIG
from settings import Settings
from tests.deploy.composition import COMPOSE, ROOT, composition, services, tool

# Understood by the SDK for traces, and not a setting of ours.
OF_OTHERS = {"OTEL_EXPORTER_OTLP_ENDPOINT"}

every_service = pytest.mark.parametrize("name", sorted(services()))


def ours() -> dict[str, dict[str, Any]]:
    return {name: s for name, s in services().items() if s["image"].startswith("dueline:")}


@every_service
def test_a_service_has_no_more_rights_and_no_more_room_than_it_needs(name: str) -> None:
    service = services()[name]

    assert service["cap_drop"] == ["ALL"]
    assert "no-new-privileges:true" in service["security_opt"]
    assert not service.get("privileged")
    assert not service["user"].startswith(("0", "root"))
    assert service.get("cap_add", []) == (["NET_BIND_SERVICE"] if name == "proxy" else [])
    # The Web UI writes its configuration at start.
    assert service.get("read_only", False) is (name != "temporal-ui")
    limits = service["deploy"]["resources"]["limits"]
    assert set(limits) == {"cpus", "memory", "pids"}


@every_service
def test_a_service_runs_a_version_that_is_named(name: str) -> None:
    _, _, tag = services()[name]["image"].partition(":")

    assert re.search(r"\d+\.\d+", tag), "latest is no version"


@every_service
def test_a_service_is_watched_and_started_again_unless_it_ends_by_itself(name: str) -> None:
    service = services()[name]
    ends = service["restart"].startswith("on-failure")

    assert service["restart"] in {"unless-stopped", "on-failure:5"}
    check = service.get("healthcheck", {})
    if ends or name == "relay":
        assert "test" not in check
    else:
        assert check["test"][0] == "CMD"


def test_only_the_proxy_is_published() -> None:
    published = {name for name, service in services().items() if service.get("ports")}
    outside = {name for name, service in services().items() if "outside" in service["networks"]}
    networks = composition()["networks"]

    assert published == {"proxy"}
    assert outside == {"proxy", "relay"}
    assert {name for name, net in networks.items() if not net.get("internal")} == {"outside"}


def test_each_database_is_reached_by_those_who_need_it_alone() -> None:
    def on(network: str) -> set[str]:
        return {name for name, service in services().items() if network in service["networks"]}

    assert on("data") == {"postgres", "api", "worker", "relay", "migrate"}
    assert on("engine-data") == {"temporal-postgres", "temporal", "temporal-schema"}
    assert on("engine") == {
        "temporal",
        "temporal-namespace",
        "temporal-ui",
        "api",
        "worker",
        "migrate",
    }


def test_no_secret_stands_in_a_variable() -> None:
    for name, service in services().items():
        for variable, value in (service.get("environment") or {}).items():
            if re.search(r"PASSWORD|SECRET|PWD|_KEY|TOKEN|DATABASE_URL", variable):
                assert str(value).startswith("/run/secrets"), (name, variable)


def test_the_variables_are_settings_that_exist() -> None:
    known = {f"DUELINE_{name.upper()}" for name in Settings.model_fields}
    known |= {"TEMPORAL_ADDRESS", "DATABASE_URL"} | OF_OTHERS

    for name, service in ours().items():
        assert set(service["environment"]) <= known, name


def test_each_of_our_processes_waits_for_the_migration() -> None:
    def waits_for(name: str) -> set[str]:
        first = set(services()[name].get("depends_on", {}))
        return first.union(*(waits_for(other) for other in first))

    for name in ("api", "worker", "relay", "proxy"):
        assert "migrate" in waits_for(name), name
    assert {"postgres", "temporal", "temporal-postgres"} <= waits_for("migrate")


def test_two_workers_run_and_send_no_notices() -> None:
    worker = services()["worker"]

    assert worker["deploy"]["replicas"] == 2
    assert worker["environment"]["DUELINE_RELAY_IN_WORKER"] == "false"
    assert worker["stop_grace_period"] == "40s"  # the worker itself takes up to 20 s


@every_service
def test_the_files_that_a_service_mounts_are_there(name: str) -> None:
    for volume in services()[name].get("volumes", []):
        if volume["type"] == "bind" and volume["source"] != "/":
            assert Path(volume["source"]).exists(), volume["source"]
            assert volume["read_only"]


def test_the_engine_has_the_flags_of_the_platforms_own_and_never_skips_time() -> None:
    file = YAML(typ="safe").load(COMPOSE / "temporal" / "dynamicconfig.yaml")
    flags = {name: str(values[0]["value"]).lower() for name, values in file.items()}

    assert flags == DYNAMIC_CONFIG | {"frontend.WorkflowTimeSkippingEnabled": "false"}


@pytest.mark.parametrize("script", ["prepare", "temporal/schema.sh", "temporal/namespace.sh"])
def test_the_shell_reads_each_script(script: str) -> None:
    shell = "bash" if script == "prepare" else "sh"
    ran = subprocess.run([shell, "-n", COMPOSE / script], capture_output=True, check=False)

    assert ran.returncode == 0, ran.stderr


def test_the_secrets_are_made_once_and_fit_each_other(tmp_path: Path) -> None:
    def prepare() -> str:
        ran = subprocess.run(
            [COMPOSE / "prepare"],
            env={"PATH": "/usr/bin:/bin", "SECRETS": str(tmp_path), "CADDY": tool("caddy")},
            capture_output=True,
            text=True,
            check=False,
        )
        assert ran.returncode == 0, ran.stderr
        return ran.stdout

    first = prepare()
    made = {file.name: file.read_text() for file in tmp_path.iterdir()}
    second = prepare()

    assert set(made) == set(composition()["secrets"])
    assert {file.name: file.read_text() for file in tmp_path.iterdir()} == made
    assert made["database_password"].strip() in made["database_url"]
    assert "password" in first
    assert "password" not in second
    assert tmp_path.stat().st_mode & 0o777 == 0o700
    assert {file.stat().st_mode & 0o777 for file in tmp_path.iterdir()} == {0o444}


def test_hadolint_finds_nothing_in_the_image() -> None:
    ran = subprocess.run(
        [tool("hadolint"), str(ROOT / "deploy" / "Dockerfile")],
        capture_output=True,
        text=True,
        check=False,
    )

    assert ran.returncode == 0, ran.stdout
