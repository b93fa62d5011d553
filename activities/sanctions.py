"""Fines and rewards of the profile become ledger entries, once for each event (catalogue 4.2)."""

from activities.order_file import OrderFile
from domain.causes import is_customers
from domain.follow_ups import PREFIX
from domain.roles import Role
from policy.sanctions import Sanction
from store import cases, performance
from store.cases import CaseState
from store.performance import LedgerEntry
from store.windows import WindowRow


async def charge_breach(
    file: OrderFile, case_id: str, state: CaseState, late: WindowRow
) -> list[LedgerEntry]:
    """What the missed window costs; a customer's cause charges nobody inside, as a rule."""
    outside = state.cause is not None and is_customers(state.cause)
    of_window = [
        sanction
        for sanction in file.profile.sanctions
        if sanction.on == "window_breached"
        and sanction.rule in (None, late.rule)
        and (sanction.whatever_cause or not outside)
    ]
    # A case may be opened by hand for a window that was then kept.
    if not of_window or not (await cases.how_it_stands(file.conn, state.window)).breached:
        return []
    entries = []
    for sanction in of_window:
        role = late.role if sanction.charged == "owner" else sanction.charged
        if role is not Role.CUSTOMER:
            person = await _person(file, state.window, role)
            entries.append(_entry(file, sanction, role, case_id, case_id=case_id, person=person))
    await performance.add_entries(file.conn, file.id, entries)
    return entries


async def reward_in_time(file: OrderFile) -> None:
    """What a completed order that left by its promised date earns."""
    rewards = [s for s in file.profile.sanctions if s.on == "order_on_time"]
    if not rewards:
        return
    shipped_at = await performance.shipped_at(file.conn, file.id)
    if shipped_at is None or shipped_at > file.row.promised_at:
        return
    entries = [_entry(file, s, s.charged, file.id) for s in rewards if s.charged != "owner"]
    await performance.add_entries(file.conn, file.id, entries)
    for entry in entries:
        note_entry(file, entry)


def note_entry(file: OrderFile, entry: LedgerEntry) -> None:
    """Writes the entry into the story and tells its role; the person stays in the ledger."""
    sanction = next(s for s in file.profile.sanctions if s.id == entry.rule)
    what = f"{sanction.sum} for {entry.role.words} ({sanction.id}): {sanction.text}"
    text = f"{sanction.kind} of {what}"
    kind_zh = "奖励" if sanction.kind == "reward" else "罚款"
    what_zh = f"{kind_zh} {sanction.sum}（{sanction.id}）：{sanction.text_zh}"
    file.note(
        f"case_{sanction.kind}",
        text[:1].upper() + text[1:],
        key=f"{entry.key}/noted",
        data={"rule": sanction.id} | ({"case": entry.case_id} if entry.case_id else {}),
    )
    file.tell(
        entry.role,
        f"case_{sanction.kind}",
        f"{file.name}: {text}",
        key=f"{entry.key}/told",
        zh=f"{file.name_zh}：{entry.role.zh}{what_zh}",
    )


async def _person(file: OrderFile, window: str, role: Role) -> str | None:
    of, step, visit = window.split("/")
    workflow_id = of if of.startswith(PREFIX) else f"order-{of}"
    return await performance.who_answered(file.conn, file.id, workflow_id, step, int(visit), role)


def _entry(
    file: OrderFile,
    sanction: Sanction,
    role: Role,
    event: str,
    *,
    case_id: str | None = None,
    person: str | None = None,
) -> LedgerEntry:
    return LedgerEntry(
        key=f"{event}/{sanction.id}",
        case_id=case_id,
        profile=file.profile.id,
        rule=sanction.id,
        kind=sanction.kind,
        role=role,
        person=person,
        amount=sanction.amount,
        currency=sanction.currency,
        reason=sanction.text,
        at=file.now,
    )
