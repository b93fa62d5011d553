"""Profiles for tests: a shipped one with other windows on some of its steps."""

from typing import Any

from domain.roles import Role
from domain.stages import Stage
from policy.model import Profile
from policy.steps import AlongsideStep, Step
from policy.window import Window
from tests.workflow.floor import profile


def window(rule: str, limit: str, **fields: Any) -> Window:
    """A window with words that nobody reads."""
    return Window.model_validate(
        {"id": rule, "limit": limit, "starts": "it begins", "stops": "it ends", **fields}
    )


def changed(base: str = "S08", **steps: dict[str, Any]) -> Profile:
    """A shipped profile with fields of some steps replaced."""
    chosen = profile(base)
    return chosen.model_copy(
        update={
            "steps": tuple(step.model_copy(update=steps.get(step.id, {})) for step in chosen.steps)
        }
    )


def watched(chosen: Profile, *windows: Window) -> Profile:
    """The profile with windows across all its steps before shipping, which ask nobody."""
    during = tuple(step.id for step in chosen.route if step.id not in ("notify", "receipt"))
    beside: tuple[Step, ...] = tuple(
        AlongsideStep(
            id=f"watch_{number}",
            kind="alongside",
            stage=Stage.TRACKING,
            title=f"Watch {number}",
            title_zh="时限监控",
            role=Role.SALES,
            standard="The goods leave in time.",
            trigger="watch",
            during=during,
            window=one,
        )
        for number, one in enumerate(windows)
    )
    return chosen.model_copy(update={"steps": (*chosen.steps, *beside)})
