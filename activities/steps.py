"""Steps that ask people only, and answers that do not end a step."""

from temporalio import activity

from activities.ladder import listeners, rung_of
from activities.leaving import close_visits, keep_answers, note_answer, note_end
from activities.models import (
    OPEN_STEP,
    RECORD_DECISION,
    RECORD_PROGRESS,
    DecisionRecord,
    Entered,
    ProgressRecord,
    Transition,
)
from activities.opening import open_unless_left
from activities.order_file import Keyed, OrderFile
from activities.transitions import Mover, show_standing
from domain.answers import read_date
from domain.roles import Role
from domain.windows import Mark
from policy.steps import DELAYED, AlongsideStep
from store import tasks


class Steps(Mover):
    """Opens steps and keeps answers."""

    @activity.defn(name=OPEN_STEP)
    async def open_step(self, transition: Transition) -> Entered:
        """Leaves one step and enters the next."""
        return await self.move(OPEN_STEP, transition)

    @activity.defn(name=RECORD_DECISION)
    async def record_decision(self, record: DecisionRecord) -> None:
        """Keeps one reviewer's answer; the step goes on. A second time changes nothing."""
        key = f"{record.decision.task_id}/{RECORD_DECISION}"
        async with self.open_file(Keyed(record.order_id, key, record.now)) as file:
            step = await tasks.step_of(file.conn, record.decision.task_id)
            await keep_answers(file, (record.decision,))
            note_answer(file, step, record.decision)
            waiting = await tasks.open_roles(file.conn, file.id, step)
            if waiting:
                file.show(waiting_role=waiting[0].value)

    @activity.defn(name=RECORD_PROGRESS)
    async def record_progress(self, record: ProgressRecord) -> Entered:
        """Closes one alongside visit and opens what follows from its answer."""

        async def work(file: OrderFile) -> Entered:
            await close_visits(file, (record.left,), (record.decision,))
            outcome = record.decision.outcome.replace("_", " ")
            note_end(file, record.left, outcome, (record.decision,))
            await _tell_of_delay(file, record)
            opened = await open_unless_left(file, record.workflow_id, record.following)
            await show_standing(file)
            return opened

        keyed = Keyed(record.order_id, record.key, record.now)
        return await self.once(RECORD_PROGRESS, keyed, Entered, work)


async def _tell_of_delay(file: OrderFile, record: ProgressRecord) -> None:
    """A delay goes to sales at once, and with its new date to the customer (S08.W07).

    A new date behind the promised one endangers it, which is the leadership's business (E3).
    """
    step = file.profile.step(record.left.step)
    assert isinstance(step, AlongsideStep)
    key = f"{record.key}/delay"
    if step.trigger == "daily" and record.decision.outcome == DELAYED:
        file.tell(
            Role.SALES,
            "delay",
            f"{file.name}: a delay is known",
            key=f"{key}/sales",
            zh=f"{file.name_zh}预计延期，请跟进",
        )
    if step.trigger == "on_delay":
        date = record.decision.data.get("new_date")
        text = f"{file.name} is delayed; the new date is {date or 'to be named'}"
        zh = f"{file.name_zh}延期，新交期：{date or '待定'}"
        told = [Role.SALES]
        if file.profile.customer_notice in {"on_delay_known", "on_warning"}:
            told.append(Role.CUSTOMER)
        if _endangers_the_promise(file, date):
            told += await listeners(file, rung_of(file, Mark.LEADERSHIP))
        for role in dict.fromkeys(told):
            file.tell(role, "delay", text, key=f"{key}/{role.value}", zh=zh)


def _endangers_the_promise(file: OrderFile, date: str | None) -> bool:
    day = read_date(date) if date else None
    return day is not None and day > file.row.promised_at.astimezone(file.calendar.zone).date()
