"""Signed notices that were refused: they moved no money, and finance has to look at them."""

from dataclasses import dataclass
from datetime import datetime
from uuid import NAMESPACE_URL, uuid5

from sqlalchemy.dialects.postgresql import insert

from domain.payments import PaymentEnd, PaymentOutcome, PaymentState
from store.differences import REFUSED_NOTICE, Found, keep
from store.engine import Connection
from store.payment_tables import payments

WHY_LENGTH_MAX = 500


@dataclass(frozen=True)
class Refused:
    """A signed notice that could not be taken. What could be read of it is kept; its body is not.

    `digest` is of the body: the same notice sent again is recorded once.
    """

    source: str
    notice: str
    digest: str
    why: str
    reference: str | None
    named_order: str | None
    at: datetime

    @property
    def id(self) -> str:
        """The same for the same notice."""
        named = f"dueline:refused:{self.source}:{self.notice}:{self.digest}"
        return str(uuid5(NAMESPACE_URL, named))


async def record_refused(conn: Connection, refused: Refused) -> str:
    """Keeps a refused notice as an open difference and tells finance, once; returns its id."""
    why = refused.why[:WHY_LENGTH_MAX]
    done = await conn.execute(
        insert(payments)
        .values(
            id=refused.id,
            source=refused.source,
            reference=refused.reference,
            notice=refused.notice,
            digest=refused.digest,
            named_order=refused.named_order,
            state=PaymentState.REFUSED.value,
            why=why,
            outcome=PaymentOutcome(end=PaymentEnd.REFUSED).model_dump(mode="json"),
            reported_by=refused.source,
            arrived_at=refused.at,
            created_at=refused.at,
        )
        .on_conflict_do_nothing()
    )
    if done.rowcount == 1:
        named = f" under reference {refused.reference}" if refused.reference else ""
        about = f"（流水号 {refused.reference}）" if refused.reference else ""
        found = Found(
            key=f"payment/{refused.id}/refused",
            kind=REFUSED_NOTICE,
            text=f"A payment notice of {refused.source}{named} was refused: {why}",
            text_zh=f"{refused.source} 的到账通知{about}被拒绝：{why}",
            by=refused.source,
            at=refused.at,
            notice="payment_refused",
            reference=refused.reference,
            payment=refused.id,
        )
        await keep(conn, found)
    return refused.id
