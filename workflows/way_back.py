"""Where a change leads an order back to. Pure."""

from domain.changes import ChangeClass
from domain.orders import Trait
from domain.stages import Stage
from policy.impact import back_to
from policy.model import Profile
from policy.steps import ReviewStep
from workflows.route import Route
from workflows.state import OrderProgress


def way_back(
    profile: Profile,
    route: Route,
    progress: OrderProgress,
    of: ChangeClass,
    traits: frozenset[Trait],
) -> str | None:
    """The step to which a change of this class leads back; none where the order goes on.

    A date goes back to the plan, a structural change to classification. Whoever is judging the
    order is asked anew, and so is whoever has released the goods while they are still here.
    """
    if progress.current is None:
        return None
    here = progress.current.step
    if (target := back_to(profile, of, here)) is not None:
        return target
    if of is not ChangeClass.MINOR and isinstance(route.current, ReviewStep):
        return here
    if progress.shipped and not progress.rest_open:
        return None
    return next(
        (
            step.id
            for step in profile.route
            if step.stage is Stage.SHIPPING_RELEASE
            and step.is_for(traits)
            and (step.id == here or route.passed(step.id))
        ),
        None,
    )
