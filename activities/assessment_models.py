"""What the assessment's activity takes and gives; importing this touches no database."""

from datetime import datetime

from domain.base import Record

ASSESS_PERIOD = "assess_period"


class AssessmentRequest(Record):
    """Assess this period, `2026-11` or `2026-Q4`, as it stands at `now`."""

    period: str
    now: datetime


class AssessmentResult(Record):
    """What was kept: how many windows were breached in the period of how many decided."""

    period: str
    breached: int
    decided: int
