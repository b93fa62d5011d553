"""A window's life without an engine: random pauses against a clock that counts every minute."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.calendars import CalendarSpec
from domain.roles import Role
from domain.windows import DueWindow, PauseReason
from domain.worktime import WorkCalendar
from policy.calendars import calendar
from policy.deadlines import open_window
from policy.explaining import amount_words, explain, explain_at
from policy.instants import Timepieces
from policy.loader import PROFILES, load_profile
from policy.window import Window
from policy.window_life import paused, recalculated, reset, resumed, used
from tests.workflow.reference import is_open

CN = calendar("cn")
LADDER = load_profile(PROFILES / "S08.yaml").ladder
PROMISED = datetime.fromisoformat("2026-12-20T18:00:00+08:00")
TP = Timepieces(company=CN, bank=CN, dates={"promised": PROMISED})
MONDAY = datetime.fromisoformat("2026-09-21T08:30:00+08:00")
MINUTE = timedelta(minutes=1)
CUSTOMER, SUPPLIER = PauseReason.CUSTOMER, PauseReason.SUPPLIER


def rule(limit: str, **fields: object) -> Window:
    return Window.model_validate(
        {
            "id": "S08.W03",
            "limit": limit,
            "starts": "submitted",
            "stops": "reviewed",
            "pauses": ["customer", "supplier"],
            **fields,
        }
    )


def opened(window: Window, start: datetime = MONDAY, tp: Timepieces = TP) -> DueWindow:
    return open_window(
        tp, window, LADDER, key="o/review/1", step="review", role=Role.SALES, started_at=start
    )


def at(text: str) -> datetime:
    return datetime.fromisoformat(f"2026-{text}+08:00")


def marks(window: DueWindow) -> dict[str, datetime]:
    return {mark.name: mark.at for mark in window.marks}


def due_by_the_minute(
    start: datetime, minutes: int, pauses: list[tuple[datetime, datetime]]
) -> datetime:
    """Counts each open minute that no pause covers."""
    now = start
    while minutes:
        now += MINUTE
        began = now - MINUTE
        if is_open(began) and not any(a <= began < b for a, b in pauses):
            minutes -= 1
    return now


@settings(deadline=None, max_examples=300)  # a busy machine is no counterexample
@given(
    start=st.integers(0, 20_000),
    minutes=st.integers(30, 1_500),
    lengths=st.lists(st.tuples(st.integers(1, 400), st.integers(1, 6_000)), max_size=4),
)
def test_any_pauses_leave_exactly_the_minutes_that_were_not_worked(
    start: int, minutes: int, lengths: list[tuple[int, int]]
) -> None:
    begin = MONDAY + start * MINUTE
    window_rule = rule(f"{minutes}m")
    window = opened(window_rule, begin)
    now, pauses = begin, []
    for run, wait in lengths:
        now += run * MINUTE
        if now >= window.due_at:
            break
        window = paused(window, CUSTOMER, TP, now)
        pauses.append((now, now + wait * MINUTE))
        now += wait * MINUTE
        window = resumed(window, CUSTOMER, window_rule, old=TP, new=TP, at=now)

    assert window.due_at == due_by_the_minute(begin, minutes, pauses)
    assert used(window, TP, window.due_at) == minutes * 60
    instants = [mark.at for mark in window.marks]
    assert instants == sorted(instants)


def test_a_pause_in_the_night_costs_no_working_time() -> None:
    window_rule = rule("4h")
    window = opened(window_rule, at("09-21T16:00:00"))

    waiting = paused(window, CUSTOMER, TP, at("09-21T20:00:00"))
    going_on = resumed(waiting, CUSTOMER, window_rule, old=TP, new=TP, at=at("09-22T06:00:00"))

    assert going_on.due_at == window.due_at
    assert going_on.used == 2 * 3600


def test_a_working_day_paused_at_noon_goes_on_with_the_rest_of_a_day() -> None:
    window_rule = rule("2wd")
    window = opened(window_rule, at("09-21T08:30:00"))

    waiting = paused(window, CUSTOMER, TP, at("09-22T12:30:00"))
    going_on = resumed(waiting, CUSTOMER, window_rule, old=TP, new=TP, at=at("09-28T08:30:00"))

    # One day and 3.5 of 8 hours are used; 4.5 hours remain, of which 3.5 lie before lunch.
    assert waiting.used == 1 + Fraction(7, 16)
    assert going_on.due_at == at("09-28T14:30:00")


def test_a_day_stays_a_day_where_days_have_different_lengths() -> None:
    long, short = [("08:00", "16:00")], [("08:00", "12:00")]
    uneven = built("uneven", 1, {"mon": long, "tue": short, "wed": long})
    tp = Timepieces(company=uneven, bank=uneven, dates={"promised": PROMISED})
    window_rule = rule("1wd")
    window = opened(window_rule, at("09-21T12:00:00"), tp)

    waiting = paused(window, CUSTOMER, tp, at("09-21T14:00:00"))
    going_on = resumed(waiting, CUSTOMER, window_rule, old=tp, new=tp, at=at("09-22T08:00:00"))

    # A quarter of the long Monday is used; three quarters of the short Tuesday remain.
    assert waiting.used == Fraction(1, 4)
    assert going_on.due_at == at("09-22T11:00:00")


def test_elapsed_time_is_paused_by_the_clock_on_the_wall() -> None:
    window_rule = rule("24h/CT")
    window = opened(window_rule, at("09-21T10:00:00"))

    waiting = paused(window, CUSTOMER, TP, at("09-21T16:00:00"))
    going_on = resumed(waiting, CUSTOMER, window_rule, old=TP, new=TP, at=at("09-26T03:00:00"))

    assert going_on.due_at == at("09-26T21:00:00")
    assert going_on.paused_seconds == 107 * 3600


def test_a_pause_after_the_breach_holds_up_the_higher_rungs_and_moves_no_past() -> None:
    window_rule = rule("2h")
    window = opened(window_rule, at("09-21T08:30:00"))

    waiting = paused(window, CUSTOMER, TP, at("09-21T11:00:00"))
    going_on = resumed(waiting, CUSTOMER, window_rule, old=TP, new=TP, at=at("09-22T08:30:00"))

    before, after = marks(window), marks(going_on)
    assert (after["warning"], after["breach"]) == (before["warning"], before["breach"])
    assert before["analysis"] == at("09-21T11:30:00")
    assert after["analysis"] == at("09-22T09:00:00")
    assert after["leadership"] == at("09-22T11:00:00")


@pytest.mark.parametrize(
    ("since", "until", "due"),
    [
        ("09-21T12:00:00", "09-21T15:00:00", "09-21T18:00:00"),
        ("09-21T12:00:00", "09-22T09:00:00", "09-22T18:00:00"),
    ],
)
def test_a_time_of_day_moves_only_when_it_went_by_in_the_pause(
    since: str, until: str, due: str
) -> None:
    window_rule = rule("same_day")
    window = opened(window_rule)

    waiting = paused(window, CUSTOMER, TP, at(since))
    going_on = resumed(waiting, CUSTOMER, window_rule, old=TP, new=TP, at=at(until))

    assert going_on.due_at == at(due)


def closed_on(day: str) -> WorkCalendar:
    """The company's calendar as it is, with one day less."""
    shifts = [("08:30", "12:00"), ("13:30", "18:00")]
    week = dict.fromkeys(("mon", "tue", "wed", "thu", "fri"), shifts)
    return built("cn", 2, week, holidays=[day])


def built(name: str, version: int, week: Mapping[str, object], **dates: object) -> WorkCalendar:
    """A calendar of 2026."""
    return CalendarSpec.model_validate(
        {
            "id": name,
            "title": name,
            "title_zh": name,
            "zone": "Asia/Shanghai",
            "first_year": 2026,
            "last_year": 2026,
            "week": week,
            **dates,
        }
    ).built(version)


def test_a_new_calendar_keeps_what_was_used_under_the_old_one() -> None:
    window_rule = rule("6h")
    window = opened(window_rule, at("09-21T13:30:00"))
    new = closed_on("2026-09-22")
    tp = Timepieces(company=new, bank=new, dates={})

    moved = recalculated(window, window_rule, old=TP, new=tp, now=at("09-21T16:00:00"))

    # 2.5 hours are used; 2 remain of today, and Tuesday is free now.
    assert moved.used == Fraction(5 * 3600, 2)
    assert window.due_at == at("09-22T10:00:00")
    assert moved.due_at == at("09-23T10:00:00")
    assert marks(moved)["warning"] == at("09-23T08:48:00")
    assert moved.calendar == new.label


def test_recalculating_twice_changes_nothing_more() -> None:
    window_rule = rule("6h")
    window = opened(window_rule, at("09-21T13:30:00"))
    new = closed_on("2026-09-22")
    tp = Timepieces(company=new, bank=new, dates={})

    once = recalculated(window, window_rule, old=TP, new=tp, now=at("09-21T16:00:00"))
    twice = recalculated(once, window_rule, old=tp, new=tp, now=at("09-21T17:00:00"))

    assert twice.due_at == once.due_at
    assert marks(twice) == marks(once)


def test_a_breach_that_has_fallen_is_history_under_any_calendar() -> None:
    window_rule = rule("1h")
    window = opened(window_rule)
    new = closed_on("2026-09-21")
    tp = Timepieces(company=new, bank=new, dates={})

    moved = recalculated(window, window_rule, old=TP, new=tp, now=at("09-21T09:45:00"))

    assert moved.due_at == window.due_at
    assert marks(moved)["breach"] == window.due_at
    # 15 minutes before the analysis are left, and today is no working day any more.
    assert marks(moved)["analysis"] == at("09-22T08:45:00")


def test_a_paused_window_stays_paused_under_a_new_calendar() -> None:
    window_rule = rule("6h")
    waiting = paused(opened(window_rule), CUSTOMER, TP, at("09-21T10:30:00"))
    new = closed_on("2026-09-22")
    tp = Timepieces(company=new, bank=new, dates={})

    moved = recalculated(waiting, window_rule, old=TP, new=tp, now=at("09-21T16:00:00"))
    going_on = resumed(moved, CUSTOMER, window_rule, old=tp, new=tp, at=at("09-21T16:00:00"))

    assert moved.paused_at == waiting.paused_at
    assert going_on.due_at == at("09-23T10:30:00")


def test_a_promise_that_moves_takes_what_hangs_on_it_along() -> None:
    window_rule = rule("due-3d", pauses=[])
    window = opened(window_rule)
    later = Timepieces(company=CN, bank=CN, dates={"promised": PROMISED + timedelta(days=7)})

    moved = recalculated(window, window_rule, old=TP, new=later, now=at("09-21T16:00:00"))

    assert window.due_at == PROMISED - timedelta(days=3)
    assert moved.due_at == PROMISED + timedelta(days=4)


def test_two_reasons_end_with_the_later_one() -> None:
    window_rule = rule("4h")
    window = paused(opened(window_rule), CUSTOMER, TP, at("09-21T09:30:00"))

    both = paused(window, SUPPLIER, TP, at("09-21T10:00:00"))
    one = resumed(both, CUSTOMER, window_rule, old=TP, new=TP, at=at("09-21T11:00:00"))
    none = resumed(one, SUPPLIER, window_rule, old=TP, new=TP, at=at("09-21T13:30:00"))

    assert one.paused_at == at("09-21T09:30:00")
    assert none.due_at == at("09-21T16:30:00")
    assert (none.pause_count, none.paused_seconds) == (1, 4 * 3600)


def test_a_reset_window_has_its_whole_limit_again() -> None:
    window_rule = rule("2h", remind_percent=[50])
    window = opened(window_rule)

    anew = reset(window, window_rule, LADDER, TP, at("09-21T09:45:00"))

    assert anew.due_at == at("09-21T11:45:00")
    assert anew.started_at == window.started_at
    assert marks(anew)["reminder_50"] == at("09-21T09:30:00")
    assert marks(anew)["warning"] == at("09-21T11:21:00")


def test_an_explanation_names_start_used_pauses_remaining_calendar_and_rule() -> None:
    window_rule = rule("4h")
    waiting = paused(opened(window_rule), CUSTOMER, TP, at("09-21T09:30:00"))
    going_on = resumed(waiting, CUSTOMER, window_rule, old=TP, new=TP, at=at("09-21T10:30:00"))

    said = explain_at(going_on, TP, at("09-21T11:00:00"))

    assert said == (
        "S08.W03 runs from 2026-09-21 08:30+08:00 for 4 working hours. "
        "It was paused once, 1 h in all. "
        "By 2026-09-21 11:00+08:00 it has used 1 h 30 min of working time: "
        "2 h 30 min left. "
        f"So it is due on 2026-09-21 15:00+08:00, by calendar {CN.label} "
        "(its holidays are announced)."
    )
    assert "It is paused since 2026-09-21 09:30+08:00: it waits for the customer." in explain(
        waiting
    )
    assert "no due instant until it goes on" in explain(waiting)


@pytest.mark.parametrize(
    ("limit", "amount", "words"),
    [
        ("2h", Fraction(5400), "1 h 30 min of working time"),
        ("2wd", Fraction(5, 4), "1.25 working days"),
        ("24h/CT", Fraction(90_000), "1 d 1 h of elapsed time"),
        ("2h", Fraction(0), "0 min of working time"),
    ],
)
def test_amounts_are_said_in_the_unit_of_their_clock(
    limit: str, amount: Fraction, words: str
) -> None:
    assert amount_words(rule(limit).limit.clock, amount) == words


def test_a_paused_window_that_is_reset_after_its_due_instant_has_missed_nothing() -> None:
    window_rule = rule("2h", remind_percent=[50])
    waiting = paused(opened(window_rule), CUSTOMER, TP, at("09-21T09:00:00"))

    anew = reset(waiting, window_rule, LADDER, TP, at("09-21T14:00:00"))

    assert anew.due_at == at("09-21T16:00:00")
    assert min(mark.at for mark in anew.marks) == at("09-21T15:00:00")
    assert (anew.paused_at, anew.paused_seconds) == (None, 5 * 3600)


def test_a_window_that_has_not_begun_is_reset_to_its_beginning() -> None:
    window_rule = rule("same_day")
    tomorrow = opened(window_rule, at("09-22T08:30:00"))

    anew = reset(tomorrow, window_rule, LADDER, TP, at("09-21T16:00:00"))

    assert anew.due_at == tomorrow.due_at
    assert anew.paused_seconds == 0


def test_a_date_that_was_missed_stays_missed_when_the_promise_moves() -> None:
    window_rule = rule("due-3d", pauses=[])
    window = opened(window_rule)
    later = Timepieces(company=CN, bank=CN, dates={"promised": PROMISED + timedelta(days=7)})

    moved = recalculated(
        window, window_rule, old=TP, new=later, now=window.due_at + timedelta(minutes=5)
    )

    assert moved.due_at == window.due_at
    assert marks(moved) == marks(window)


def test_reminders_of_a_time_of_day_move_with_it() -> None:
    window_rule = rule("before 17:00", remind_percent=[50])
    waiting = paused(opened(window_rule), CUSTOMER, TP, at("09-21T09:00:00"))

    going_on = resumed(waiting, CUSTOMER, window_rule, old=TP, new=TP, at=at("09-22T08:30:00"))

    # Seven working hours lie between 08:30 and 17:00.
    assert going_on.due_at == at("09-22T17:00:00")
    assert marks(going_on)["reminder_50"] == at("09-22T12:00:00")


def test_an_explanation_says_that_a_window_was_reset() -> None:
    window_rule = rule("3h")
    anew = reset(opened(window_rule), window_rule, LADDER, TP, at("09-21T10:30:00"))

    said = explain_at(anew, TP, at("09-21T11:00:00"))

    assert "It was reset at 2026-09-21 10:30+08:00 and has its whole limit since then." in said
    assert "it has used 30 min of working time: 2 h 30 min left. So it is due on" in said


def test_an_explanation_of_a_missed_window_speaks_of_the_past() -> None:
    said = explain_at(opened(rule("1h")), TP, at("09-21T10:00:00"))

    assert "30 min too much. So it was due on 2026-09-21 09:30+08:00" in said
