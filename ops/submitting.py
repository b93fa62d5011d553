"""Sends the orders of files to the API, each once, and keeps what became of them."""

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

from domain.errors import DuelineError
from ops.client import KEY_REUSED, Api, ApiProblem
from ops.intake_files import Draft, read_orders
from ops.intake_places import Fault, FileFaults
from policy.calendars import calendar

AT_ONCE = 8  # more starts no order earlier on two cores


def read_files(paths: Iterable[Path]) -> tuple[list[Draft], list[Fault]]:
    """The orders of all files, and what is wrong with the files that bring none.

    Promised dates such as `+15wd` are counted on calendar `cn`, from now.
    """
    days, now = calendar("cn"), datetime.now(UTC)
    drafts: list[Draft] = []
    faults: list[Fault] = []
    for path in paths:
        try:
            drafts.extend(read_orders(path, days, now))
        except FileFaults as found:
            faults.extend(found.faults)
    return drafts, faults


class Submission:
    """Sends drafts. `faults` is what the platform alone could know, such as an unknown product.

    Whatever was sent stays sent: the keys come from the content, so the mended file can be sent as
    a whole. `broken` is why sending had to stop. `again` sends everything as new orders.
    """

    def __init__(self, client: Api, *, again: bool = False) -> None:
        self.faults: list[Fault] = []
        self.broken: DuelineError | None = None
        self._client = client
        self._again = again
        self._sent: dict[int, Mapping[str, Any]] = {}

    @property
    def sent(self) -> Sequence[Mapping[str, Any]]:
        """What the platform took, in the order of the files."""
        return [self._sent[index] for index in sorted(self._sent)]

    async def send_all(self, drafts: Sequence[Draft], done: Callable[[], None]) -> None:
        """Sends side by side; calls `done` after each."""
        gate = asyncio.Semaphore(AT_ONCE)

        async def send(index: int) -> None:
            async with gate:
                if self.broken is None:
                    await self._send(index, drafts[index])
            done()

        await asyncio.gather(*(send(index) for index in range(len(drafts))))

    async def _send(self, index: int, draft: Draft) -> None:
        told = {"file": draft.file, "line": draft.begins[0], "customer": draft.body["customer"]}
        key = str(uuid4()) if self._again else draft.key
        try:
            taken = await self._client.post("/orders", draft.body, idempotency_key=key)
        except ApiProblem as problem:
            if problem.type == KEY_REUSED:
                # The same file on another day: `+15wd` is another instant now.
                self._sent[index] = told | {"submitted": "before", "id": None, "links": None}
            elif problem.faults:
                self.faults += [draft.fault(f.field, f.message, f.cure) for f in problem.faults]
            else:
                self.broken = problem
        except DuelineError as error:
            self.broken = error
        else:
            when = "before" if taken.replayed else "now"
            answer = {"id": taken.body["id"], "links": taken.body["links"]}
            self._sent[index] = told | {"submitted": when} | answer
