"""`ops show` tells an order's whole story in one screen, whoever is away."""

from ops.repair.site import Site
from ops.repair.story import tell_story
from store import tables
from store.audit import OpsAction
from tests.ops.conftest import Dueline
from tests.ops.ward import Ward, late
from tests.workflow.floor import Placed
from tests.workflow.operating import hold
from workflows.contract import RENEW

NOBODY = "127.0.0.1:1"


async def late_and_held(ward: Ward) -> Placed:
    """An order that was late, was confirmed, and is held now."""
    placed = await late(ward)
    await placed.do("entry")
    await placed.at("confirm")
    await hold(placed)
    return placed


async def test_a_late_held_order_is_told_in_one_screen(
    ward: Ward, site: Site, dueline: Dueline
) -> None:
    placed = await late_and_held(ward)
    await site.note(OpsAction(action="hold", target=placed.order_id, reason="the bank has stopped"))
    number = (await placed.row())["number"]

    said = await dueline("ops", "show", number)

    assert said.code == 0, said.err
    for words in (
        number,
        "C-0001, S08",
        "on hold since",
        "operations to release it: the customer's bank has stopped",
        f"dueline ops release {number}",
        "S08.W01",
        "warning, breach",
        "paused (hold)",
        "hold_order",
        "complete_task",
        "the bank has stopped",
        "running, workers without versions",
    ):
        assert words in said.out, words
    assert "+08:00" in said.out
    assert "Wang Fang" not in said.out


async def test_the_story_as_json_has_every_part(ward: Ward, dueline: Dueline) -> None:
    placed = await late_and_held(ward)
    wish = await placed.wish("change", {"remarks": "ring twice"})
    await placed.settled(wish)

    story = (await dueline("ops", "show", placed.order_id[:8], "--json")).json

    assert story["order"]["id"] == placed.order_id
    steps = {step["step"]: step for step in story["steps"]}
    assert steps["entry"]["outcome"].startswith("done")
    assert (steps["confirm"]["visit"], steps["confirm"]["until"]) == (1, None)
    clocks = {(clock["rule"], clock["state"]): clock for clock in story["clocks"]}
    assert clocks["S08.W01", "breached"]["marks"][:2] == ["warning", "breach"]
    assert clocks["S08.W02", "open"]["paused_for"] == ["hold"]
    assert {"complete_task", "hold_order"} <= {one["name"] for one in story["messages"]}
    assert [(one["kind"], one["fields"]) for one in story["changes"]] == [("change", ["remarks"])]
    assert [(one["rule"], one["state"]) for one in story["cases"]] == [("S08.W01", "open")]
    assert [run["status"] for run in story["runs"]] == ["running"]
    assert story["findings"] == []
    assert story["unasked"] == []


async def test_messages_are_told_over_the_runs_of_the_workflow(ward: Ward, site: Site) -> None:
    placed = await ward.floor.place()
    await placed.do("entry")
    await placed.at("confirm")
    first = (await placed.handle.describe()).run_id
    await placed.handle.signal(RENEW)

    async def renewed() -> bool:
        return (await placed.handle.describe()).run_id != first

    await placed.until(renewed, "a fresh run has begun")
    story = await tell_story(site, placed.order_id)

    assert [message.name for message in story.messages] == ["complete_task", "renew"]


async def test_an_order_is_told_without_a_worker(ward: Ward, site: Site, dueline: Dueline) -> None:
    placed = await ward.floor.place()
    await placed.at("entry")
    await ward.retire(ward.floor)

    said = await dueline("ops", "show", placed.order_id)
    looked = await dueline("ops", "stuck")

    assert said.code == 0, said.err
    assert "sales to answer: Entry" in said.out
    assert (looked.code, looked.out.splitlines()[0]) == (
        0,
        f"Note: no worker asks queue {site.task_queue} for work: 1 workflows there take no answer.",
    )


async def test_an_order_is_told_while_the_engine_is_away(ward: Ward, dueline: Dueline) -> None:
    placed = await ward.floor.place()
    await placed.at("entry")

    said = await dueline("ops", "show", placed.order_id, engine=NOBODY)
    looked = await dueline("ops", "stuck", "--json", engine=NOBODY)

    assert said.code == 0, said.err
    assert "the engine does not answer" in said.out
    assert "sales to answer: Entry" in said.out
    assert "S08.W01" in said.out
    assert [words for words in looked.json["unasked"] if "does not answer" in words]


async def test_an_order_whose_workflow_is_gone_is_told(ward: Ward, dueline: Dueline) -> None:
    placed = await ward.floor.place()
    await placed.at("entry")
    await placed.handle.terminate("the wrong window in the Web UI")

    said = await dueline("ops", "show", placed.order_id)

    assert "its record is open, and its workflow is terminated" in said.out
    assert "terminated, workers without versions" in said.out


async def test_dead_notices_of_an_order_are_told(ward: Ward, site: Site) -> None:
    placed = await ward.floor.place()
    await placed.at("entry")
    [first, *_] = await placed.rows(tables.outbox)
    await ward.execute(tables.channels.insert().values(name="desk"))
    dead = {"notice": first["id"], "channel": "desk", "state": "dead", "error": "no such number"}
    await ward.execute(tables.deliveries.insert().values(**dead))

    story = await tell_story(site, placed.order_id)

    assert [(one.channel, one.error) for one in story.failed_notices] == [
        ("desk", "no such number")
    ]
