"""`python -m tests.deploy.record_metrics` records which metrics a server and a worker serve.

Run it after an upgrade of either. Rules and dashboards are checked against the list.
"""

import asyncio
import contextlib
import os
import re
import shutil
import tempfile
from datetime import timedelta
from pathlib import Path

import httpx
from temporalio import activity, workflow
from temporalio.client import Client
from temporalio.runtime import PrometheusConfig, Runtime, TelemetryConfig
from temporalio.worker import UnsandboxedWorkflowRunner, Worker

from ops.stack.preflight import free_port
from ops.stack.temporal import find_temporal

LIST = Path(__file__).with_name("temporal_metrics.txt")
WORKFLOWS = 30
BACKLOG_SECONDS = 75  # the server tells the age of a backlog once a minute
WORK_SECONDS = 25
CONNECT_TRIES = 100

HEADER = """# Names and kinds of the metrics of Temporal's server and of the SDK's worker.
# Recorded with `.venv/bin/python -m tests.deploy.record_metrics`.
"""


@activity.defn
async def second_try() -> None:
    if activity.info().attempt == 1:
        raise RuntimeError("once")


@workflow.defn
class Sample:
    @workflow.run
    async def run(self, broken: bool) -> None:
        if broken and not workflow.unsafe.is_replaying():
            raise RuntimeError("always")
        await workflow.execute_activity(second_try, start_to_close_timeout=timedelta(seconds=5))


async def record(folder: Path) -> str:
    """Lets a backlog grow, works it off, and returns what both sides served."""
    port, server_port, worker_port = free_port(), free_port(), free_port()
    command = ["server", "start-dev", "--headless", "--port", str(port), "--log-level", "error"]
    command += ["--metrics-port", str(server_port), "--db-filename", str(folder / "temporal.db")]
    server = await asyncio.create_subprocess_exec(str(find_temporal()), *command)
    try:
        # As `telemetry/metrics.py` sets it.
        metrics = PrometheusConfig(
            bind_address=f"127.0.0.1:{worker_port}",
            counters_total_suffix=True,
            unit_suffix=True,
            durations_as_seconds=True,
        )
        client = await connected(port, Runtime(telemetry=TelemetryConfig(metrics=metrics)))
        for number in range(WORKFLOWS):
            broken = number % 5 == 0
            await client.start_workflow(Sample.run, broken, id=f"s{number}", task_queue="q")
        await asyncio.sleep(BACKLOG_SECONDS)
        pages = [await page(server_port)]
        async with Worker(
            client,
            task_queue="q",
            workflows=[Sample],
            activities=[second_try],
            workflow_runner=UnsandboxedWorkflowRunner(),
            max_cached_workflows=5,
        ):
            await asyncio.sleep(WORK_SECONDS)
            pages += [await page(server_port), await page(worker_port)]
    finally:
        server.terminate()
        await server.wait()
    kinds = re.findall(r"^# TYPE (\S+) (\S+)$", "\n".join(pages), re.MULTILINE)
    return HEADER + "".join(f"{name} {kind}\n" for name, kind in sorted(set(kinds)))


async def connected(port: int, runtime: Runtime) -> Client:
    for _ in range(CONNECT_TRIES):
        with contextlib.suppress(RuntimeError):
            return await Client.connect(f"127.0.0.1:{port}", runtime=runtime)
        await asyncio.sleep(0.2)
    raise SystemExit("The server does not answer.")


async def page(port: int) -> str:
    async with httpx.AsyncClient(trust_env=False) as http:
        return (await http.get(f"http://127.0.0.1:{port}/metrics")).text


if __name__ == "__main__":
    made = Path(tempfile.mkdtemp(prefix="dueline-metrics-"))
    try:
        LIST.write_text(asyncio.run(record(made)))
    finally:
        shutil.rmtree(made)
    os._exit(0)  # the SDK's threads sometimes abort an ordinary exit
