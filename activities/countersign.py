"""The countersign (L27, G19, 会签): what a signature was given for, and whether it still holds.

A signature names the order's version, the passed inspection and the money for the goods that its
task showed. Any applied change and another inspection make it void for good, less money than was
signed for as long as it is less.
"""

from decimal import Decimal
from typing import Any

from activities.order_file import OrderFile
from domain.money import Account, rounded
from policy.steps import ReviewStep
from store import goods, tasks
from store.ledger import standing
from store.shipments import waiting_goods

NOTHING = "no passed inspection"


async def signing_facts(file: OrderFile, step: ReviewStep, visit: int) -> dict[str, Any]:
    """What a signature is given for, and on a later visit why the earlier ones are void."""
    facts: dict[str, Any] = {
        **await _present(file),
        "amount": str(file.request.amount),
        "currency": file.request.currency.value,
        "goods": await waiting_goods(file.conn, file.id),
    }
    if visit > 1:
        facts["void"] = await void_signatures(file, step)
    return facts


def countersign_step(file: OrderFile) -> ReviewStep:
    """The review whose signatures release the shipment. Raises LookupError."""
    for step in file.profile.route:
        if isinstance(step, ReviewStep) and step.countersigns:
            return step
    raise LookupError("the profile has no countersign before its gate")


async def not_countersigned(file: OrderFile) -> list[str]:
    """Why the shipment is not released by its signatures; nothing when all hold."""
    return await void_signatures(file, countersign_step(file))


async def void_signatures(file: OrderFile, step: ReviewStep) -> list[str]:
    """Whose signature is missing or void, and why; nothing when all of the last visit hold."""
    signed = {one.role: one for one in await tasks.last_signatures(file.conn, file.id, step.id)}
    present = await _present(file)
    why = {role: _why_void(signed[role], present) for role in step.reviewers if role in signed}
    if step.mode == "any" and None in why.values():
        return []
    found = []
    for role in step.reviewers:
        words = why.get(role, "has not signed")
        if words:
            found.append(f"{role.words} {words}")
    return found


async def _present(file: OrderFile) -> dict[str, Any]:
    currency = file.request.currency
    money = await standing(file.conn, file.id, currency.value)
    return {
        "version": file.row.version,
        "inspection": await goods.last_passed_inspection(file.conn, file.id),
        "paid": str(rounded(money.of(Account.GOODS), currency)),
    }


def _why_void(signature: tasks.Signature, present: dict[str, Any]) -> str | None:
    asked, signed, version = signature.facts, signature.facts["version"], present["version"]
    if signed != version:
        return f"signed for version {signed}, the order is at version {version}"
    if present["inspection"] is None:
        return f"signed, and there is {NOTHING} now"
    if asked.get("inspection") != present["inspection"]:
        return "signed before the goods were inspected anew"
    if Decimal(present["paid"]) < Decimal(asked.get("paid", "0")):
        return f"signed with {asked['paid']} paid, of which {present['paid']} is left"
    return None
