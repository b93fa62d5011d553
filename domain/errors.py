"""Every error of the domain, in one tree; the API maps each to a status in one table.

DuelineError
├── Refused            the request can be understood and may not be
│   ├── UnknownThing     profile, product, customer, order or task that is not there
│   ├── NotAllowed       the key's role may not do this
│   ├── InvalidField     a field's value breaks a rule
│   ├── IncompleteOrder  fields that the profile requires are missing
│   ├── TaskNotOpen      somebody was faster, or the step has moved on
│   ├── KeyReused        the idempotency key came before with another body
│   ├── PaymentKnown     the reference of a payment came before, with other content or elsewhere
│   ├── RefundNotOpen    the refund does not stand where this could be done
│   ├── FourEyes         the same key may not do both
│   ├── OnHold           operations hold the order; nobody can answer until they release it
│   └── NothingRuns      the workflow has ended, or there is none
├── Unanswered         nobody took it in time: no worker, or one that cannot
└── CalendarError      a calendar or a limit that cannot be computed with
    └── DateMissing      a date of the order that a limit hangs on is not known yet
"""

from dataclasses import dataclass


class DuelineError(Exception):
    """The root."""


class Refused(DuelineError):  # noqa: N818  an error named as a noun with facts
    """Understood, and refused with a reason."""


@dataclass(eq=False)
class UnknownThing(Refused):
    """`kind` with this `key` does not exist, or not for the one who asks."""

    kind: str
    key: str
    field: str | None = None
    known: tuple[str, ...] = ()

    def __str__(self) -> str:
        hint = f"; known: {', '.join(self.known)}" if self.known else ""
        return f"there is no {self.kind} {self.key!r}{hint}"


@dataclass(eq=False)
class NotAllowed(Refused):
    """The caller's roles do not include one that may."""

    needed: tuple[str, ...]

    def __str__(self) -> str:
        return f"needs the role {' or '.join(self.needed)}"


@dataclass(eq=False)
class InvalidField(Refused):
    """`field` (dotted, with indexes) breaks `rule`."""

    field: str
    rule: str

    def __str__(self) -> str:
        return f"{self.field}: {self.rule}"


class NothingChanges(InvalidField):
    """The order is already as the change would have it."""


@dataclass(eq=False)
class IncompleteOrder(Refused):
    """The profile requires these fields (G02)."""

    profile: str
    missing: tuple[str, ...]

    def __str__(self) -> str:
        return f"profile {self.profile} requires {', '.join(self.missing)}"


@dataclass(eq=False)
class TaskNotOpen(Refused):
    """The task was done, withdrawn, or its step has been left."""

    task_id: str

    def __str__(self) -> str:
        return f"task {self.task_id} is not open"


@dataclass(eq=False)
class KeyReused(Refused):
    """The same idempotency key came before with a different body."""

    key: str

    def __str__(self) -> str:
        return "this Idempotency-Key was used with a different body"


@dataclass(eq=False)
class PaymentKnown(Refused):
    """The `reference` belongs to an earlier `payment`; `how` says what is odd about that."""

    reference: str
    payment: str
    how: str

    def __str__(self) -> str:
        return f"the reference {self.reference} {self.how}; see payment {self.payment}"


@dataclass(eq=False)
class RefundNotOpen(Refused):
    """The refund is `state`, and from there it goes another way."""

    refund: str
    state: str

    def __str__(self) -> str:
        return f"the refund is {self.state}"


@dataclass(eq=False)
class FourEyes(Refused):
    """Two keys have to do it."""

    rule: str

    def __str__(self) -> str:
        return self.rule


@dataclass(eq=False)
class OnHold(Refused):
    """Operations hold the order; `why` says since when, what for, and who releases it."""

    why: str

    def __str__(self) -> str:
        return f"the order {self.why}"


@dataclass(eq=False)
class BeingChanged(Refused):
    """A change is being decided; `why` says since when, of which class, and what to do."""

    why: str

    def __str__(self) -> str:
        return f"the order {self.why}"


@dataclass(eq=False)
class NothingRuns(Refused):
    """The `workflow_id` does not run; `status` is how it ended, none when it is not there."""

    workflow_id: str
    status: str | None

    def __str__(self) -> str:
        ended = f"has ended ({self.status})" if self.status else "is not there"
        return f"the workflow {self.workflow_id} {ended}; nothing can be done to it"


@dataclass(eq=False)
class Unanswered(DuelineError):  # noqa: N818  a noun with facts, like the others
    """Nobody took it in time; `because` says why, and what helps."""

    because: str

    def __str__(self) -> str:
        return self.because


class CalendarError(DuelineError):
    """A calendar without working time, or a limit it cannot hold."""


@dataclass(eq=False)
class DateMissing(CalendarError):  # noqa: N818  a noun with facts, like the others
    """The order does not have the date on which a limit hangs, such as `arrival`."""

    anchor: str
    limit: str

    def __str__(self) -> str:
        return f"the limit {self.limit} hangs on the date {self.anchor!r}, which is not known yet"
