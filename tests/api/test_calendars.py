"""Calendars over the API: what counts, the dry run, publishing, and who may."""

from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from sqlalchemy import select

from domain.roles import Role
from domain.windows import DueWindow
from policy.calendar_building import build
from policy.calendars import shipped
from policy.deadlines import open_window
from policy.instants import Timepieces
from policy.loader import Loaded
from store.tables import windows as window_table
from tests.api.conftest import House
from tests.api.factory import fields_of, key_of, order_body, window_row

Body = dict[str, Any]
PATH = "/calendars/cn/versions"


@pytest.fixture
async def operations(house: House) -> Any:
    """A client with operations' key."""
    async with house.client(key_of("operations")) as client:
        yield client


def spec(**changed: Any) -> Body:
    """The shipped calendar `cn` with other values."""
    return shipped("cn").model_dump(mode="json") | changed


def closed(day: datetime) -> Body:
    """`cn` with the days around `day` closed: nothing that is due then stays due."""
    first, last = (day.date() + timedelta(days=count) for count in (-3, 10))
    days = {"from": str(first), "to": str(last), "reason": "Flood 洪水", "shifts": []}
    return spec(exceptions=[days])


async def test_the_calendars_are_listed_with_their_provisional_years(
    operations: httpx.AsyncClient,
) -> None:
    listed = (await operations.get("/calendars")).json()

    assert [(item["id"], item["version"]) for item in listed] == [
        ("bank-cn", 1),
        ("cn", 1),
        ("line-el", 1),
        ("supplier-cn", 1),
    ]
    assert listed[1]["provisional_years"] == list(range(2027, 2036))


async def test_a_calendar_shows_its_shifts_and_dates(operations: httpx.AsyncClient) -> None:
    shown = (await operations.get("/calendars/cn")).json()

    assert shown["spec"] == spec()
    assert shown["windows_behind"] == 0
    assert (await operations.get("/calendars/cm")).status_code == 404


async def test_a_dry_run_says_what_would_change_and_changes_nothing(
    house: House, operations: httpx.AsyncClient, sales: httpx.AsyncClient, loaded: Loaded
) -> None:
    window = await opened_window(house, sales, loaded)
    body = {"spec": closed(window.due_at)}

    answer = await operations.post(PATH, json=body)

    assert answer.status_code == 200
    preview = answer.json()
    assert preview["version"] == 2
    assert preview["days_changed"] > 0
    assert preview["changes"][0]["after"] == "closed"
    counts = preview["windows"]["counts"]
    assert (counts["running"], counts["moving"], counts["failed"]) == (1, 1, 0)
    moved = preview["windows"]["moved"][0]
    assert moved["window"] == window.key
    assert datetime.fromisoformat(moved["due_before"]) == window.due_at
    assert datetime.fromisoformat(moved["due_after"]) > window.due_at + timedelta(days=5)
    assert (await operations.get("/calendars/cn")).json()["version"] == 1
    assert house.temporal.published == []


async def test_the_digest_of_the_dry_run_publishes_the_next_version_once(
    house: House, operations: httpx.AsyncClient
) -> None:
    body = {"spec": spec(title="Another title")}
    digest = (await operations.post(PATH, json=body)).json()["digest"]

    first = await operations.post(PATH, json=body | {"confirm": digest})
    again = await operations.post(PATH, json=body | {"confirm": digest})

    assert first.status_code == again.status_code == 201
    assert first.json() == again.json()
    assert first.json()["workflow"] == "calendar-cn-v2"
    assert [told.label for told in house.temporal.published] == ["cn@2", "cn@2"]
    versions = (await operations.get(PATH)).json()
    assert [item["version"] for item in versions] == [2, 1]
    assert versions[0]["published_by"] == "operations"


async def test_what_another_has_published_meanwhile_is_looked_at_again(
    operations: httpx.AsyncClient,
) -> None:
    mine, theirs = {"spec": spec(title="Mine")}, {"spec": spec(title="Theirs")}
    digest = (await operations.post(PATH, json=mine)).json()["digest"]
    other = (await operations.post(PATH, json=theirs)).json()["digest"]
    await operations.post(PATH, json=theirs | {"confirm": other})

    answer = await operations.post(PATH, json=mine | {"confirm": digest})

    assert answer.status_code == 409
    assert answer.json()["type"] == "urn:dueline:problem:calendar-moved-on"


async def test_a_publication_is_made_up_for_when_the_engine_was_away(
    house: House, operations: httpx.AsyncClient
) -> None:
    body = {"spec": spec(title="Another title")}
    body["confirm"] = (await operations.post(PATH, json=body)).json()["digest"]
    house.temporal.is_away = True
    refused = await operations.post(PATH, json=body)
    house.temporal.is_away = False

    answer = await operations.post(PATH, json=body)

    assert (refused.status_code, answer.status_code) == (503, 201)
    assert answer.json()["version"] == 2
    assert [told.label for told in house.temporal.published] == ["cn@2"]


@pytest.mark.parametrize(
    ("changed", "field", "complaint"),
    [
        ({"zone": "Asia/Nowhere"}, "spec.zone", "no time zone"),
        ({"week": {}}, "spec.week", "no weekday has a shift"),
        ({"week": {"mon": [["08:00", "08:00"]]}}, "spec.week.mon[0]", "is empty"),
        (
            {"week": {"mon": [["22:00", "07:00"]], "tue": [["06:00", "14:00"]]}},
            "spec.week",
            "overlaps 06:00-14:00 of the next day",
        ),
        ({"holidays": ["2026-11-28"], "makeup_days": ["2026-11-28"]}, "spec", "a holiday, too"),
        (
            {
                "exceptions": [
                    {"from": "2026-01-01", "to": "2026-12-31", "reason": "shut", "shifts": []}
                ]
            },
            "spec",
            "no working time in 2026",
        ),
        ({"id": "cm"}, "spec.id", "is not cn"),
    ],
)
async def test_a_calendar_that_cannot_be_worked_is_refused(
    operations: httpx.AsyncClient, changed: Body, field: str, complaint: str
) -> None:
    answer = await operations.post(PATH, json={"spec": spec(**changed)})

    assert answer.status_code == 422
    assert fields_of(answer.json()) == [field]
    assert complaint in answer.json()["errors"][0]["message"]


async def test_only_operations_and_control_publish(house: House) -> None:
    may = []
    for role in Role:
        async with house.client(key_of(role)) as client:
            answer = await client.post(PATH, json={"spec": spec()})
        if answer.status_code != 403:
            may.append(role)

    assert set(may) == {Role.OPERATIONS, Role.CONTROL}


async def test_a_new_calendar_begins_with_version_one(operations: httpx.AsyncClient) -> None:
    body = {"spec": spec(id="line-9", title="Line 9")}
    preview = (await operations.post("/calendars/line-9/versions", json=body)).json()

    answer = await operations.post(
        "/calendars/line-9/versions", json=body | {"confirm": preview["digest"]}
    )

    assert answer.json()["version"] == 1
    assert (await operations.get("/calendars/line-9")).json()["spec"]["title"] == "Line 9"


async def opened_window(house: House, sales: httpx.AsyncClient, loaded: Loaded) -> DueWindow:
    """An order whose first window has just been opened on `cn@1`."""
    order = (await sales.post("/orders", json=order_body())).json()["id"]
    profile, now = loaded.profiles["S08"], datetime.now(UTC)
    step = next(step for step in profile.steps if step.window and step.window.limit.is_counted)
    assert step.window is not None
    cn = build(shipped("cn"), 1)
    window = open_window(
        Timepieces(company=cn, bank=cn, dates={}),
        step.window,
        profile.ladder,
        key=f"{order}/{step.id}/1",
        step=step.id,
        role=step.role,
        started_at=now,
    )
    row = window_row(order, now, key=window.key, rule=window.rule, step=step.id)
    row |= {"due_at": window.due_at, "body": window.model_dump(mode="json")}
    await house.insert(window_table, **row)
    async with house.engine.connect() as conn:
        assert await conn.scalar(select(window_table.c.calendar)) == "cn@1"
    return window
