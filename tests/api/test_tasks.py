"""The inbox, and the one door through which a task is completed."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from datetime import datetime
from typing import Any

import httpx
import pytest
from temporalio import workflow
from temporalio.client import Client, WorkflowHandle
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.service import RPCError
from temporalio.worker import UnsandboxedWorkflowRunner, Worker

from activities.models import OpenTask
from api import temporal as api_temporal
from api.app import create_app
from domain.roles import Role
from policy.loader import Loaded
from settings import Settings
from store.tables import tasks
from tests.api.conftest import House
from tests.api.factory import fields_of, fresh_key, key_of, task_row
from workflows.contract import COMPLETE_TASK, ORDER_WORKFLOW, TaskCompleted, TaskCompletion
from workflows.state import TaskProgress
from workflows.task_desk import TaskDesk

TASK_QUEUE = "task-desk"


@workflow.defn(name=ORDER_WORKFLOW)
class Desk:
    """One open task behind the platform's own door, and nothing else."""

    @workflow.init
    def __init__(self, task: OpenTask) -> None:
        self.taken = 0
        self.hidden: list[OpenTask] = []
        self.progress = TaskProgress(tasks=[task])
        self.desk = TaskDesk(self.progress)

    @workflow.run
    async def run(self, task: OpenTask) -> None:
        await workflow.wait_condition(lambda: False)

    @workflow.update(name=COMPLETE_TASK)
    async def complete(self, completion: TaskCompletion) -> TaskCompleted:
        self.taken += self.desk.take(completion) is not None
        return self.desk.answered(completion)

    @complete.validator
    def check(self, completion: TaskCompletion) -> None:
        self.desk.check(completion, moving=bool(self.hidden))

    @workflow.signal
    def move(self) -> None:
        """Between two steps and back: the task is hidden, or there again."""
        self.hidden, self.progress.tasks[:] = self.progress.tasks[:], self.hidden

    @workflow.query
    def times_taken(self) -> int:
        return self.taken


@pytest.fixture
async def engine_client(temporal: str) -> Client:
    """A client of the real engine."""
    return await Client.connect(temporal, data_converter=pydantic_data_converter)


@pytest.fixture
async def desk(
    house: House, order_id: str, engine_client: Client, now: datetime
) -> AsyncIterator[WorkflowHandle[Any, Any]]:
    """A running workflow whose one task is also in the database; it needs a carrier's name."""
    row = task_row(order_id, now, requires=["carrier"])
    await house.insert(tasks, **row)
    task = OpenTask(
        id=row["id"],
        step=row["step"],
        visit=1,
        role=Role.SALES,
        outcomes=tuple(row["outcomes"]),
        requires=("carrier",),
    )
    handle = await engine_client.start_workflow(
        ORDER_WORKFLOW, task, id=row["workflow_id"], task_queue=TASK_QUEUE
    )
    yield handle
    with contextlib.suppress(RPCError):  # one test ends it by itself
        await handle.terminate()


@pytest.fixture
async def live(
    house: House, desk: WorkflowHandle[Any, Any], temporal: str, loaded: Loaded
) -> AsyncIterator[httpx.AsyncClient]:
    """The sales desk's client of an API that talks to the real engine. Starts no worker."""
    settings = Settings(
        database_url=house.database_url, temporal_address=temporal, task_queue=TASK_QUEUE
    )
    app = create_app(settings, loaded=loaded)
    headers = {"X-API-Key": key_of("sales")}
    transport = httpx.ASGITransport(app)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=transport, base_url="http://api", headers=headers) as client,
    ):
        yield client


@pytest.fixture
async def worker(engine_client: Client) -> AsyncIterator[None]:
    """A worker for the desk."""
    async with Worker(
        engine_client,
        task_queue=TASK_QUEUE,
        workflows=[Desk],
        workflow_runner=UnsandboxedWorkflowRunner(),
    ):
        yield


@pytest.fixture
def path(order_id: str) -> str:
    """Where the desk's task is completed."""
    return f"/tasks/{order_id}.confirm.1.sales/completion"


ANSWER = {"outcome": "done", "data": {"carrier": "SF"}, "note": "by telephone"}


@pytest.mark.usefixtures("worker")
async def test_an_answer_is_taken_once_and_a_retry_hears_the_same(
    live: httpx.AsyncClient, path: str, desk: WorkflowHandle[Any, Any]
) -> None:
    headers = fresh_key()

    answers = [
        await live.post(path, json=ANSWER, headers=headers),
        await live.post(path, json=ANSWER, headers=headers),
        await live.post(path, json=ANSWER),
    ]

    assert [answer.status_code for answer in answers] == [200, 200, 200]
    assert answers[0].json()["outcome"] == "done"
    assert await desk.query(Desk.times_taken) == 1


@pytest.mark.usefixtures("worker")
async def test_two_different_answers_at_once_leave_one(
    live: httpx.AsyncClient, path: str, desk: WorkflowHandle[Any, Any]
) -> None:
    other = ANSWER | {"outcome": "refused"}

    answers = await asyncio.gather(live.post(path, json=ANSWER), live.post(path, json=other))

    assert sorted(answer.status_code for answer in answers) == [200, 409]
    assert await desk.query(Desk.times_taken) == 1


@pytest.mark.usefixtures("worker")
async def test_a_wrong_answer_is_refused_by_field_and_may_be_mended(
    live: httpx.AsyncClient, path: str, desk: WorkflowHandle[Any, Any]
) -> None:
    unknown = await live.post(path, json=ANSWER | {"outcome": "perhaps"})
    lacking = await live.post(path, json={"outcome": "done", "data": {"carrier": " "}})
    mended = await live.post(path, json=ANSWER)

    assert (unknown.status_code, fields_of(unknown.json())) == (422, ["outcome"])
    assert "done, refused" in unknown.json()["errors"][0]["message"]
    assert (lacking.status_code, fields_of(lacking.json())) == (422, ["data.carrier"])
    assert mended.status_code == 200


@pytest.mark.usefixtures("worker")
async def test_an_answer_waits_for_an_order_between_two_steps(
    live: httpx.AsyncClient, path: str, desk: WorkflowHandle[Any, Any]
) -> None:
    await desk.signal(Desk.move)

    answering = asyncio.create_task(live.post(path, json=ANSWER))
    await asyncio.sleep(0.3)
    still_waiting = not answering.done()
    await desk.signal(Desk.move)
    answer = await answering

    assert still_waiting
    assert answer.status_code == 200


@pytest.mark.usefixtures("worker")
async def test_one_key_with_another_answer_is_refused(
    live: httpx.AsyncClient, path: str, desk: WorkflowHandle[Any, Any]
) -> None:
    headers = fresh_key()
    await live.post(path, json=ANSWER, headers=headers)

    answer = await live.post(path, json=ANSWER | {"outcome": "refused"}, headers=headers)

    assert answer.status_code == 422
    assert fields_of(answer.json()) == ["Idempotency-Key"]


@pytest.mark.usefixtures("desk")
async def test_without_a_worker_the_answer_is_unavailable_and_reading_works(
    live: httpx.AsyncClient, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(api_temporal, "WORKER_SECONDS", 0.5)

    answer = await live.post(path, json=ANSWER)
    listed = await live.get("/tasks")

    assert answer.status_code == 503
    assert int(answer.headers["retry-after"]) > 0
    assert [task["state"] for task in listed.json()["items"]] == ["open"]


async def test_a_task_of_a_workflow_that_is_gone_is_no_longer_open(
    live: httpx.AsyncClient, path: str, desk: WorkflowHandle[Any, Any]
) -> None:
    await desk.terminate()

    answer = await live.post(path, json=ANSWER)

    assert answer.status_code == 409
    assert answer.json()["type"] == "urn:dueline:problem:task-not-open"
