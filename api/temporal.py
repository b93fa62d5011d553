"""The way to the engine: connects at first use, and says plainly when nobody answers."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

from pydantic import BaseModel
from temporalio.client import (
    Client,
    WorkflowUpdateFailedError,
    WorkflowUpdateRPCTimeoutOrCancelledError,
)
from temporalio.exceptions import ApplicationError
from temporalio.service import RPCError, RPCStatusCode

from api.problems import NOT_ALLOWED, Problem, away
from connecting import access_of, connect
from domain.errors import BeingChanged, InvalidField, OnHold, TaskNotOpen
from ops.repair.executions import Execution, execution_of
from settings import Settings
from telemetry.tracing import Tracing
from workflows.answering import complete_task
from workflows.contract import (
    ADJUST_WINDOWS,
    FROZEN,
    ON_HOLD,
    CalendarPublished,
    CaseByHand,
    OrderStart,
    TaskCompleted,
    TaskCompletion,
    WindowsAdjusted,
    WindowsAdjustment,
    order_workflow_id,
)
from workflows.publishing import start_publication
from workflows.starting import open_case_by_hand, start_order

CALL_SECONDS = 5.0
PING_SECONDS = 2.0
# An update needs a living worker and is answered at once; a healthy one takes 20 ms.
WORKER_SECONDS = 5.0
LOOK_SECONDS = 1.0
LOOKS_AT_ONCE = 4
LOOK_REST_SECONDS = 5.0
"""After a look that failed, so that an engine which is away slows no reading down."""


class WorkflowGone(Exception):  # noqa: N818  a fact, like the errors of the domain
    """There is no open workflow of this id."""


class Temporal:
    """One lazily connected client. A server that comes back is found again by itself.

    Raises NotReadable at once when a certificate that the settings name is not there.
    """

    def __init__(self, settings: Settings, tracing: Tracing | None = None) -> None:
        self._address = settings.temporal_address or f"127.0.0.1:{settings.temporal_port}"
        self._namespace = settings.temporal_namespace
        self._access = access_of(settings)
        self._task_queue = settings.task_queue
        self._interceptors = [tracing.interceptor] if tracing else []
        self._client: Client | None = None
        self._looks = asyncio.Semaphore(LOOKS_AT_ONCE)
        self._rests_until = 0.0

    async def ping(self) -> None:
        """Asks the engine for a sign of life. Raises Problem 503."""
        async with self._asking(PING_SECONDS):
            client = await self._connected()
            await client.service_client.check_health(timeout=timedelta(seconds=PING_SECONDS))

    async def start(self, start: OrderStart) -> None:
        """Starts an order's workflow; does nothing when it runs or ran. Raises Problem 503."""
        async with self._asking(CALL_SECONDS):
            client = await self._connected()
            await start_order(client, self._task_queue, start)

    async def start_publication(self, published: CalendarPublished) -> None:
        """Has a calendar's new version told to the open windows, once. Raises Problem 503."""
        async with self._asking(CALL_SECONDS):
            client = await self._connected()
            await start_publication(client, self._task_queue, published)

    async def open_case(self, asked: CaseByHand) -> str:
        """Opens an overdue case, or leaves the one that is there; its id. Raises Problem 503."""
        async with self._asking(CALL_SECONDS):
            client = await self._connected()
            return await open_case_by_hand(client, self._task_queue, asked)

    async def signal(self, order_id: str, name: str, notice: BaseModel) -> None:
        """Tells an order's workflow. Raises WorkflowGone, and Problem 503."""
        async with self._asking(CALL_SECONDS):
            client = await self._connected()
            handle = client.get_workflow_handle(order_workflow_id(order_id))
            try:
                await handle.signal(name, notice)
            except RPCError as error:
                if error.status is RPCStatusCode.NOT_FOUND:
                    raise WorkflowGone(order_id) from error
                raise

    async def complete(self, workflow_id: str, completion: TaskCompletion) -> TaskCompleted:
        """Gives a person's answer to the workflow that asked.

        Raises what the workflow refused with (TaskNotOpen, NotAllowed, InvalidField), and
        Problem 503 when no worker answers in time.
        """
        async with self._asking(WORKER_SECONDS):
            client = await self._connected()
            handle = client.get_workflow_handle(workflow_id)
            try:
                return await complete_task(handle, completion)
            except WorkflowUpdateFailedError as error:
                raise _refusal(error, TaskNotOpen(completion.task_id)) from error
            except RPCError as error:
                if error.status is RPCStatusCode.NOT_FOUND:
                    raise TaskNotOpen(completion.task_id) from error
                raise

    async def adjust_windows(self, order_id: str, wished: WindowsAdjustment) -> WindowsAdjusted:
        """Has an order's running windows paused, resumed or reset.

        Raises WorkflowGone, what the workflow refused with, and Problem 503.
        """
        async with self._asking(WORKER_SECONDS):
            client = await self._connected()
            handle = client.get_workflow_handle(order_workflow_id(order_id))
            try:
                taken: WindowsAdjusted = await handle.execute_update(
                    ADJUST_WINDOWS, wished, id=wished.request_id, result_type=WindowsAdjusted
                )
                return taken
            except WorkflowUpdateFailedError as error:
                raise _refusal(error, WorkflowGone(order_id)) from error
            except RPCError as error:
                if error.status is RPCStatusCode.NOT_FOUND:
                    raise WorkflowGone(order_id) from error
                raise

    async def look(self, order_id: str) -> Execution | None:
        """What the engine knows of an order's workflow; none when it cannot be asked just now.

        Bounded to a second and a few at a time: who reads an order never waits for the engine.
        """
        if self._looks.locked() or time.monotonic() < self._rests_until:
            return None
        try:
            async with self._looks, asyncio.timeout(LOOK_SECONDS):
                return await execution_of(await self.client(), order_workflow_id(order_id))
        except (TimeoutError, RPCError, RuntimeError):
            self._rests_until = time.monotonic() + LOOK_REST_SECONDS
            return None

    @property
    def task_queue(self) -> str:
        """Where the workers of the orders listen."""
        return self._task_queue

    @asynccontextmanager
    async def asking(self, seconds: float) -> AsyncIterator[Client]:
        """A client for a bounded while. Raises Problem 503 when the engine does not answer."""
        async with self._asking(seconds):
            yield await self.client()

    async def client(self) -> Client:
        """The client, connected at its first call."""
        return await self._connected()

    async def _connected(self) -> Client:
        if self._client is None:
            self._client = await connect(
                self._address,
                self._namespace,
                self._access,
                interceptors=self._interceptors,
                lazy=True,
            )
        return self._client

    @asynccontextmanager
    async def _asking(self, seconds: float) -> AsyncIterator[None]:
        """Bounds a call, and turns an engine that does not answer into a problem."""
        try:
            async with asyncio.timeout(seconds):
                yield
        except (TimeoutError, WorkflowUpdateRPCTimeoutOrCancelledError) as error:
            raise away(
                "nobody took it in time; it may still be taken, so look before you ask again, "
                "or ask again with the same Idempotency-Key"
            ) from error
        except RPCError as error:
            raise away("the workflow engine does not take requests at the moment") from error
        except RuntimeError as error:  # what the SDK raises when nobody listens
            raise away("the workflow engine cannot be reached at the moment") from error


def _refusal(error: WorkflowUpdateFailedError, gone: Exception) -> Exception:
    """What the workflow said, as the domain's error; the error itself when it is none of these."""
    cause = error.cause
    if not isinstance(cause, ApplicationError):
        return error
    field = str(cause.details[0]) if cause.details else "task_id"
    refusals: dict[str, Exception] = {
        "TaskNotOpen": gone,
        "NotAllowed": Problem(NOT_ALLOWED, cause.message),
        "InvalidField": InvalidField(field, cause.message),
        ON_HOLD: OnHold(cause.message),
        FROZEN: BeingChanged(cause.message),
    }
    return refusals.get(cause.type or "", error)
