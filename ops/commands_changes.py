"""`dueline change` and `dueline changes`: what a customer wishes otherwise, from a terminal."""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

from cyclopts import App, Parameter

from domain.errors import DuelineError
from ops.change_tables import print_change, print_changes, print_impact
from ops.commands_orders import CUSTOMER_DESK, READER, Address, AsJson, Key
from ops.order_lookup import client_for, order_id_of

_EACH = Parameter(negative="", consume_multiple=False)


@Parameter(name="*")
@dataclass(frozen=True)
class LineOptions:
    """What changes of the lines.

    Parameters
    ----------
    quantity
        LINE=UNITS: how many of a line it shall be.
    product
        LINE=PRODUCT: what a line shall be exchanged for, at the list price.
    specification
        LINE=TEXT: how a line shall be made.
    remove
        A line that falls away.
    add
        PRODUCT=UNITS: a line more, at the price agreed for the product or the list price.
    """

    quantity: Annotated[list[str], _EACH] = field(default_factory=list)
    product: Annotated[list[str], _EACH] = field(default_factory=list)
    specification: Annotated[list[str], _EACH] = field(default_factory=list)
    remove: Annotated[list[int], _EACH] = field(default_factory=list)
    add: Annotated[list[str], _EACH] = field(default_factory=list)

    def read(self) -> list[dict[str, Any]]:
        """The lines as the API takes them: those of the order by number, then new ones.

        Raises DuelineError.
        """
        changed: dict[int, dict[str, Any]] = {}

        def of(number: int) -> dict[str, Any]:
            return changed.setdefault(number, {"line": number})

        for said in self.quantity:
            line, units = _pair("--quantity", said, "2=30")
            of(_whole("--quantity", line))["quantity"] = _whole("--quantity", units)
        for said in self.product:
            line, code = _pair("--product", said, "2=EL-A5")
            of(_whole("--product", line))["product"] = code
        for said in self.specification:
            line, text = _pair("--specification", said, "2='cut to 196 x 142 mm'")
            of(_whole("--specification", line))["specification"] = text
        for number in self.remove:
            of(number)["remove"] = True
        added = [_pair("--add", said, "EL-A4=10") for said in self.add]
        new = [{"product": code, "quantity": _whole("--add", units)} for code, units in added]
        return [*changed.values(), *new]


@Parameter(name="*")
@dataclass(frozen=True)
class OrderOptions:
    """What changes of the order, why, and who says so.

    Parameters
    ----------
    promised
        The new date, an instant with its offset.
    patch
        A JSON file with further fields as the API takes them, such as contact and deliver_to.
    because
        The customer's reason.
    evidence
        NAME=URI: the customer's written text.
    identity
        How you made sure who asks.
    """

    promised: str | None = None
    requirements: str | None = None
    remarks: str | None = None
    patch: Path | None = None
    because: str | None = None
    evidence: str | None = None
    identity: str | None = None

    def read(self) -> dict[str, Any]:
        """The fields as the API takes them. Raises DuelineError."""
        said = {
            "promised_at": self.promised,
            "requirements": self.requirements,
            "remarks": self.remarks,
            "reason": self.because,
            "identity": self.identity,
            "evidence": _named(self.evidence),
        }
        return _patch(self.patch) | {k: value for k, value in said.items() if value is not None}


def register(app: App) -> None:
    """Adds the commands to the tree."""
    app.command(change)
    app.command(changes)


async def change(
    order: str,
    *,
    lines: LineOptions | None = None,
    fields: OrderOptions | None = None,
    version: int | None = None,
    preview: Annotated[bool, Parameter(negative="")] = False,
    as_json: AsJson = False,
    api: Address = None,
    key: Key = None,
) -> None:
    """Ask for a change of an order, or see with --preview what it would mean.

    Examples

        dueline change SO-2026-000004 --quantity 2=30 --remove 3 --add EL-A4=10 --preview
        dueline change SO-2026-000004 --promised 2027-01-15T18:00+08:00 --because "opens late"

    Parameters
    ----------
    order
        The order's number, its id, or the beginning of the id as the lists show it.
    version
        The version that the customer saw; without it the order as it is now.
    preview
        Say what it would mean, and ask for nothing.
    """
    body = (fields or OrderOptions()).read()
    if changed := (lines or LineOptions()).read():
        body["lines"] = changed
    async with client_for(api, key, CUSTOMER_DESK) as client:
        order_id = await order_id_of(client, order)
        if version is None:
            version = (await client.get(f"/orders/{order_id}"))["version"]
        path = f"/orders/{order_id}/changes"
        query = "?preview=true" if preview else ""
        answer = (await client.post(f"{path}{query}", {"version": version, **body})).body
    if as_json:
        print(json.dumps(answer, ensure_ascii=False, indent=2))
    elif preview:
        print_impact(answer)
    else:
        print_change(answer)


async def changes(
    order: str, *, as_json: AsJson = False, api: Address = None, key: Key = None
) -> None:
    """List what was wished of an order, the newest first: changes, cancellations and receipts.

    Example: `dueline changes SO-2026-000004`

    Parameters
    ----------
    order
        The order's number, its id, or the beginning of the id as the lists show it.
    """
    async with client_for(api, key, READER) as client:
        order_id = await order_id_of(client, order)
        found = [item async for item in client.items(f"/orders/{order_id}/changes")]
    if as_json:
        print(json.dumps(found, ensure_ascii=False, indent=2))
    else:
        print_changes(found)


def _pair(option: str, said: str, example: str) -> tuple[str, str]:
    left, equals, right = said.partition("=")
    if not (left and equals and right):
        raise DuelineError(f"{option} {said}: write a pair such as {example}.")
    return left, right


def _whole(option: str, text: str) -> int:
    if not text.isascii() or not text.isdigit():
        raise DuelineError(f"{option}: {text!r} is no whole number.")
    return int(text)


def _named(evidence: str | None) -> dict[str, str] | None:
    if evidence is None:
        return None
    name, uri = _pair("--evidence", evidence, "letter.pdf=https://files.example.com/letter.pdf")
    return {"name": name, "uri": uri}


def _patch(path: Path | None) -> dict[str, Any]:
    if path is None:
        return {}
    try:
        body = json.loads(path.read_bytes())
    except (OSError, ValueError) as error:
        raise DuelineError(f"{path} cannot be read as JSON: {error}.") from error
    if not isinstance(body, dict):
        raise DuelineError(f"{path} holds no JSON object: write its fields in braces.")
    return body
