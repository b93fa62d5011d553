"""The units: read strictly, compared with Compose, and the engine's command line run."""

import asyncio
import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest
from temporalio.api.workflowservice.v1 import DescribeNamespaceRequest
from temporalio.client import Client

from ops.stack import StackError
from ops.stack.namespace import connect
from ops.stack.preflight import free_port
from ops.stack.temporal import EmbeddedTemporal
from settings import Settings
from tests.deploy.composition import DEPLOY, services
from worker import GRACE

UNITS = DEPLOY / "systemd"
SERVICES = sorted(file.name for file in UNITS.glob("*.service"))
START_SECONDS = 60.0
EXPOSURE_MAX = 20  # of 100; systemd calls up to 20 "OK"

HARDENED = {
    "NoNewPrivileges": "yes",
    "ProtectSystem": "strict",
    "ProtectHome": "yes",
    "PrivateTmp": "yes",
    "PrivateDevices": "yes",
    "CapabilityBoundingSet": "",
    "RestrictNamespaces": "yes",
    "LockPersonality": "yes",
    "UMask": "0077",
}
# What may stand in which section. A word that systemd does not know it merely logs.
KNOWN = {
    "Unit": {"Description", "Requires", "Wants", "After", "PartOf"},
    "Install": {"WantedBy", "DefaultInstance"},
    "Service": {
        *HARDENED,
        "DynamicUser",
        "Environment",
        "EnvironmentFile",
        "ExecStart",
        "Group",
        "LoadCredential",
        "MemoryMax",
        "ProcSubset",
        "ProtectClock",
        "ProtectControlGroups",
        "ProtectHostname",
        "ProtectKernelLogs",
        "ProtectKernelModules",
        "ProtectKernelTunables",
        "ProtectProc",
        "RemainAfterExit",
        "Restart",
        "RestartSec",
        "RestrictAddressFamilies",
        "RestrictRealtime",
        "RestrictSUIDSGID",
        "StateDirectory",
        "StateDirectoryMode",
        "SystemCallArchitectures",
        "SystemCallFilter",
        "TasksMax",
        "TimeoutStartSec",
        "TimeoutStopSec",
        "Type",
        "User",
    },
}
REPEATED = {"Environment", "ExecStart", "LoadCredential", "SystemCallFilter"}

Unit = dict[str, dict[str, list[str]]]


def unit(name: str) -> Unit:
    """A unit's values by section and key. Refuses what is no line of a unit."""
    found: Unit = {}
    section = ""
    for line in (UNITS / name).read_text().replace("\\\n", " ").splitlines():
        if not line or line.startswith("#"):
            continue
        if line.startswith("["):
            section = line.strip("[]")
            assert section not in found, f"{name}: [{section}] twice"
            found[section] = {}
            continue
        key, equals, value = line.partition("=")
        assert equals, f"{name}: {line}"
        assert key in KNOWN[section], f"{name}: [{section}] {key}"
        found[section].setdefault(key, []).append(value)
    return found


def commands(name: str) -> list[list[str]]:
    return [shlex.split(line) for line in unit(name)["Service"]["ExecStart"]]


def environment(name: str) -> dict[str, str]:
    pairs = [word for line in unit(name)["Service"].get("Environment", []) for word in line.split()]
    return dict(pair.split("=", 1) for pair in pairs)


def component(name: str) -> str:
    return name.removeprefix("dueline-").removesuffix(".service").removesuffix("@")


OURS = [name for name in SERVICES if name.startswith("dueline-")]


@pytest.mark.parametrize("name", SERVICES)
def test_a_unit_says_everything_once_and_has_no_more_rights_than_it_needs(name: str) -> None:
    service = unit(name)["Service"]

    for key, values in service.items():
        assert len(values) == 1 or key in REPEATED, key
    for key, value in HARDENED.items():
        assert service[key] == [value], key
    assert service.get("User", ["dueline"]) == ["dueline"]
    assert ("User" in service) != ("DynamicUser" in service)
    assert service["Restart"] == [("on-failure" if name == "dueline-migrate.service" else "always")]
    assert "MemoryMax" in service


@pytest.mark.parametrize("name", OURS)
def test_a_unit_starts_what_compose_starts(name: str) -> None:
    inside = services()[component(name)]
    common = {line.split("=")[0] for line in (UNITS / "dueline.env").read_text().splitlines()}

    assert commands(name)[0] == ["/opt/dueline/bin/dueline", *inside["command"]]
    # The engine's namespace and the traces stay as they come.
    wanted = set(inside["environment"]) - {"DUELINE_TEMPORAL_NAMESPACE"}
    assert wanted - {"OTEL_EXPORTER_OTLP_ENDPOINT"} <= set(environment(name)) | common


@pytest.mark.parametrize("name", OURS)
def test_secrets_come_as_credentials_and_in_no_variable(name: str) -> None:
    service = unit(name)["Service"]

    signs = {"dueline-api.service", "dueline-relay.service"}
    names = ["database_url", "dueline_webhook_key"] if name in signs else ["database_url"]
    assert service["LoadCredential"] == [f"{one}:/etc/dueline/secrets/{one}" for one in names]
    assert environment(name)["DUELINE_SECRETS_DIR"] == "%d"
    assert "DATABASE_URL" not in environment(name)


def test_the_variables_are_settings_that_exist() -> None:
    known = {f"DUELINE_{name.upper()}" for name in Settings.model_fields}
    known |= {"TEMPORAL_ADDRESS"}
    lines = (UNITS / "dueline.env").read_text().splitlines()
    common = {line.split("=")[0] for line in lines if line and not line.startswith("#")}

    for name in OURS:
        assert set(environment(name)) | common <= known, name


def test_everything_waits_for_the_migration_and_belongs_to_the_target() -> None:
    for name in OURS:
        head = unit(name)["Unit"]
        assert head["PartOf"] == ["dueline.target"]
        if name != "dueline-migrate.service":
            assert head["Requires"] == head["After"] == ["dueline-migrate.service"]
    assert "temporal.service" in unit("dueline-migrate.service")["Unit"]["After"][0]


def test_the_worker_has_longer_to_leave_than_it_takes() -> None:
    [seconds] = unit("dueline-worker@.service")["Service"]["TimeoutStopSec"]

    assert int(seconds) > GRACE.total_seconds()


def test_systemd_agrees_where_it_is_installed(tmp_path: Path) -> None:
    for file in [*UNITS.glob("*.service"), *UNITS.glob("*.target")]:
        # The programs are not installed where the tests run.
        text = file.read_text().replace("/opt/dueline/bin/dueline", sys.executable)
        text = text.replace("/opt/dueline/bin/temporal", sys.executable)
        (tmp_path / file.name.replace("@.", "@1.")).write_text(text)
    laid = sorted(str(file) for file in tmp_path.iterdir())
    assert len(laid) == len(SERVICES) + 1

    if analyze := shutil.which("systemd-analyze"):  # a tool of the machine; no package brings it
        verified = subprocess.run(
            [analyze, "verify", *laid], capture_output=True, text=True, check=False
        )
        assert (verified.returncode, verified.stderr) == (0, "")
        for placed in laid:
            if placed.endswith(".service"):
                judged = subprocess.run(
                    [
                        analyze,
                        "security",
                        "--offline=true",
                        f"--threshold={EXPOSURE_MAX}",
                        placed,
                    ],
                    capture_output=True,
                    text=True,
                    check=False,
                )
                assert judged.returncode == 0, judged.stdout


def test_the_engine_runs_as_the_platforms_own_but_safer() -> None:
    [command] = commands("temporal.service")
    own = EmbeddedTemporal(7233, 8233, Path("%S/temporal"), {}, 90)._command(Path("/x"))

    def pairs(words: list[str]) -> set[str]:
        followed = zip(words, [*words[1:], "--"], strict=True)
        return {f"{a} {b}" if b[:2] != "--" else a for a, b in followed if a[:2] == "--"}

    assert pairs(own) - pairs(command) == {
        "--sqlite-pragma synchronous=1",
        "--dynamic-config-value frontend.WorkflowTimeSkippingEnabled=true",
    }
    assert pairs(command) - pairs(own) == {
        "--sqlite-pragma synchronous=2",
        "--dynamic-config-value frontend.WorkflowTimeSkippingEnabled=false",
        "--metrics-port 9234",
    }


@pytest.fixture
async def engine(tmp_path: Path) -> AsyncIterator[tuple[Client, str]]:
    """The engine by its unit's own line, on free ports."""
    (tmp_path / "temporal").mkdir()
    [command] = commands("temporal.service")
    ports = {number: str(free_port()) for number in ("7233", "8233", "9234")}
    words = [ports.get(word, word).replace("%S", str(tmp_path)) for word in command[1:]]
    program = str(Path(sys.executable).with_name("temporal"))
    with (tmp_path / "log").open("wb") as log:
        process = await asyncio.create_subprocess_exec(program, *words, stdout=log, stderr=log)
    address = f"127.0.0.1:{ports['7233']}"
    try:
        yield await answering(address), address
    finally:
        process.terminate()
        await process.wait()


async def answering(address: str) -> Client:
    give_up_at = time.monotonic() + START_SECONDS
    while True:
        try:
            return await connect(address, "default")
        except StackError:
            if time.monotonic() > give_up_at:
                raise
        await asyncio.sleep(0.1)


async def test_the_engine_starts_and_keeps_closed_orders_for_a_quarter(
    engine: tuple[Client, str],
) -> None:
    client, address = engine
    _, command = commands("dueline-migrate.service")
    words = [address if word == "127.0.0.1:7233" else word for word in command[1:]]
    program = str(Path(sys.executable).with_name("temporal"))

    update = await asyncio.create_subprocess_exec(
        program, *words, stdout=asyncio.subprocess.DEVNULL
    )
    assert await update.wait() == 0

    described = await client.workflow_service.describe_namespace(
        DescribeNamespaceRequest(namespace="default")
    )
    kept = described.config.workflow_execution_retention_ttl.ToTimedelta()
    assert kept == timedelta(days=Settings().retention_days)
