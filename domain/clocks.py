"""The clocks in which the limits of a regulation are counted (catalogue 3.1)."""

from enum import StrEnum


class Clock(StrEnum):
    """How a limit is counted. No clock ever converts into another.

    The first four count lengths, which can be used up and paused. Of the others, each names an
    instant: on a working day's clock, in the calendar, or by a date of the order itself.
    """

    WORKING_TIME = "WT"
    WORKING_DAYS = "WD"
    BANK_DAYS = "BD"
    ELAPSED = "CT"
    TIME_OF_DAY = "TOD"
    CALENDAR = "CAL"
    DATE = "DATE"
