"""A sale of S11: the sales manager approves it, and whoever needs service has a day's answer."""

from datetime import timedelta

from store import tables
from tests.workflow.floor import Floor
from tests.workflow.following import begun, wanted


async def test_the_sales_manager_approves_and_a_service_request_has_an_answer_within_24_hours(
    floor: Floor,
) -> None:
    placed = await floor.place(profile="S11")
    await placed.walk(("entry", "check", "confirm"))
    [approval] = await placed.at("review")
    assert approval["role"] == "sales_manager"
    await placed.answer(approval)
    await placed.at("plan")

    await wanted(placed, "service")
    service = await begun(placed, "service")
    await service.asked("respond")
    window = await placed.window("S11.W03")
    assert window["due_at"] == window["started_at"] + timedelta(hours=24)
    handle = floor.client.get_workflow_handle(service.workflow_id)
    await floor.skipper.fast_forward(handle, timedelta(hours=24, minutes=1))
    mark = await placed.marked(window["key"], "breach")
    assert mark["due_at"] == window["due_at"]

    day = (placed.now + timedelta(days=3)).date().isoformat()
    await service.answer("respond", "visit", agreed_date=day)
    await service.answer("serve", "not_served")
    await service.answer("respond", "settled")

    assert (await service.closed())["outcome"] == "settled"
    assert await service.steps() == ["respond", "serve", "respond"]
    windows = await placed.rows(tables.windows, rule="S11.W03")
    [late, again] = sorted(windows, key=lambda row: row["key"])
    assert late["stopped_at"] > late["due_at"]
    assert again["stopped_at"] <= again["due_at"]
