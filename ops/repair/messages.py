"""What was told to an order, in words. No personal data: notes and names stay out."""

import json
from typing import Any

from workflows import contract
from workflows.state import RepeatedMessage


def message_words(message: RepeatedMessage) -> str:
    """One message, such as `answer of plan.1.production: done`."""
    body: dict[str, Any] = json.loads(message.body) if message.body else {}
    words = {
        contract.COMPLETE_TASK: f"answer of {_task(body)}: {body.get('outcome')}",
        contract.ADJUST_WINDOWS: f"windows {body.get('action')}: {_which(body)}",
        contract.REQUEST_CHANGE: f"change of {', '.join(body.get('fields', ()))}",
        contract.CALENDAR_PUBLISHED: f"calendar {body.get('calendar')}@{body.get('version')}",
        contract.SKIP_STEP: f"skip {body.get('step')}",
        contract.PROMISE_MOVED: f"new promised date {body.get('promised_at')}",
    }
    return words.get(message.name) or message.name.replace("_", " ")


def _task(body: dict[str, Any]) -> str:
    """The task without the order's id, which the reader knows."""
    return str(body.get("task_id", "")).partition(".")[2]


def _which(body: dict[str, Any]) -> str:
    return str(body.get("rule") or body.get("reason") or "all")
