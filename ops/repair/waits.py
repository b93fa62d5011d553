"""What stands still because it should: money that is awaited, goods about which people disagree."""

from collections.abc import Mapping, Sequence

from store.ops_reading import FollowUpStanding, ProfileFacts, StandingRow

NAMED_MAX = 10
"""So many orders are named one by one; more are counted."""


def remarks(
    orders: Sequence[StandingRow],
    follow_ups: Sequence[FollowUpStanding],
    profiles: Mapping[str, ProfileFacts],
) -> list[str]:
    """Orders that a gate does not let pass, and receipts that a follow-up holds back."""
    there = {row.id: row for row in orders if row.is_open}
    blocked = [
        f"{_name(row)} waits at {row.step}: {row.blocked}"
        for row in there.values()
        if row.blocked is not None and row.held_at is None
    ]
    held_back = [
        f"{_name(there[one.order_id])} is not taken as received by itself: its {one.kind} "
        f"{one.id} is not over"
        for one in follow_ups
        if one.order_id in there and one.kind in _holding(there[one.order_id], profiles)
    ]
    return [
        *_few(blocked, "orders wait at a gate: `dueline orders` shows what each of them lacks"),
        *_few(held_back, "receipts are held back: `dueline follow-ups` shows by what"),
    ]


def unheard(disabled: int, dead: int) -> list[str]:
    """Customers' systems that hear nothing any more."""
    if not disabled and not dead:
        return []
    return [
        f"{disabled} endpoints of customers are disabled, {dead} events did not arrive: "
        "`dueline webhooks` names them"
    ]


def _holding(row: StandingRow, profiles: Mapping[str, ProfileFacts]) -> frozenset[str]:
    profile = profiles.get(row.profile_digest)
    return profile.holds_receipt if profile else frozenset()


def _name(row: StandingRow) -> str:
    return row.number or row.id


def _few(said: list[str], many: str) -> list[str]:
    return said if len(said) <= NAMED_MAX else [f"{len(said)} {many}"]
