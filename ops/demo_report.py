"""What happened in the demo, read back through the API and held against the stories."""

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from domain.windows import Mark
from ops.client import Item
from ops.demo_desk import Desk
from ops.demo_life import Life
from ops.demo_story import Story

BREACHES_MIN = 3
SECONDS_PER_DAY = 86_400


@dataclass(frozen=True)
class Told:
    """One order at the end, and where it differs from its story."""

    story: Story
    id: str
    number: str
    customer: str
    state: str
    days: float | None  # from the order to its end, in virtual time
    kept: int
    warned: int
    breached: int
    highest: str | None
    web_ui: str | None
    trouble: tuple[str, ...]

    def facts(self) -> dict[str, Any]:
        """The same as JSON says it."""
        told = {name: value for name, value in vars(self).items() if name != "story"}
        return {"name": self.story.name, "story": self.story.text, **told}


@dataclass(frozen=True)
class Report:
    """Everything that happened. `trouble` is empty when all of it went as the stories say."""

    orders: Sequence[Told]
    cases: Sequence[Item]
    trouble: Sequence[str] = field(default=())

    @property
    def totals(self) -> dict[str, int]:
        """The counts under the tables."""
        states = [told.state for told in self.orders]
        return {
            "orders": len(states),
            "completed": states.count("completed"),
            "cancelled": states.count("cancelled"),
            "windows_kept": sum(told.kept for told in self.orders),
            "windows_warned": sum(told.warned for told in self.orders),
            "windows_breached": sum(told.breached for told in self.orders),
            "overdue_cases": len(self.cases),
        }


async def read_report(desk: Desk, lives: Sequence[Life]) -> Report:
    """Asks the API how everything ended."""
    cases = [item async for item in desk.reader.items("/overdue")]
    orders = await asyncio.gather(*(_told(desk, life, cases) for life in lives))
    breaches = sum(told.breached for told in orders)
    trouble = [
        f"{told.number} ({told.story.name}): {what}" for told in orders for what in told.trouble
    ]
    if breaches < BREACHES_MIN:
        trouble.append(f"{breaches} windows were breached instead of {BREACHES_MIN} at least")
    trouble += [
        f"overdue case {case['id']}: it is {case['state']}, its cause is {case['cause']}"
        for case in cases
        if case["state"] != "closed" or not case["cause"]
    ]
    return Report(orders, cases, trouble)


async def _told(desk: Desk, life: Life, cases: Sequence[Item]) -> Told:
    path = f"/orders/{life.order_id}"
    order = await desk.order(life.order_id)
    timeline: list[Item] = await desk.reader.get(f"{path}/timeline")
    own = {case["id"] for case in cases if case["order_id"] == life.order_id}
    # The clocks of an order's overdue cases are no clocks of the order.
    windows = [
        w for w in await desk.windows(life.order_id) if w["key"].rpartition("/")[0] not in own
    ]
    done = desk.reader.items("/tasks", order=life.order_id, state="done")
    answers = [(task["step"], task["outcome"]) async for task in done]
    wish = None if life.wish is None else await desk.reader.get(life.wish)
    highest = max((Mark(m["mark"]) for w in windows for m in w["marks"]), key=_level, default=None)
    breached = [w["step"] for w in windows if w["state"] == "breached"]
    trouble = [
        *_state_trouble(life.story, order, timeline),
        *_event_trouble(life.story, order, answers, wish),
    ]
    if breached != ([life.story.late.step] if _breaches(life.story) and life.story.late else []):
        trouble.append(f"breached windows: {', '.join(breached) or 'none'}")
    if life.story.highest and highest is not life.story.highest:
        trouble.append(f"the highest rung is {highest}, not {life.story.highest}")
    return Told(
        story=life.story,
        id=life.order_id,
        number=order["number"] or "no number",
        customer=order["customer"],
        state=order["state"],
        days=_days(order),
        kept=sum(w["state"] == "kept" and not w["marks"] for w in windows),
        warned=sum(w["state"] == "kept" and bool(w["marks"]) for w in windows),
        breached=len(breached),
        highest=highest.value if highest else None,
        web_ui=order["links"]["web_ui"],
        trouble=tuple(trouble),
    )


def _level(mark: Mark) -> int:
    return mark.level


def _breaches(story: Story) -> bool:
    return story.highest is not None and story.highest.level >= Mark.BREACH.level


def _state_trouble(story: Story, order: Item, timeline: Sequence[Item]) -> Iterator[str]:
    wanted = "cancelled" if story.cancel_at else "completed"
    if order["state"] != wanted:
        yield f"it is {order['state']} at {order['step']}, not {wanted}"
    if story.cancel_at and "given_back" not in {event["kind"] for event in timeline}:
        yield "nothing says that its stock and slots are free again"


def _event_trouble(
    story: Story, order: Item, answers: Sequence[tuple[str, str]], wish: Item | None
) -> Iterator[str]:
    failed = answers.count(("qc", "failed"))
    if failed != story.qc_fails:
        yield f"{failed} inspections failed instead of {story.qc_fails}"
    if (("material", "arrived") in answers) != story.shortage:
        yield "material was short" if not story.shortage else "no material was short"
    if wish is not None and wish["state"] != "applied":
        yield f"the customer's {wish['kind']} is {wish['state']}: {wish['reason']}"
    if (story.cancel_at or story.change_at) and wish is None:
        yield "the customer's wish was never sent"
    if story.patch and any(order["order"].get(k) is None for k in story.patch):
        yield "the changed fields are not there"
    if order["version"] != (2 if story.change_at else 1):
        yield f"it is at version {order['version']}"


def _days(order: Item) -> float | None:
    if order["closed_at"] is None:
        return None
    taken = datetime.fromisoformat(order["closed_at"]) - datetime.fromisoformat(
        order["received_at"]
    )
    return round(taken.total_seconds() / SECONDS_PER_DAY, 1)
