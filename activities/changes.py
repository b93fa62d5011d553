"""Customers' wishes (C06, C10): applied as a whole against the version they saw, or refused."""

from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError
from temporalio import activity

from activities.models import SETTLE_CHANGE, ChangeSettled, ChangeVerdict
from activities.order_file import Department, Keyed, OrderFile
from activities.rush import RUSH, settle_rush
from domain.changes import ChangeRequest, ChangeState
from domain.orders import OrderRequest, OrderState
from domain.roles import Role
from store import changes, tasks

CHANGE = "change"
# They say against what and why, and are no fields of an order.
_ABOUT_THE_CHANGE = {"version", "reason"}


_FIELDS = {
    "promised_at": "交期",
    "contact": "联系人",
    "deliver_to": "收货地址",
    "requirements": "特殊要求",
    "remarks": "备注",
    "lines": "订单明细",
    "attachments": "附件",
}
_WISHES = {"cancellation": "取消订单的申请", "receipt": "收货确认"}
_STATES = {ChangeState.APPLIED: "已生效", ChangeState.REFUSED: "未被接受"}


@dataclass(frozen=True)
class _Verdict:
    """The changed order, or why there is none."""

    order: OrderRequest | None
    reason: str | None


class Changes(Department):
    """Settles what customers ask for."""

    @activity.defn(name=SETTLE_CHANGE)
    async def settle_change(self, verdict: ChangeVerdict) -> ChangeSettled:
        """Writes the verdict; a change that no longer fits the order comes back refused."""
        key = f"{verdict.order_id}/changes/{verdict.change_id}"

        async def work(file: OrderFile) -> ChangeSettled:
            return await _settle(file, verdict)

        keyed = Keyed(verdict.order_id, key, verdict.now)
        return await self.once(SETTLE_CHANGE, keyed, ChangeSettled, work)


async def _settle(file: OrderFile, verdict: ChangeVerdict) -> ChangeSettled:
    change = await changes.find_change(file.conn, file.id, verdict.change_id)
    version = file.row.version
    if change.state is not ChangeState.RECEIVED:
        return ChangeSettled(version=version, state=change.state)
    state, reason = verdict.state, verdict.reason
    if change.kind == RUSH:
        state = await settle_rush(file, change.id, state, reason)
        return ChangeSettled(version=version, state=state)
    fields = sorted(set(change.patch) - _ABOUT_THE_CHANGE)
    if state is ChangeState.APPLIED and change.kind == CHANGE:
        judged = await _judge(file, change)
        if judged.order is None:
            state, reason = ChangeState.REFUSED, judged.reason
        else:
            version += 1
            _rewrite(file, judged.order, version)
    await changes.settle(file.conn, change.id, state, reason, file.now)
    await _say(file, change, state, reason, fields)
    return ChangeSettled(version=version, state=state)


async def _judge(file: OrderFile, change: changes.ChangeRow) -> _Verdict:
    if file.row.state is not OrderState.OPEN:
        return _Verdict(None, f"the order is {file.row.state.value}")
    against = change.against_version
    if against != file.row.version:
        since = await changes.changed_since(file.conn, file.id, against or 0)
        touched = ", ".join(sorted(set(since) - _ABOUT_THE_CHANGE)) or "the order"
        return _Verdict(
            None,
            f"the order is at version {file.row.version} and the change is against version "
            f"{against}; {touched} changed since then",
        )
    unknown = set(change.patch) - set(ChangeRequest.model_fields)
    if unknown:
        return _Verdict(None, f"an order has no {', '.join(sorted(unknown))} to change")
    patch = {k: v for k, v in change.patch.items() if k not in _ABOUT_THE_CHANGE}
    try:
        return _Verdict(OrderRequest.model_validate({**file.row.body, **patch}), None)
    except ValidationError as error:
        return _Verdict(None, _first_fault(error))


def _first_fault(error: ValidationError) -> str:
    # The value itself stays out: it may be somebody's phone number.
    fault: Any = error.errors(include_url=False, include_input=False)[0]
    return f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}"


def _rewrite(file: OrderFile, order: OrderRequest, version: int) -> None:
    file.show(
        body=order.model_dump(mode="json"),
        version=version,
        amount=order.amount,
        promised_at=order.promised_at,
    )


async def _say(
    file: OrderFile,
    change: changes.ChangeRow,
    state: ChangeState,
    reason: str | None,
    fields: list[str],
) -> None:
    """Tells the customer, and everybody who works on the order now."""
    key = f"{file.id}/changes/{change.id}"
    what = f"The change of {', '.join(fields)}" if change.kind == CHANGE else f"The {change.kind}"
    because = f": {reason}" if state is ChangeState.REFUSED and reason else ""
    text = f"{what} is {state.value}{because}"
    kind = f"{change.kind}_{state.value}"
    file.note(kind, text, key=key, data={"change": change.id})
    what_zh = (
        f"{'、'.join(_FIELDS.get(field, field) for field in fields)}的变更"
        if change.kind == CHANGE
        else _WISHES[change.kind]
    )
    because_zh = f"：{reason}" if because else ""
    zh = f"{file.name_zh}：{what_zh}{_STATES[state]}{because_zh}"
    listeners = [Role.CUSTOMER]
    if state is ChangeState.APPLIED and change.kind == CHANGE:
        listeners += await tasks.open_roles(file.conn, file.id)
    for role in dict.fromkeys(listeners):
        file.tell(role, kind, f"{file.name}: {text}", key=f"{key}/{role.value}", zh=zh)
