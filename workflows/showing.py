"""What the Web UI shows of an order: search attributes and the current details."""

from typing import Any

from temporalio import workflow
from temporalio.common import (
    SearchAttributeKey,
    SearchAttributePair,
    SearchAttributeUpdate,
    TypedSearchAttributes,
)

from domain.orders import OrderState
from workflows import search
from workflows.contract import OrderStart
from workflows.due_lines import DueLines
from workflows.route import Route
from workflows.state import OrderProgress
from workflows.words import answerable, current_details

SHOWS_SINCE = 2
"""The revision from which on an order shows since when it waits, and that it is on hold."""


def at_start(start: OrderStart) -> TypedSearchAttributes:
    """What an order shows from its first moment."""
    return TypedSearchAttributes(
        [
            SearchAttributePair(search.STAGE, start.profile.route[0].stage.value),
            SearchAttributePair(search.CUSTOMER, start.customer),
            SearchAttributePair(search.PROFILE, start.profile.id),
            SearchAttributePair(search.PROMISED_AT, start.promised_at),
            SearchAttributePair(search.RUSH, start.rush),
        ]
    )


def show(
    start: OrderStart,
    progress: OrderProgress,
    route: Route,
    due_lines: DueLines,
    state: OrderState,
) -> None:
    """Brings the Web UI up to date; costs an event only when something has changed."""
    roles = tuple(dict.fromkeys(task.role.value for task in answerable(progress)))
    shown: list[tuple[SearchAttributeKey[Any], Any]] = [
        (search.SLACK, due_lines.slack.value),
        (search.LEVEL, due_lines.level if due_lines.level >= 0 else None),
        (search.NEXT_DUE, due_lines.next_due),
        (search.WAITING_ROLE, ",".join(roles) or None),
    ]
    if progress.promised_at is not None:
        shown.append((search.PROMISED_AT, progress.promised_at))
    if start.revision >= SHOWS_SINCE:
        shown.append((search.SINCE, progress.since))
        shown.append((search.HELD, True if progress.hold else None))
    if progress.current is None:
        workflow.set_current_details(f"**Closed** {state.value}")
        shown.append((search.STAGE, state.value))
    else:
        shown.append((search.STAGE, route.current.stage.value))
        following = route.after(route.current)
        workflow.set_current_details(
            current_details(
                route.current,
                (running for running in progress.windows if running.stopped_at is None),
                following.title if following else "the order is complete",
                progress,
                {step.id: step.title for step in start.profile.alongside},
            )
        )
    _upsert(shown)


def _upsert(shown: list[tuple[SearchAttributeKey[Any], Any]]) -> None:
    known = workflow.info().typed_search_attributes
    updates: list[SearchAttributeUpdate[Any]] = []
    for key, value in shown:
        if known.get(key) == value:
            continue
        updates.append(key.value_unset() if value is None else key.value_set(value))
    if updates:
        workflow.upsert_search_attributes(updates)
