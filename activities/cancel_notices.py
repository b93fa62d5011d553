"""Who hears that an order is cancelled, and what each has to know of it (catalogue 5.5)."""

from collections.abc import Mapping, Sequence
from typing import Any

from activities.models import OrderEnd
from activities.order_file import OrderFile
from domain.orders import OrderState
from domain.roles import Role
from policy.cancelling import Division


def tell_departments(
    file: OrderFile,
    end: OrderEnd,
    given_back: str | None,
    unbought: Sequence[Mapping[str, Any]],
    division: Division,
) -> None:
    """Tells those that the regulation names; purchasing also what it need not buy any more."""
    if end.state is not OrderState.CANCELLED:
        return
    told = list(file.profile.cancellation.told)
    if unbought and Role.PURCHASING not in told:
        told.append(Role.PURCHASING)
    for role in dict.fromkeys(told):
        more, more_zh = _for(role, file, given_back, unbought, division)
        file.tell(
            role,
            "order_cancelled",
            f"{file.name} is cancelled{more}",
            key=f"{end.key}/closed/{role}",
            zh=f"{file.name_zh}已取消{more_zh}",
        )


def _for(
    role: Role,
    file: OrderFile,
    given_back: str | None,
    unbought: Sequence[Mapping[str, Any]],
    division: Division,
) -> tuple[str, str]:
    """What the role has to know besides, in both languages."""
    if role is Role.FINANCE:
        kept = sum((amount for *_, amount in division.kept), start=division.owed * 0)
        money = f"kept {file.money(kept)}, back {file.money(division.given_back)}"
        money_zh = f"扣留 {file.money(kept)}，应退 {file.money(division.given_back)}"
        return (f": {money}", f"：{money_zh}") if kept or division.given_back else ("", "")
    if role is Role.PURCHASING and unbought:
        what = ", ".join(f"{row['short']} {row['unit']} of {row['material']}" for row in unbought)
        return (
            f": what was missing is not needed for it any more: {what}",
            f"，以下缺料无须采购：{what}",
        )
    return (f": {given_back}", "，已占用的物料与产能已释放") if given_back else ("", "")
