"""What touches the world: one file a department, one database transaction an activity."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from temporalio.client import Client

    from activities.case_starter import CaseDoor
    from store.engine import Engine

__all__ = ["all_activities"]


def all_activities(
    engine: "Engine", client: "Client", door: "CaseDoor"
) -> list[Callable[..., Any]]:
    """The activities, bound to a database and an engine: what `Worker(activities=…)` takes.

    They reach overdue cases through `door`.
    """
    # Late: workflows import this package for its models, and the database stays out of them.
    from activities.registry import bound_activities

    return bound_activities(engine, client, door)
