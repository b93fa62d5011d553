"""An order's story for people: one screen, in the company's zone, without what is not there."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from ops.order_tables import console, local, short, slack_text, stage_words, words
from ops.repair.story import Clock, OrderStory, StepTaken
from ops.stuck_tables import print_findings


def print_story(story: OrderStory) -> None:
    """The header, what is stuck, and every part that has something to say."""
    out = console()
    out.print(_header(story))
    for said in story.unasked:
        out.print(f"Note: {said}.", soft_wrap=True)
    print_findings(story.findings)
    for title, columns, rows in _parts(story):
        _print(out, title, columns, rows)


def _header(story: OrderStory) -> Table:
    order = story.order
    name = order.number or short(order.id)
    table = Table(show_header=False, title=f"{name} ({short(order.id)})", title_justify="left")
    state = words(order.state) + (f": {order.reason}" if order.reason else "")
    if order.held_at is not None:
        state += f", on hold since {_at(order.held_at)}: {order.held_because}"
    rows: dict[str, Any] = {
        "state": state,
        "customer, profile": f"{order.customer}, {order.profile}",
        "stage": stage_words(order.stage),
        "step": f"{words(order.step)} since {_at(order.step_since)}" if order.step else "-",
        "waits for": story.waits_for,
        "to do": "\n".join(story.to_do) or "-",
        "due": _at(order.due_at),
        "promised": _at(order.promised_at),
        "slack": slack_text(order.slack),
        "workflow": _workflow(story),
        "Web UI": story.web_ui,
    }
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for label, value in rows.items():
        table.add_row(label, value)
    return table


def _workflow(story: OrderStory) -> str:
    if story.workflow_status is None:
        return "not seen"
    return f"{story.workflow_status}, {story.version}"


def _parts(story: OrderStory) -> Iterable[tuple[str, Sequence[str], list[tuple[Any, ...]]]]:
    yield "Steps", ("step", "visit", "from", "to", "outcome"), [_step(s) for s in story.steps]
    clock_columns = ("rule", "step", "role", "limit", "due", "state", "marks")
    yield "Clocks", clock_columns, [_clock(clock) for clock in story.clocks]
    yield (
        "Messages",
        ("at", "what", "name"),
        [(_at(one.at), one.kind, one.name) for one in story.messages],
    )
    yield (
        "Wishes of the customer",
        ("asked", "what", "touches", "became", "settled"),
        [
            (_at(w.requested_at), w.kind, ", ".join(w.fields) or "-", w.state, _at(w.settled_at))
            for w in story.changes
        ],
    )
    yield (
        "Activities on their way",
        ("activity", "attempt", "state", "next attempt"),
        [(r.activity, str(r.attempt), r.state, _at(r.next_attempt_at)) for r in story.retries],
    )
    yield (
        "What operations did",
        ("at", "by", "action", "reason", "outcome"),
        [(_at(a.at), a.by, a.action, a.reason, a.outcome) for a in story.actions],
    )
    yield (
        "Overdue cases",
        ("rule", "role", "state", "cause", "opened", "closed"),
        [
            (c.rule, words(c.role), c.state, words(c.cause), _at(c.opened_at), _at(c.closed_at))
            for c in story.cases
        ],
    )
    yield (
        "Notices that failed",
        ("channel", "notices", "since", "error"),
        [
            (n.channel or "-", str(n.notices), _at(n.since), n.error or "-")
            for n in story.failed_notices
        ],
    )
    yield (
        "Runs of the workflow",
        ("run", "status", "began", "ended", "events"),
        [
            (
                run.run_id,
                run.status,
                _at(run.started_at),
                _at(run.ended_at),
                str(run.events) if run.ended_at else "-",  # the engine counts those of ended runs
            )
            for run in story.runs
        ],
    )


def _step(step: StepTaken) -> tuple[Any, ...]:
    outcome = step.outcome or ("blocked" if step.blocked else "-")
    return words(step.step), str(step.visit), _at(step.since), _at(step.until), outcome


def _clock(clock: Clock) -> tuple[Any, ...]:
    state = Text(clock.state, style="red" if clock.state == "breached" else "")
    if clock.paused_at is not None and clock.stopped_at is None:
        state = Text(f"paused ({', '.join(clock.paused_for)})", style="yellow")
    marks = ", ".join(clock.marks) or "-"
    role, due = words(clock.role), _at(clock.due_at)
    return clock.rule, words(clock.step), role, clock.limit, due, state, marks


def _print(
    out: Console, title: str, columns: Sequence[str], rows: Sequence[tuple[Any, ...]]
) -> None:
    if not rows:
        return
    table = Table(*columns, title=title, title_justify="left")
    for row in rows:
        table.add_row(*row)
    out.print(table)


def _at(at: datetime | None) -> str:
    return local(at.isoformat()) if at else "-"
