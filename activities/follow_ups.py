"""Follow-ups (L33 to L36): a task after the other, each answered within its own window."""

from typing import Any

from temporalio import activity

from activities.clocks import timepieces
from activities.follow_up_models import MOVE_FOLLOW_UP, FollowUpMove, FollowUpMoved
from activities.follow_up_works import CannotBeDone, Moved, do_work
from activities.leaving import keep_answers
from activities.models import Decision, OpenTask, StepVisit
from activities.opening import announce
from activities.order_file import Department, Keyed, OrderFile
from domain.follow_ups import follow_up_workflow_id
from domain.roles import Role
from domain.windows import DueWindow
from policy.deadlines import open_window
from policy.follow_ups import FollowUpStep
from store import follow_ups, tasks, windows
from store.money_news import note_eased


class FollowUps(Department):
    """Moves follow-ups: keeps an answer, does what it is for, and asks for the next one."""

    @activity.defn(name=MOVE_FOLLOW_UP)
    async def move_follow_up(self, move: FollowUpMove) -> FollowUpMoved:
        """Closes what was answered and opens what comes next, or the follow-up is closed.

        What the answer moves is done in the same transaction. Where it cannot be done, the step
        that was answered asks again and says why.
        """

        async def work(file: OrderFile) -> FollowUpMoved:
            money_moved: Moved = ()
            if move.left is None:
                await follow_ups.begin(file.conn, move.follow_up)
                file.note(
                    "follow_up_opened",
                    f"{move.title} begins",
                    key=f"{move.workflow_id}/opened",
                    data={"follow_up": move.follow_up},
                )
                _tell_customer(file, move, "we are looking into it", "我们正在处理")
            else:
                moved = await _answered(file, move, move.left)
                if isinstance(moved, FollowUpMoved):
                    return moved
                money_moved = moved
            if move.enter is None or move.rules is None:
                await _closed(file, move)
                return FollowUpMoved(money_moved=money_moved)
            entered = await _entered(file, move, move.enter, move.rules)
            return entered.model_copy(update={"money_moved": money_moved})

        keyed = Keyed(move.order_id, move.key, move.now)
        return await self.once(MOVE_FOLLOW_UP, keyed, FollowUpMoved, work)


async def _answered(file: OrderFile, move: FollowUpMove, left: StepVisit) -> Moved | FollowUpMoved:
    """Keeps the answer and does what it is for; asks once more when that cannot be done."""
    decision, rules = move.decision, move.left_rules
    assert decision is not None, "a step is left by its answer"
    assert rules is not None, "a step is left by its answer"
    await keep_answers(file, (decision,))
    await windows.settle_windows(file.conn, [_window_key(move, left)], file.now)
    _say(file, move, left, decision)
    try:
        moved = await do_work(file, move, rules, decision)
    except CannotBeDone as failure:
        again = StepVisit(step=left.step, visit=left.visit + 1)
        opened = await _entered(file, move, again, rules, blocked=str(failure))
        return opened.model_copy(update={"blocked": str(failure)})
    # The workflow tells these orders; their customers' other orders are for the teller.
    await note_eased(file.conn, moved, move.key)
    return moved


def _say(file: OrderFile, move: FollowUpMove, left: StepVisit, decision: Decision) -> None:
    outcome = decision.outcome.replace("_", " ")
    assert move.left_rules is not None, "a step is left by its answer"
    file.note(
        "follow_up_answered",
        f"{move.left_rules.title}: {outcome} ({decision.role.words})",
        key=f"{_window_key(move, left)}/left",
        data={"follow_up": move.follow_up, "window": _window_key(move, left)},
    )


async def _entered(
    file: OrderFile,
    move: FollowUpMove,
    at: StepVisit,
    rules: FollowUpStep,
    blocked: str | None = None,
) -> FollowUpMoved:
    """Opens a step: its window, its task, its line in the story."""
    window = await _open_window(file, move, at, rules)
    task = await _open_task(file, move, at, rules, window, blocked)
    await follow_ups.show_step(file.conn, move.follow_up, rules.id)
    text = f"{rules.title}: {blocked}" if blocked else rules.title
    file.note(
        "follow_up_asks",
        f"{text}; waits for {rules.role.words}, due {file.said(window.due_at)}",
        key=f"{window.key}/opened",
        data={"follow_up": move.follow_up, "window": window.key},
    )
    return FollowUpMoved(at=at, tasks=(task,), windows=(window,))


async def _open_window(
    file: OrderFile, move: FollowUpMove, at: StepVisit, rules: FollowUpStep
) -> DueWindow:
    since = move.began_at if move.left is None and move.began_at else file.now
    window = open_window(
        await timepieces(file, rules.window),
        rules.window,
        file.profile.ladder,
        key=_window_key(move, at),
        step=rules.id,
        role=rules.role,
        started_at=since,
    )
    file.opened_windows.append(window)
    return window


async def _open_task(
    file: OrderFile,
    move: FollowUpMove,
    at: StepVisit,
    rules: FollowUpStep,
    window: DueWindow,
    blocked: str | None,
) -> OpenTask:
    task = tasks.NewTask(
        id=f"{move.workflow_id}.{at.step}.{at.visit}",
        workflow_id=move.workflow_id,
        step=rules.id,
        visit=at.visit,
        role=rules.role,
        title=rules.title,
        title_zh=rules.title_zh,
        outcomes=tuple(rules.outcomes),
        requires=rules.requires,
        facts=await _facts(file, move, blocked),
        opened_at=file.now,
        due_at=window.due_at,
    )
    return announce(file, task)


async def _facts(file: OrderFile, move: FollowUpMove, blocked: str | None) -> dict[str, Any]:
    """What it is about, and what the answers before have found; what was said is in its row."""
    known = {
        **await follow_ups.facts_of(file.conn, move.follow_up),
        **await follow_ups.answered_data(file.conn, file.id, move.workflow_id),
        "kind": move.kind,
        "follow_up": move.follow_up,
    }
    return {**known, "blocked": blocked} if blocked else known


async def _closed(file: OrderFile, move: FollowUpMove) -> None:
    outcome = move.decision.outcome if move.decision else "done"
    await follow_ups.close(file.conn, move.follow_up, outcome, file.now)
    file.note(
        "follow_up_closed",
        f"{move.title} is closed: {outcome.replace('_', ' ')}",
        key=f"{move.workflow_id}/closed",
        data={"follow_up": move.follow_up},
    )
    _tell_customer(
        file, move, "it is closed; ask us if anything is left", "已处理完毕，如有疑问请联系我们"
    )


def _tell_customer(file: OrderFile, move: FollowUpMove, text: str, zh: str) -> None:
    """Who has begun it hears that it has begun, and that it is over."""
    if not move.tells_customer:
        return
    kind = "follow_up_closed" if move.enter is None else "follow_up_opened"
    file.tell(
        Role.CUSTOMER,
        kind,
        f"{file.name}, {move.title.lower()}: {text}",
        key=f"{move.workflow_id}/{kind}",
        zh=f"{file.name_zh}（{move.title_zh}）：{zh}",
    )


def _window_key(move: FollowUpMove, at: StepVisit) -> str:
    return at.key(follow_up_workflow_id(move.order_id, move.follow_up))
