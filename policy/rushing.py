"""Whether an order may still be rushed (S07, 加急). Pure."""

from policy.model import Profile


def rush_refusal(profile: Profile, *, planned: bool) -> str | None:
    """Why an order can no longer come first, for the customer; none when it can."""
    if profile.money.rush is None:
        return "this regulation knows no rush fee"
    if planned:
        return "the production is planned already; ask sales for an earlier date"
    return None


def is_planned(profile: Profile, step: str | None) -> bool:
    """Whether an order that is in this step is past its planning."""
    ids = [other.id for other in profile.route]
    return step in ids and ids.index(step) > ids.index(profile.planned_at)
