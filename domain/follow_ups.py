"""How follow-ups are named in the engine, and the keys of their windows and tasks."""

PREFIX = "followup-"
"""How the ids of their workflows begin, and the keys of their windows."""


def follow_up_workflow_id(order_id: str, follow_up: str) -> str:
    """The one spelling of a follow-up's workflow id; it names the order, too."""
    return f"{PREFIX}{order_id}.{follow_up}"
