"""What customers and overdue cases wish of an order: queued, never refused by raising."""

from workflows.contract import (
    ChangeNotice,
    FollowUpNews,
    MoneyMoved,
    PromiseMoved,
    ReceiptNotice,
    RushNotice,
)
from workflows.state import MovedPromise, OrderProgress, WaitingChange

NOT_SHIPPED = "nothing has been shipped yet, so nothing can have been received"


class Wishes:
    """Takes wishes as they come; the clerk and the order's life settle them."""

    def __init__(self, progress: OrderProgress) -> None:
        self._progress = progress

    def change(self, notice: ChangeNotice) -> None:
        """Queues a change; what became of it is in the database."""
        self._progress.changes.append(
            WaitingChange(
                change_id=notice.change_id,
                version=notice.version,
                fields=notice.fields,
                touches=notice.touches,
            )
        )

    def receive(self, notice: ReceiptNotice) -> None:
        """Ends the order once it waits for the receipt; refused before dispatch."""
        if self._progress.shipped:
            self._progress.received = notice.change_id
        else:
            self._progress.changes.append(
                WaitingChange(change_id=notice.change_id, refused_because=NOT_SHIPPED)
            )

    def move_promise(self, moved: PromiseMoved) -> None:
        """The promised date moves, once for each case, unless the goods have left already."""
        key = moved.case_id
        if not self._progress.shipped and key not in self._progress.promised_by:
            self._progress.promised_by.append(key)
            self._progress.promises.append(MovedPromise(key=key, promised_at=moved.promised_at))

    def rush(self, notice: RushNotice) -> None:
        """Queues a wish to come first; what it costs is in the database."""
        self._progress.changes.append(WaitingChange(change_id=notice.change_id, rush=True))

    def hear_of_money(self, _: MoneyMoved) -> None:
        """A gate that waits for money looks again, and so does a rush that waits for its fee."""
        self._progress.money_news = True
        self._progress.rush_news = self._progress.rush_open

    def hear_of_follow_up(self, news: FollowUpNews) -> None:
        """An open one may keep the order from being taken as received by itself."""
        if not news.blocks_receipt:
            return
        if news.outcome is None and news.follow_up not in self._progress.disputes:
            self._progress.disputes.append(news.follow_up)
        elif news.outcome is not None and news.follow_up in self._progress.disputes:
            self._progress.disputes.remove(news.follow_up)
