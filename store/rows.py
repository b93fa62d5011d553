"""What the read queries return: rows as frozen, typed records."""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

from domain.base import Record


class OrderRow(Record):
    """An order without its body."""

    id: str
    number: str | None
    profile: str
    profile_digest: str
    customer: str
    version: int
    amount: Decimal
    currency: str
    promised_at: datetime
    rush: bool
    priority: str
    state: str
    stage: str | None
    step: str | None
    waiting_role: str | None
    due_at: datetime | None
    slack: str
    level: int | None
    reason: str | None
    step_since: datetime | None
    held_at: datetime | None
    held_because: str | None
    blocked: str | None
    received_at: datetime
    updated_at: datetime
    closed_at: datetime | None
    created_at: datetime


class FullOrderRow(OrderRow):
    """An order with its body, which holds personal data."""

    body: Mapping[str, Any]


class TimelineRow(Record):
    """One entry of an order's story."""

    at: datetime
    kind: str
    step: str | None
    text: str
    data: Mapping[str, Any]


class MarkRow(Record):
    """A mark that has fallen."""

    window: str
    mark: str
    due_at: datetime
    recorded_at: datetime


class WindowRow(Record):
    """One clock of an order."""

    key: str
    rule: str
    step: str
    role: str
    limit: str
    calendar: str
    provisional: bool
    started_at: datetime
    due_at: datetime
    explanation: str
    body: Mapping[str, Any]
    state: str
    paused_at: datetime | None
    paused_for: tuple[str, ...]
    stopped_at: datetime | None


class LedgerRow(Record):
    """Something that happened to a window."""

    window: str
    at: datetime
    kind: str
    reason: str | None
    by: str | None
    due_before: datetime | None
    due_after: datetime | None
    used: str | None
    calendar: str


class WishRow(Record):
    """A change, a cancellation or a receipt."""

    id: str
    order_id: str
    kind: str
    against_version: int | None
    patch: Mapping[str, Any]
    of: str | None
    touches: tuple[str, ...]
    impact: Mapping[str, Any] | None
    state: str
    reason: str | None
    requested_by: str
    requested_at: datetime
    settled_at: datetime | None


class TaskRow(Record):
    """A task with the order it belongs to."""

    id: str
    workflow_id: str
    order_id: str
    order_number: str | None
    customer: str
    priority: str
    step: str
    visit: int
    role: str
    title: str
    title_zh: str
    outcomes: tuple[str, ...]
    requires: tuple[str, ...]
    facts: Mapping[str, Any]
    state: str
    opened_at: datetime
    due_at: datetime | None
    outcome: str | None
    note: str | None
    data: Mapping[str, Any] | None
    decided_by: str | None
    closed_at: datetime | None


class CaseRow(Record):
    """An overdue case with its window and its order."""

    id: str
    order_id: str
    order_number: str | None
    customer: str
    window: str
    rule: str
    step: str
    due_at: datetime
    role: str
    state: str
    opened_by: str | None
    why: str | None
    cause: str | None
    cause_note: str | None
    analysis: str | None
    measure: str | None
    measure_owner: str | None
    measure_until: datetime | None
    measure_outcome: str | None
    decision: str | None
    decision_note: str | None
    new_date: datetime | None
    responsible: str | None
    opened_at: datetime
    closed_at: datetime | None


class Counts(Record):
    """What `/metrics` says about the orders; see docs/observability.md for what each means."""

    open_orders_by_stage: Mapping[str, int]
    open_orders_by_level: Mapping[str, int]
    quiet_orders: int
    windows_by_state: Mapping[str, int]
    windows_ended_by_state: Mapping[str, int]
    late_open_windows: int
    unnoticed_breaches: int
    open_tasks_by_role: Mapping[str, int]
    oldest_task_seconds_by_role: Mapping[str, float]
    overdue_cases_by_state: Mapping[str, int]
    follow_ups_by_kind: Mapping[str, int]
    outbox_pending: int
    deliveries_pending: int
    deliveries_dead: int
    oldest_notice_seconds: float
    webhooks_pending: int
    webhooks_dead: int
    webhooks_failing_seconds: float
    webhook_endpoints_disabled: int
    unmatched_payments: int
