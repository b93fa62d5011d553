"""How a regulation writes a limit, and how it is read back."""

from datetime import time
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter

from domain.lengths import Length
from domain.limits import PROMISED, Clock, Limit, LimitText
from domain.moments import DayOfMonth, PeriodEnd, SameDay, TimesOfDay, Weekdays
from domain.order_dates import OrderDate

COUNTED = {Clock.WORKING_TIME, Clock.WORKING_DAYS, Clock.BANK_DAYS, Clock.ELAPSED}


@pytest.mark.parametrize(
    ("text", "clock", "words", "words_zh"),
    [
        ("30m", Clock.WORKING_TIME, "30 working minutes", "工作时间30分钟"),
        ("1h", Clock.WORKING_TIME, "1 working hour", "工作时间1小时"),
        ("90m", Clock.WORKING_TIME, "90 working minutes", "工作时间90分钟"),
        ("2h30m", Clock.WORKING_TIME, "2 working hours and 30 minutes", "工作时间2小时30分钟"),
        (
            "15m-1h",
            Clock.WORKING_TIME,
            "15 working minutes to 1 working hour",
            "工作时间15分钟至1小时",
        ),
        ("1-4h", Clock.WORKING_TIME, "1 to 4 working hours", "工作时间1至4小时"),
        ("1wd", Clock.WORKING_DAYS, "1 working day", "1个工作日"),
        ("1.5wd", Clock.WORKING_DAYS, "1.5 working days", "1.5个工作日"),
        ("2-3wd", Clock.WORKING_DAYS, "2 to 3 working days", "2至3个工作日"),
        ("2bd", Clock.BANK_DAYS, "2 bank days", "2个银行工作日"),
        ("1-2bd", Clock.BANK_DAYS, "1 to 2 bank days", "1至2个银行工作日"),
        ("24h/CT", Clock.ELAPSED, "24 elapsed hours", "自然时间24小时"),
        ("7d/CT", Clock.ELAPSED, "7 elapsed days", "7个自然日"),
        ("45m/CT", Clock.ELAPSED, "45 elapsed minutes", "自然时间45分钟"),
        ("7-8d/CT", Clock.ELAPSED, "7 to 8 elapsed days", "7至8个自然日"),
        ("2-24h/CT", Clock.ELAPSED, "2 to 24 elapsed hours", "自然时间2至24小时"),
        ("same_day", Clock.TIME_OF_DAY, "the closing time of the same working day", "当日下班前"),
        (
            "same_day cut-off 16:00",
            Clock.TIME_OF_DAY,
            "the closing time of the same working day, from 16:00 on of the next",
            "当日下班前(16:00起计入下一工作日)",
        ),
        ("before 09:30", Clock.TIME_OF_DAY, "the next 09:30 of a working day", "工作日09:30之前"),
        (
            "next 10:00, 13:45, closing",
            Clock.TIME_OF_DAY,
            "the next 10:00, 13:45 or closing time of a working day",
            "工作日10:00、13:45、下班时间中最近的一个时点",
        ),
        (
            "next Mon, Thu 15:00",
            Clock.CALENDAR,
            "15:00 of the next Monday or Thursday (after a holiday, of the next working day)",
            "下一个周一或周四15:00前(遇假日顺延)",
        ),
        ("20th 15:00", Clock.CALENDAR, "15:00 of the next 20th of a month", "每月20日15:00前"),
        ("22nd", Clock.CALENDAR, "the closing time of the next 22nd of a month", "每月22日下班前"),
        (
            "31st or earlier",
            Clock.CALENDAR,
            "the closing time of the next 31st of a month "
            "(if that day is free, of the last working day)",
            "每月31日下班前(遇休息日提前)",
        ),
        (
            "20th 15:00 or later",
            Clock.CALENDAR,
            "15:00 of the next 20th of a month (if that day is free, of the next working day)",
            "每月20日15:00前(遇休息日顺延)",
        ),
        (
            "quarter_end",
            Clock.CALENDAR,
            "the closing time of the last working day of the quarter",
            "本季度最后一个工作日下班前",
        ),
        ("promised", Clock.DATE, "the promised date", "交货期"),
        ("due-3d", Clock.DATE, "3 days before the promised date", "交货期前3天"),
        ("due-3d to due-2d", Clock.DATE, "3 to 2 days before the promised date", "交货期前3至2天"),
        (
            "due-1d to due",
            Clock.DATE,
            "from 1 day before the promised date to that date",
            "交货期前1天至当日",
        ),
        (
            "arrival-5wd",
            Clock.DATE,
            "5 working days before the planned arrival of the material",
            "计划到料日前5个工作日",
        ),
        ("dispatch", Clock.DATE, "the planned dispatch", "计划发货日"),
    ],
)
def test_a_limit_is_read_said_and_written_back(
    text: str, clock: Clock, words: str, words_zh: str
) -> None:
    limit = Limit.parse(text)

    assert (limit.clock, str(limit)) == (clock, text)
    assert (limit.words, limit.words_zh) == (words, words_zh)
    assert limit.is_counted == (clock in COUNTED)


@pytest.mark.parametrize(
    ("text", "same"),
    [
        ("60m", "1h"),
        ("1d/CT", "24h/CT"),
        ("1w/CT", "7d/CT"),
        ("48h/CT", "2d/CT"),
        ("1h-2h", "1-2h"),
        ("1h30m", "90m"),
        ("1.50wd", "1.5wd"),
        ("due", "promised"),
        ("promised-3d", "due-3d"),
        ("next 09:30", "before 09:30"),
    ],
)
def test_one_limit_written_in_two_ways_is_the_same_limit(text: str, same: str) -> None:
    assert Limit.parse(text) == Limit.parse(same)
    assert str(Limit.parse(text)) == same


def test_a_working_day_never_equals_eight_hours_nor_a_bank_day() -> None:
    assert len({Limit.parse(text) for text in ("1wd", "8h", "1bd", "24h/CT", "8h/CT")}) == 5


def test_only_the_promised_date_itself_is_a_promise() -> None:
    promises = {text: Limit.parse(text).is_promise for text in ("promised", "due-3d", "agreed")}

    assert promises == {"promised": True, "due-3d": False, "agreed": False}
    assert Limit.parse("due-3d").anchor == PROMISED
    assert Limit.parse("plan-1d").hangs_on_a_date
    assert not Limit.parse("month_end").hangs_on_a_date


@pytest.mark.parametrize(
    ("text", "what", "cure"),
    [
        ("1d", "could mean two things", "1wd for working days or 1d/CT for elapsed days"),
        ("1w", "could mean two things", "5wd for working days or 7d/CT for elapsed days"),
        ("2-3d", "could mean two things", "2-3wd for working days or 2-3d/CT"),
        ("2wd/CT", "never elapsed", "write 2wd"),
        ("0h", "no time at all", "above zero"),
        ("0-4h", "no time at all", "above zero"),
        ("-2h", "is negative", "write 2h"),
        ("-2-3wd", "is negative", "write 2-3wd"),
        ("3-2wd", "not go from less to more", "write 2-3wd"),
        ("3-3wd", "not go from less to more", "write 3wd"),
        ("4h-1wd", "mixes two clocks", "in one"),
        ("1wd-2bd", "mixes two clocks", "in one"),
        ("1.5h", "no whole number", "90m"),
        ("1.5d/CT", "no whole number", "36h/CT"),
        ("2h90m", "more than 59 minutes", "3h30m"),
        ("09:30", "is a time", "before 09:30"),
        ("before 9:30", "one digit too few", "09:30"),
        ("before noon", "no time of day", "09:30"),
        ("before 24:00", "no time of day", "09:30"),
        ("same_day cut-off 4pm", "no time of day", "16:00"),
        ("next closing", "closing time of the day", "same_day"),
        ("next 10:00, 10:00", "twice", "once"),
        ("next Mon, Mon", "twice", "once"),
        ("next monday", "neither a weekday nor a time", "next Mon, Thu"),
        ("22th", "spelt wrong", "22nd"),
        ("32nd", "no month", "1st to 31st"),
        ("20th 3pm", "no time of day", "09:30"),
        ("due+3d", "on a date or before it", "due-3d"),
        ("due-3", "needs days", "due-3d for elapsed days or due-3wd"),
        ("due-3h", "needs days", "due-3wd"),
        ("due-0d", "the date itself", "write due"),
        ("Due-3d", "written small", "due-3d"),
        ("due-3d to plan-2d", "names two dates", "due-3d to due-2d"),
        ("due-2d to due-3d", "not go from earlier to later", "due-3d to due-2d"),
        ("due-3wd to due-2d", "mixes elapsed and working days", "one of them"),
        ("due-3d to later", "no date of an order", "due-2d"),
    ],
)
def test_a_limit_that_is_nearly_right_is_refused_with_its_cure(
    text: str, what: str, cure: str
) -> None:
    with pytest.raises(ValueError, match=r".+; .+") as refused:
        Limit.parse(text)

    said, _, told = str(refused.value).partition("; ")
    assert what in said
    assert cure in told


@pytest.mark.parametrize(
    "text", ["", "h", "1 h", "2H", "24h/ct", "100000m", "next", "Month_end", "month", "2h/CT/CT"]
)
def test_anything_else_is_no_limit(text: str) -> None:
    with pytest.raises(ValueError, match="is no limit; write 30m"):
        Limit.parse(text)


TIMES = st.times().map(lambda at: time(at.hour, at.minute))
MINUTES = st.integers(1, 10_000).map(Fraction)
DAYS = st.integers(1, 99_999).map(lambda thousandths: Fraction(thousandths, 1000))


def lengths(clock: Clock, amounts: st.SearchStrategy[Fraction]) -> st.SearchStrategy[Length]:
    """Lengths and ranges of one clock."""
    return st.sets(amounts, min_size=1, max_size=2).map(
        lambda ends: Length(
            clock=clock, amount=max(ends), expected=min(ends) if len(ends) == 2 else None
        )
    )


FORMS = st.one_of(
    lengths(Clock.WORKING_TIME, MINUTES),
    lengths(Clock.ELAPSED, MINUTES),
    lengths(Clock.ELAPSED, st.integers(1, 400).map(lambda days: Fraction(days * 1440))),
    lengths(Clock.WORKING_DAYS, DAYS),
    lengths(Clock.BANK_DAYS, DAYS),
    st.builds(SameDay, cut_off=st.none() | TIMES),
    st.builds(TimesOfDay, times=st.lists(TIMES, min_size=1, max_size=4, unique=True).map(tuple)),
    st.builds(
        Weekdays,
        days=st.lists(st.integers(0, 6), min_size=1, unique=True).map(tuple),
        at=st.none() | TIMES,
    ),
    st.builds(
        DayOfMonth,
        day=st.integers(1, 31),
        at=st.none() | TIMES,
        moves=st.sampled_from([None, "later", "earlier"]),
    ),
    st.builds(PeriodEnd, period=st.sampled_from(["week", "month", "quarter", "year"])),
    st.builds(
        OrderDate,
        anchor=st.sampled_from(["promised", "plan", "ready", "arrival", "dispatch", "agreed"]),
        before=st.integers(1, 60),
        expected=st.none() | st.integers(61, 90),
        in_working_days=st.booleans(),
    ),
)


@given(FORMS.map(lambda form: Limit(form=form)))
def test_every_limit_is_read_back_from_its_own_text(limit: Limit) -> None:
    assert Limit.parse(str(limit)) == limit


@given(FORMS.map(lambda form: Limit(form=form)))
def test_every_limit_travels_as_its_text(limit: Limit) -> None:
    travelling = TypeAdapter[Limit](LimitText)

    sent = travelling.dump_json(limit)

    assert sent.decode() == f'"{limit}"'
    assert travelling.validate_json(sent) == limit
