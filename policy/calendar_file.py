"""A calendar as its owner writes it: public holidays by country, expanded to dates once."""

from datetime import date, timedelta
from functools import lru_cache
from typing import Literal, Self

import holidays
from pydantic import model_validator

from domain.calendars import CalendarPlan, CalendarSpec, Day

_ONE_DAY = timedelta(days=1)
_SATURDAY = 5


class CalendarFile(CalendarPlan):
    """A file of `calendar_files/`.

    `public_holidays` takes over a country's public holidays and make-up working days. The extra
    days come on top: days off that no law knows, and days worked in exchange.
    """

    public_holidays: Literal["CN"] | None = None
    extra_holidays: tuple[Day, ...] = ()
    extra_makeup_days: tuple[Day, ...] = ()

    @model_validator(mode="after")
    def _frees_no_day_that_it_works(self) -> Self:
        public, worked, _ = self._public
        for place, day in enumerate(self.extra_holidays):
            if day in worked or day in self.extra_makeup_days:
                raise ValueError(
                    f"extra_holidays[{place}]: {day} is a make-up day, too; leave one out, or "
                    "write an exception without shifts"
                )
        for place, day in enumerate(self.extra_makeup_days):
            if day in public:
                raise ValueError(
                    f"extra_makeup_days[{place}]: {day} is a public holiday; write an exception "
                    "with shifts"
                )
        return self

    def expanded(self) -> CalendarSpec:
        """The calendar with all its dates, as the holidays are known today."""
        public, worked, provisional = self._public
        plan = self.model_dump(include=set(CalendarPlan.model_fields))
        return CalendarSpec(
            **plan,
            holidays=tuple(sorted({*public, *self.extra_holidays})),
            makeup_days=tuple(sorted({*worked, *self.extra_makeup_days})),
            provisional_years=provisional,
        )

    @property
    def _public(self) -> tuple[frozenset[date], frozenset[date], tuple[int, ...]]:
        if self.public_holidays is None:
            return frozenset(), frozenset(), ()
        return _public_days(self.public_holidays, range(self.first_year, self.last_year + 1))


def announced_until(public: holidays.HolidayBase) -> int:
    """The last year whose holidays the State Council has announced, as far as the library knows.

    The library answers for later years too, with the statutory days alone, and does not say that
    it guesses. Swapped days are in no law: they are there only for announced years, and every
    announcement since 2001 has had some.
    """
    announced: dict[int, object] = public.special_public_holidays
    return max(announced)


@lru_cache(maxsize=8)
def _public_days(
    country: str, years: range
) -> tuple[frozenset[date], frozenset[date], tuple[int, ...]]:
    """Public holidays, make-up days, and the years for which they are guessed."""
    public = holidays.country_holidays(country, years=years)
    worked = frozenset(day for day in public.weekend_workdays if day.year in years)
    provisional = tuple(year for year in years if year > announced_until(public))
    return _stretched(frozenset(public) - worked, worked, years), worked, provisional


def _stretched(public: frozenset[date], worked: frozenset[date], years: range) -> frozenset[date]:
    """With the Saturdays and Sundays inside and beside the holidays, unless they are worked.

    The State Council announces whole stretches; the library leaves their weekend days out, which
    matters to whoever works on Saturdays.
    """
    free = set(public)
    for first in public:
        for step in (-_ONE_DAY, _ONE_DAY):
            day = first + step
            while day.weekday() >= _SATURDAY and day not in worked and day.year in years:
                free.add(day)
                day += step
    return frozenset(free)
