"""Profiles that earlier releases pinned into orders, read as what they said."""

from typing import Any

MINOR = ("contact", "deliver_to", "requirements", "remarks", "attachments")


def with_simple_changes(body: dict[str, Any]) -> dict[str, Any]:
    """A body of before the matrix of changes, with the matrix that it amounted to.

    Minor fields changed until the end of one step, and an order could be cancelled until its goods
    were dispatched. A body that has a matrix is given back as it is.
    """
    until = body.get("minor_change_until")
    if until is None or "changes" in body:
        return body
    rows = [{"touches": MINOR, "of": "minor", "until": until}]
    dispatch = next(
        (
            step["id"]
            for step in body.get("steps", ())
            if isinstance(step, dict) and step.get("work") == "record_dispatch"
        ),
        until,
    )
    return {
        **{name: value for name, value in body.items() if name != "minor_change_until"},
        "changes": {"rows": rows, "rewind_to": until, "replan_at": until},
        "cancellation": {"rows": [{"until": dispatch, "terms": "free"}]},
    }
