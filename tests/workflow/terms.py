"""Terms of cancelling that grow dearer as an order goes on, and a deposit."""

from decimal import Decimal
from typing import Any

from policy.change_rules import CancelRow
from policy.model import Profile
from policy.money_rules import DepositRules, MoneyRules
from tests.workflow.floor import profile

AMOUNT, DEPOSIT = Decimal("185.00"), Decimal("55.50")


def on_terms(*rows: dict[str, Any]) -> Profile:
    """S08 with these terms and a deposit of 30 %."""
    shipped = profile("S08")
    cancelling = shipped.cancellation.model_copy(
        update={"rows": tuple(CancelRow.model_validate(row) for row in rows)}
    )
    money = MoneyRules(deposit=DepositRules(percent=Decimal(30)))
    return shipped.model_copy(update={"cancellation": cancelling, "money": money})


DEARER = on_terms(
    {"until": "review", "terms": "free"},
    {"until": "plan_approval", "terms": "at_cost", "cost_percent": "10"},
    {"until": "production", "terms": "at_cost", "cost_percent": "20", "deposit": "forfeited"},
    {"until": "qc", "terms": "at_cost", "cost_percent": "20", "deposit": "by_contract"},
    {"until": "pack", "terms": "free", "deposit": "by_contract"},
    {
        "until": "ship",
        "terms": "refused",
        "because": "the goods are packed",
        "instead": "sell them",
    },
)
