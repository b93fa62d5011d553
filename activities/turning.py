"""The order goes back for a change: what later steps did is undone, then the change is applied."""

from activities.applying import apply, rewritten
from activities.models import Transition
from activities.order_file import OrderFile
from domain.changes import ChangeState
from domain.roles import Role
from policy.steps import TaskStep, Work
from store import changes, goods, tasks


async def undo_goods(file: OrderFile, transition: Transition) -> None:
    """The newest first: the release note is void, packing undone, a purchase asked for no more."""
    assert transition.enter is not None
    voided = await goods.void_release(file.conn, file.id)
    packs = _comes_again(file, transition.enter.at.step, Work.RECORD_PACKING)
    units = await goods.unpack(file.conn, file.id) if packs else 0
    said = [
        *(["the release note is void"] if voided else []),
        *([f"{units} units are to be packed anew"] if units else []),
    ]
    if said:
        text = f"The order has changed: {' and '.join(said)}"
        file.note("undone", text, key=f"{file.key}/undone")
    await _tell_purchasing(file, transition)


async def apply_decided(file: OrderFile, change_id: str) -> None:
    """Applies a change that was decided. Raises LookupError if the order cannot take it any more.

    Nothing that it touches may have changed since it was taken up: then the order stays where it is
    until somebody has looked.
    """
    change = await changes.find_change(file.conn, file.id, change_id)
    if change.state is not ChangeState.RECEIVED:
        return
    order = await rewritten(file, change)
    if isinstance(order, str):
        raise LookupError(f"change {change_id} was agreed and does not fit {file.name}: {order}")
    await apply(file, change, order)


async def _tell_purchasing(file: OrderFile, transition: Transition) -> None:
    """What was asked for is not needed as it stands; the material is checked again."""
    left = transition.leave
    if left is None:
        return
    facts = await tasks.visit_facts(file.conn, file.id, left.at.step, left.at.visit) or {}
    short = [f"{row['short']} {row['unit']} of {row['material']}" for row in _rows(facts)]
    if not short:
        return
    key = f"{file.key}/not_needed"
    text = f"the order has changed; {', '.join(short)} is not needed as it was asked for"
    file.note("purchase_withdrawn", text[0].upper() + text[1:], key=key, step=left.at.step)
    file.tell(
        Role.PURCHASING,
        "purchase_withdrawn",
        f"{file.name}: {text}; what is still short is asked for anew",
        key=key,
        zh=f"{file.name_zh}已变更，原申购不再需要：{'、'.join(short)}；仍缺的物料将重新申购",
    )


def _rows(facts: dict[str, object]) -> list[dict[str, str]]:
    shortages = facts.get("shortages")
    return list(shortages) if isinstance(shortages, list) else []


def _comes_again(file: OrderFile, target: str, work: Work) -> bool:
    """Whether a step that does this work comes at or after the target."""
    ids = [step.id for step in file.profile.route]
    return any(
        isinstance(step, TaskStep) and step.work is work
        for step in file.profile.route[ids.index(target) :]
    )
