"""What waits as it should is told beside what is stuck."""

from datetime import UTC, datetime

from ops.repair.waits import NAMED_MAX, remarks, unheard
from store.ops_reading import FollowUpStanding, ProfileFacts, StandingRow

NOW = datetime(2026, 3, 2, 1, tzinfo=UTC)
PROFILES = {"d": ProfileFacts(stages={}, tells_breaches=True, holds_receipt=frozenset({"damage"}))}
ORDER = StandingRow(
    id="o1",
    number="SO-2026-000004",
    customer="C-0001",
    profile="S07",
    profile_digest="d",
    state="open",
    reason=None,
    stage="L25",
    step="payment_check",
    step_since=NOW,
    waiting_role="finance",
    due_at=None,
    promised_at=NOW,
    slack="on_time",
    level=None,
    held_at=None,
    held_because=None,
    created_at=NOW,
    updated_at=NOW,
    closed_at=None,
)
BLOCKED = ORDER.model_copy(update={"blocked": "1200.00 CNY are missing"})


def follow_up(kind: str) -> FollowUpStanding:
    return FollowUpStanding(id="f1", order_id="o1", kind=kind, requested_at=NOW, has_begun=True)


def test_an_order_at_a_gate_says_what_it_lacks_unless_operations_hold_it() -> None:
    held = BLOCKED.model_copy(update={"held_at": NOW})

    assert remarks([BLOCKED], [], PROFILES) == [
        "SO-2026-000004 waits at payment_check: 1200.00 CNY are missing"
    ]
    assert remarks([ORDER, held], [], PROFILES) == []
    [counted] = remarks(
        [BLOCKED.model_copy(update={"id": str(n)}) for n in range(NAMED_MAX + 1)], [], PROFILES
    )
    assert counted.startswith(f"{NAMED_MAX + 1} orders")


def test_only_a_follow_up_that_holds_a_receipt_back_is_told() -> None:
    said = remarks([ORDER], [follow_up("damage"), follow_up("complaint")], PROFILES)

    assert said == ["SO-2026-000004 is not taken as received by itself: its damage f1 is not over"]
    assert remarks([], [follow_up("damage")], PROFILES) == []


def test_customers_systems_are_told_only_when_one_hears_nothing() -> None:
    assert unheard(0, 0) == []
    assert unheard(1, 2)[0].startswith("1 endpoints of customers are disabled, 2 events")
