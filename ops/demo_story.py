"""The demo's stories: example orders, and what `examples/scenario.json` lets happen to each."""

import json
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from domain.errors import DuelineError
from domain.windows import Mark
from ops.intake_files import Draft, read_orders
from policy.calendars import calendar

EXAMPLES = Path(__file__).resolve().parents[1] / "examples"
RUNGS = {
    "warning": Mark.WARNING,
    "breach": Mark.BREACH,
    "e2": Mark.ANALYSIS,
    "e3": Mark.LEADERSHIP,
}
PLAIN = "A row of orders.csv that runs on time."


@dataclass(frozen=True)
class Late:
    """Somebody answers `step` only after `mark` has fallen."""

    step: str
    mark: Mark


@dataclass(frozen=True)
class Story:
    """One order and its script; `qc_fails` counts failed inspections."""

    name: str
    text: str
    draft: Draft
    late: Late | None = None
    qc_fails: int = 0
    shortage: bool = False
    cancel_at: str | None = None
    change_at: str | None = None
    patch: dict[str, Any] | None = None

    @property
    def is_eventful(self) -> bool:
        """Whether anything happens that is not everyday work."""
        wishes = self.cancel_at or self.change_at
        return bool(self.late or self.qc_fails or self.shortage or wishes)

    @property
    def highest(self) -> Mark | None:
        """The highest rung that the story climbs to."""
        return self.late.mark if self.late else None


def load_stories(now: datetime) -> list[Story]:
    """All stories, the most urgent promise first: that is how a planner takes them.

    Raises DuelineError when the examples are not here, and FileFaults when one does not fit.
    """
    if not EXAMPLES.is_dir():
        raise DuelineError("The examples are not installed here: run `make demo` in a checkout.")
    days = calendar("cn")
    told = json.loads((EXAMPLES / "scenario.json").read_bytes())
    stories = []
    for name, script in told.items():
        (draft,) = read_orders(EXAMPLES / "orders" / f"{name}.json", days, now)
        stories.append(_story(name, script, draft))
    for number, draft in enumerate(read_orders(EXAMPLES / "orders.csv", days, now), 1):
        stories.append(Story(f"orders.csv row {number}", PLAIN, draft))
    return sorted(stories, key=_urgency)


def customer_names() -> dict[str, str]:
    """The customers' names by code."""
    rows = json.loads((EXAMPLES / "master" / "customers.json").read_bytes())
    return {row["code"]: row["name"] for row in rows}


def _story(name: str, script: dict[str, Any], draft: Draft) -> Story:
    events: dict[str, Any] = {
        key: value for event in script["events"] for key, value in event.items()
    }
    late = events.get("late")
    return Story(
        name=name,
        text=script["story"],
        draft=draft,
        late=Late(late["step"], RUNGS[late["rung"]]) if late else None,
        qc_fails=events.get("qc_fail", 0),
        shortage=events.get("shortage", False),
        cancel_at=events.get("cancel_at"),
        change_at=events.get("change_at"),
        patch=events.get("patch"),
    )


def _urgency(story: Story) -> tuple[bool, str, str]:
    body = story.draft.body
    return not body.get("rush", False), body["promised_at"], story.name
