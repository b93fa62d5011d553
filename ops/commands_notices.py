"""`dueline notices`: who was told what, what could not be sent, and where the channels lead."""

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import App, Parameter
from rich.table import Table

from domain.errors import DuelineError
from domain.roles import Role
from ops.commands_orders import Address, AsJson, Key
from ops.order_lookup import client_for, order_id_of
from ops.order_tables import Item, console, local, short, words

if TYPE_CHECKING:
    from activities.channels import Channel, Channels

app = App(name="notices", help="See what was told to whom, and send dead notices again.")

OVERSEER = Role.OPERATIONS
"""Whose key reads and re-sends when none is named: it sees every notice."""


@app.default
async def list_(
    *,
    state: str | None = None,
    role: Role | None = None,
    order: str | None = None,
    channel: str | None = None,
    as_json: AsJson = False,
    api: Address = None,
    key: Key = None,
) -> None:
    """List notices, the newest first.

    Examples

        dueline notices --state dead
        dueline notices --role sales --order SO-2026-000004 --json

    Parameters
    ----------
    state
        pending, sent or dead.
    role
        Only what this role was told.
    order
        Only about this order: its number, its id or the beginning of the id.
    channel
        Only what goes out on this channel.
    """
    async with client_for(api, key, OVERSEER) as client:
        order_id = await order_id_of(client, order) if order else None
        query = client.items("/notices", state=state, role=role, order=order_id, channel=channel)
        found = [item async for item in query]
    if as_json:
        _print_json(found)
    else:
        _print_notices(found)


@app.command
async def resend(
    id: int | None = None,
    *,
    all: Annotated[bool, Parameter(negative="")] = False,
    as_json: AsJson = False,
    api: Address = None,
    key: Key = None,
) -> None:
    """Send a dead notice again, or all of them, on the channels where they are dead.

    Examples

        dueline notices resend 4711
        dueline notices resend --all

    Parameters
    ----------
    id
        The notice's number, as `dueline notices --state dead` shows it.
    all
        Every dead notice.
    """
    if all == (id is not None):
        raise DuelineError("Name one notice, or --all: see `dueline notices --state dead`.")
    async with client_for(api, key, OVERSEER) as client:
        dead = [item["id"] async for item in client.items("/notices", state="dead")] if all else []
        # The oldest first, as they would have gone.
        numbers = reversed(dead) if id is None else [id]
        sent = [(await client.post(f"/notices/{number}/resend", {})).body for number in numbers]
    if as_json:
        _print_json(sent)
    else:
        print(f"{len(sent)} {'notice' if len(sent) == 1 else 'notices'} will be sent again")


@app.command
def channels(as_json: AsJson = False) -> None:
    """List the channels of the file in DUELINE_CHANNELS, without the secrets of their addresses.

    Exit code 1 when the file has a fault.

    Example: `dueline notices channels`
    """
    found = [_shown(channel) for channel in _channels().all]
    if as_json:
        _print_json(found)
        return
    table = Table("channel", "through", "language", "digest", "roles", "kinds")
    for channel in found:
        table.add_row(*(", ".join(v) if isinstance(v, list) else v for v in channel.values()))
    console().print(table)


@app.command
async def test(channel: str) -> None:
    """Send one message through a channel, to see whether it arrives.

    Example: `dueline notices test workshop`

    Parameters
    ----------
    channel
        Its name in the file in DUELINE_CHANNELS.
    """
    from activities.senders import NotSent
    from store.outbox import Notice

    named = _channels().named
    if channel not in named:
        known = f"write one of {', '.join(named)}" if named else "name a file in DUELINE_CHANNELS"
        raise DuelineError(f"There is no channel {channel!r}: {known}.")
    notice = Notice(
        id=0,
        key="test",
        order_id=None,
        order_number=None,
        to_role=OVERSEER,
        kind="test",
        text=f"This is a test of the channel {channel}.",
        text_zh=f"这是通知渠道 {channel} 的测试消息。",
        at=datetime.now(UTC),
        attempts=0,
    )
    try:
        await named[channel].sender.send([notice])
    except NotSent as failure:
        raise DuelineError(f"{channel}: {failure}.") from failure
    print(f"sent through {channel}")


def _channels() -> "Channels":
    from activities.channels import load_channels
    from settings import Settings

    return load_channels(Settings().channels)


def _shown(channel: "Channel") -> dict[str, Any]:
    from activities.senders import AppriseSender

    sender = channel.sender
    through = str(sender.service.service_name) if isinstance(sender, AppriseSender) else "log"
    minutes = channel.digest and int(channel.digest.total_seconds() // 60)
    everybody = channel.roles == frozenset(Role)
    return {
        "channel": channel.name,
        "through": through,
        "language": channel.language,
        "digest": f"{minutes}m" if minutes else "-",
        "roles": ["all"] if everybody else [r.value for r in Role if r in channel.roles],
        "kinds": sorted(channel.kinds) or ["all"],
    }


def _print_notices(notices: list[Item]) -> None:
    table = Table("notice", "when", "order", "to", "what", "state", "channels")
    for notice in notices:
        table.add_row(
            str(notice["id"]),
            local(notice["at"]),
            notice["order_number"] or short(notice["order_id"] or "-"),
            words(notice["to_role"]),
            notice["text"],
            notice["state"],
            "; ".join(map(_fate, notice["deliveries"] or ())) or "-",
        )
    if notices:
        console().print(table)
    print(f"{len(notices)} {'notice' if len(notices) == 1 else 'notices'}")


def _fate(delivery: Item) -> str:
    error = f" ({delivery['error']})" if delivery["error"] else ""
    return f"{delivery['channel']} {delivery['state']}{error}"


def _print_json(value: Any) -> None:
    print(json.dumps(value, ensure_ascii=False, indent=2, default=str))
