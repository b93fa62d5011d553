"""Marks of windows (catalogue 4.4): each is recorded once, and told once to each listener."""

from temporalio import activity

from activities.case_starter import StartCase
from activities.models import RECORD_MARKS, MarkDue, MarksRecord
from activities.order_file import Department, Keyed, OrderFile
from activities.transitions import show_standing
from domain.roles import Role
from domain.windows import Mark
from policy.model import Rung
from store import tasks, windows
from store.engine import Engine

_SAID = {
    Mark.WARNING: "is at risk",
    Mark.BREACH: "is overdue",
    Mark.ANALYSIS: "is still overdue and needs an analysis",
    Mark.LEADERSHIP: "is still overdue and goes to the leadership",
}


class DueLineKeeper(Department):
    """Records marks, tells the ladder's listeners, starts overdue cases."""

    def __init__(self, engine: Engine, start_case: StartCase) -> None:
        super().__init__(engine)
        self.start_case = start_case

    @activity.defn(name=RECORD_MARKS)
    async def record_marks(self, record: MarksRecord) -> None:
        """Records what has fallen, in order; marks that are recorded already are passed over.

        How the order stands afterwards is read from its windows, under the same lock as the step
        that may just have been left.
        """
        async with self.open_file(Keyed(record.order_id, RECORD_MARKS, record.now)) as file:
            for mark in record.marks:
                if await windows.record_mark(file.conn, mark.window, mark.mark, mark.at, file.now):
                    await _tell(file, mark)
            await show_standing(file, marked=True)
        # After the commit: a case finds its window breached. A crash in between comes back here.
        for case in record.cases:
            await self.start_case(case)


async def _tell(file: OrderFile, mark: MarkDue) -> None:
    window = await windows.find_window(file.conn, mark.window)
    of_case = await windows.is_of_case(file.conn, file.id, mark.window)
    what = f"overdue case, {window.step}" if of_case else file.profile.step(window.step).title
    text = f"{what} {_SAID[mark.mark]}: due {file.said(window.due_at)} ({window.rule})"
    key = f"{mark.window}/{mark.mark.value}"
    file.note(
        f"window_{mark.mark.value}",
        text,
        key=key,
        step=None if of_case else window.step,
        data={"window": mark.window, "rule": window.rule},
    )
    rung = next((rung for rung in file.profile.ladder if rung.mark is mark.mark), None)
    listeners = await _listeners(file, rung, window.role) if rung else []
    # A case is the company's own business.
    if mark.mark is Mark.WARNING and file.profile.customer_notice == "on_warning" and not of_case:
        listeners.append(Role.CUSTOMER)
    action = f". {rung.action}" if rung else ""
    for role in dict.fromkeys(listeners):
        told = f"{file.name}: {text}" + ("" if role is Role.CUSTOMER else action)
        file.tell(role, f"window_{mark.mark.value}", told, key=f"{key}/{role.value}")


async def _listeners(file: OrderFile, rung: Rung, owner: Role) -> list[Role]:
    """The roles that the rung names."""
    found: list[Role] = []
    for listener in rung.tell:
        if listener == "owner":
            found.append(owner)
        elif listener == "departments":
            involved = await tasks.roles_on(file.conn, file.id)
            found += [role for role in involved if role is not Role.CUSTOMER]
        else:
            found.append(Role(listener))
    return found
