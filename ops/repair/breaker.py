"""Stops one activity for every order, and lets them catch up: a carrier or a bank is down."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from difflib import get_close_matches

from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.rules.v1 import WorkflowRule, WorkflowRuleAction, WorkflowRuleSpec
from temporalio.api.workflowservice.v1 import (
    CreateWorkflowRuleRequest,
    DeleteWorkflowRuleRequest,
    DescribeWorkflowExecutionRequest,
    ListWorkflowRulesRequest,
    UnpauseActivityRequest,
)
from temporalio.service import RPCError, RPCStatusCode

from domain.base import Record
from domain.errors import DuelineError, InvalidField, UnknownThing
from ops.repair.residents import BREAKER, OPEN, count, residents
from ops.repair.site import Site
from workflows.breakable import BREAKABLE

CALL_TIMEOUT = timedelta(seconds=10)
SETTLED_SECONDS = 6.0
"""After this every part of the engine knows that a rule has gone, and its lists have caught up."""

POLL_SECONDS = 0.5
BATCH_SECONDS = 1.0
BATCH = 50

Say = Callable[[str], None]


class Breaker(Record):
    """An activity that is stopped; `waiting` is how many workflows wait at it."""

    activity: str
    since: datetime
    by: str
    because: str
    waiting: int


def known_activity(activity: str) -> str:
    """The activity of that name. Raises UnknownThing with the nearest names."""
    if activity in BREAKABLE:
        return activity
    near = get_close_matches(activity, sorted(BREAKABLE), n=3, cutoff=0.3)
    raise UnknownThing("department's activity", activity, known=tuple(near or sorted(BREAKABLE)))


def rule_id(site: Site, activity: str) -> str:
    """The one spelling of a breaker in the engine; it says which orders it is for."""
    return f"{BREAKER}{site.task_queue}/{activity}"


async def open_breaker(site: Site, activity: str, because: str) -> None:
    """From now on no order begins this activity; what is running at a worker ends.

    In force within seconds. Raises UnknownThing, InvalidField without a reason or when it is open
    already, and DuelineError when the engine refuses rules.
    """
    known_activity(activity)
    if not because.strip():
        raise InvalidField("because", "is missing; say why")
    if any(rule.spec.id == rule_id(site, activity) for rule in await _rules(site)):
        raise InvalidField("activity", f"the breaker of {activity} is open already")
    if "'" in site.task_queue:
        raise InvalidField("task queue", "a rule cannot name a queue with a quote in it")
    only = f"ActivityType = '{activity}' AND TaskQueue = '{site.task_queue}'"
    spec = WorkflowRuleSpec(
        id=rule_id(site, activity),
        activity_start=WorkflowRuleSpec.ActivityStartingTrigger(predicate=only),
        actions=[WorkflowRuleAction(activity_pause=WorkflowRuleAction.ActionActivityPause())],
    )
    request = CreateWorkflowRuleRequest(
        namespace=site.client.namespace,
        spec=spec,
        request_id=spec.id,
        identity=site.by,
        description=because,
    )
    try:
        await site.client.workflow_service.create_workflow_rule(request, timeout=CALL_TIMEOUT)
    except RPCError as error:
        raise DuelineError(
            f"The engine takes no rule ({error.message}): it needs the setting "
            "frontend.workflowRulesAPIsEnabled, and room for one more rule."
        ) from error


async def breakers(site: Site) -> list[Breaker]:
    """The activities that are stopped for this platform. Raises RPCError."""
    found = []
    for rule in await _rules(site):
        activity = rule.spec.id.rpartition("/")[2]
        if rule.spec.id != rule_id(site, activity):
            continue
        found.append(
            Breaker(
                activity=activity,
                since=rule.create_time.ToDatetime(tzinfo=UTC),
                by=rule.created_by_identity,
                because=rule.description,
                waiting=await count(site, _paused_at(site, activity)),
            )
        )
    return found


async def close_breaker(
    site: Site, activity: str, say: Say, *, settled_seconds: float = SETTLED_SECONDS
) -> int:
    """Orders begin this activity again; those that waited catch up, fifty a second.

    Returns how many. A second call goes on where the first one stopped; an activity that somebody
    has paused by hand stays paused. Raises UnknownThing and RPCError.
    """
    known_activity(activity)
    request = DeleteWorkflowRuleRequest(
        namespace=site.client.namespace, rule_id=rule_id(site, activity)
    )
    try:
        await site.client.workflow_service.delete_workflow_rule(request, timeout=CALL_TIMEOUT)
    except RPCError as error:
        if error.status is not RPCStatusCode.NOT_FOUND:
            raise
    freed: set[tuple[str, str]] = set()
    # The rule may still stop some, and lists lag: look until nothing has come for a while.
    quiet_since = time.monotonic()
    while time.monotonic() - quiet_since < settled_seconds:
        async for stopped in _stopped(site, activity):
            await _unpause(site, *stopped)
            quiet_since = time.monotonic()
            freed.add(stopped)
            if len(freed) % BATCH == 0:
                say(f"{len(freed)} go on")
                await asyncio.sleep(BATCH_SECONDS)
        await asyncio.sleep(POLL_SECONDS)
    return len(freed)


async def _stopped(site: Site, activity: str) -> AsyncIterator[tuple[str, str]]:
    """Workflow and activity id of what this breaker has stopped."""
    mine = rule_id(site, activity)
    async for each in residents(site, _paused_at(site, activity)):
        run = WorkflowExecution(workflow_id=each.workflow_id, run_id=each.run_id)
        said = await site.client.workflow_service.describe_workflow_execution(
            DescribeWorkflowExecutionRequest(namespace=site.client.namespace, execution=run),
            retry=True,
            timeout=CALL_TIMEOUT,
        )
        for pending in said.pending_activities:
            if pending.paused and pending.pause_info.rule.rule_id == mine:
                yield each.workflow_id, pending.activity_id


async def _unpause(site: Site, workflow_id: str, activity_id: str) -> None:
    request = UnpauseActivityRequest(
        namespace=site.client.namespace,
        execution=WorkflowExecution(workflow_id=workflow_id),
        id=activity_id,
        identity=site.by,
    )
    try:
        await site.client.workflow_service.unpause_activity(request, timeout=CALL_TIMEOUT)
    except RPCError as error:
        if error.status is not RPCStatusCode.NOT_FOUND:
            raise


def _paused_at(site: Site, activity: str) -> str:
    paused = f"TemporalPauseInfo = 'property:activityType={activity}'"
    return f"TaskQueue = '{site.task_queue}' AND {OPEN} AND {paused}"


async def _rules(site: Site) -> list[WorkflowRule]:
    found: list[WorkflowRule] = []
    token = b""
    while True:
        request = ListWorkflowRulesRequest(namespace=site.client.namespace, next_page_token=token)
        try:
            said = await site.client.workflow_service.list_workflow_rules(
                request, retry=True, timeout=CALL_TIMEOUT
            )
        except RPCError as error:
            if error.status is RPCStatusCode.UNIMPLEMENTED:
                return found
            raise
        found += said.rules
        token = said.next_page_token
        if not token:
            return found
