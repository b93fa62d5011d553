"""Tasks: the inbox of a role, and the door through which a task is completed."""

import hashlib
import json
from enum import StrEnum
from typing import Annotated

from fastapi import APIRouter, Query, Request
from pydantic import Field

from api import examples, views
from api.access import Caller, Principal
from api.body import Posted, posted
from api.intake import IdempotencyKey, claim
from api.openapi import takes
from api.paging import Page, Paged, page, place_after
from api.problems import ON_HOLD, Problem
from api.services import Services, Wired, plausible
from domain.base import Code, Record, Text
from domain.errors import NotAllowed, OnHold, TaskNotOpen, UnknownThing
from domain.priorities import Priority
from domain.roles import Role
from store.intake import claim_key
from store.reading import NO_DUE_INSTANT, TaskFilter, list_tasks, read_task
from store.rows import TaskRow
from telemetry.log import about_order
from workflows.contract import TaskCompleted, TaskCompletion

router = APIRouter(tags=["tasks"])

DATA_ENTRIES_MAX = 50
HELD_FOR_CUSTOMER = "the order is on hold; we tell you as soon as it goes on"


class TaskState(StrEnum):
    """What became of a task."""

    OPEN = "open"
    DONE = "done"
    WITHDRAWN = "withdrawn"


class TaskQuery(Paged):
    """Which tasks to list; the roles of the key unless one is named."""

    role: Role | None = None
    order: Code | None = None
    state: TaskState = TaskState.OPEN
    priority: Priority | None = Field(None, description="Only of orders of this priority")


class Completion(Record):
    """A person's answer to a task."""

    outcome: Code = Field(description="One of the task's `outcomes`")
    data: Annotated[dict[Code, Text], Field(max_length=DATA_ENTRIES_MAX)] = Field(
        default_factory=dict, description="Texts by name; the task's `requires` must be there"
    )
    note: Text | None = None


@router.get("/tasks")
async def inbox(
    services: Wired, caller: Caller, query: Annotated[TaskQuery, Query()]
) -> Page[views.TaskItem]:
    """Lists what waits for the key's roles, the most urgent first.

    Staff may look into another role's inbox, or at all of an order's tasks; a customer sees the
    tasks that wait for the customer.
    """
    after = place_after(query.cursor)
    async with services.reading() as conn:
        rows = await list_tasks(conn, _wanted(caller, query), after, query.limit + 1)
    return page(
        rows,
        query.limit,
        lambda row: (row.due_at or NO_DUE_INSTANT, row.id),
        lambda row: views.task_item(row, caller),
    )


def _wanted(caller: Principal, query: TaskQuery) -> TaskFilter:
    roles: tuple[Role, ...] | None = caller.roles
    if caller.is_staff and query.role is not None:
        roles = (query.role,)
    elif caller.is_staff and query.order is not None:
        roles = None
    elif query.role is not None:
        roles = tuple(role for role in caller.roles if role == query.role)
    return TaskFilter(
        roles=roles,
        order_id=query.order,
        state=query.state,
        customer=caller.customer,
        priority=query.priority,
    )


@router.get("/tasks/{task_id}")
async def show(task_id: str, services: Wired, caller: Caller) -> views.TaskItem:
    """Shows one task."""
    return views.task_item(await _visible_task(services, caller, task_id), caller)


@router.post("/tasks/{task_id}/completion", openapi_extra=takes(Completion, examples.COMPLETION))
async def complete(
    task_id: str,
    request: Request,
    services: Wired,
    caller: Caller,
    body: Annotated[Posted[Completion], posted(Completion)],
    key: IdempotencyKey = None,
) -> TaskCompleted:
    """Completes a task. The workflow decides: 409 when it is no longer asked, or on hold.

    The same answer given again gets the same reply; 503 when no worker answers within 5 seconds.
    """
    task = await _visible_task(services, caller, task_id)
    answer = body.value
    if _is_answered_so(task, answer, caller):
        return TaskCompleted(task_id=task.id, outcome=answer.outcome)
    if task.role not in caller.roles:
        raise NotAllowed((task.role,))
    if task.state != TaskState.OPEN:
        raise TaskNotOpen(task.id)
    if key is not None:
        async with services.writing() as conn:
            await claim_key(conn, claim(request, caller, key, body.digest), task.id)
    completion = TaskCompletion(
        task_id=task.id,
        roles=caller.roles,
        outcome=answer.outcome,
        data=answer.data,
        note=answer.note,
        by=caller.name,
        request_id=_request_id(caller, task, body.digest),
    )
    try:
        return await services.temporal.complete(task.workflow_id, completion)
    except OnHold as error:
        if caller.is_staff:
            raise
        raise Problem(ON_HOLD, HELD_FOR_CUSTOMER) from error  # why is the house's business


def _is_answered_so(task: TaskRow, answer: Completion, caller: Principal) -> bool:
    """Whether the caller has given this very answer before: a retry after a lost reply."""
    return (
        task.state == TaskState.DONE
        and task.decided_by == caller.name
        and task.outcome == answer.outcome
        and task.note == answer.note
        and (task.data or {}) == answer.data
    )


def _request_id(caller: Principal, task: TaskRow, digest: str) -> str:
    """The same for the same answer of the same key, so that a retry is answered, not repeated.

    The roles are part of it: an answer refused for a missing role may be given once it is there.
    """
    told = json.dumps([caller.digest, sorted(caller.roles), task.id, digest])
    return hashlib.sha256(told.encode()).hexdigest()


async def _visible_task(services: Services, caller: Principal, task_id: str) -> TaskRow:
    key = plausible("task", task_id)
    async with services.reading() as conn:
        row = await read_task(conn, key)
    if row is None:
        raise UnknownThing("task", key)
    caller.must_see(row.customer, "task", key)
    about_order(row.order_id)
    if not caller.is_staff and row.role not in caller.roles:
        # What the departments have to do on a customer's order is the house's business.
        raise UnknownThing("task", key)
    return row
