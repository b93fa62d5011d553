"""What Prometheus scrapes: orders, windows, tasks, cases and notices as they stand."""

from datetime import datetime, timedelta
from typing import Any

import httpx
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import update

from api.app import create_app
from policy.loader import Loaded
from settings import Settings
from store.tables import orders, overdue_cases, tasks, windows
from tests.api.conftest import NOBODY_LISTENS, House
from tests.api.factory import order_body, task_row, window_row

NO_DATABASE = "postgresql+asyncpg://nobody@127.0.0.1:1/none"

Numbers = dict[str, float]


def numbers(exposed: str) -> Numbers:
    """Every sample by its name, and its one label's value if it has one."""
    return {
        " ".join((sample.name, *sample.labels.values())): sample.value
        for family in text_string_to_metric_families(exposed)
        for sample in family.samples
    }


async def scraped(house: House) -> Numbers:
    async with house.client(None, address="127.0.0.1") as scraper:
        return numbers((await scraper.get("/metrics")).text)


async def placed(house: House, sales: httpx.AsyncClient, **columns: Any) -> str:
    """An order whose row has these values."""
    order_id: str = (await sales.post("/orders", json=order_body())).json()["id"]
    async with house.engine.begin() as conn:
        await conn.execute(update(orders).where(orders.c.id == order_id).values(**columns))
    return order_id


async def test_open_orders_count_by_stage_and_by_rung(
    house: House, sales: httpx.AsyncClient, now: datetime
) -> None:
    await placed(house, sales, stage="S10", level=None)
    await placed(house, sales, stage="S10", level=3)
    await placed(house, sales, stage="S20", level=3)
    await placed(house, sales, stage="S20", level=1, state="completed", closed_at=now)

    counted = await scraped(house)

    assert counted["dueline_open_orders S10"] == 2
    assert counted["dueline_open_orders S20"] == 1
    assert counted["dueline_open_orders_by_level none"] == 1
    assert counted["dueline_open_orders_by_level 3"] == 2
    assert [counted[f"dueline_open_orders_by_level {level}"] for level in (0, 1, 2, 4, 5)] == [
        0
    ] * 5


async def test_an_order_past_its_due_line_is_quiet_after_a_day_without_a_change(
    house: House, sales: httpx.AsyncClient, now: datetime
) -> None:
    hour, old = timedelta(hours=1), now - timedelta(hours=25)
    await placed(house, sales, due_at=now - hour, updated_at=old)
    await placed(house, sales, due_at=now + hour, updated_at=old)
    await placed(house, sales, due_at=now - hour, updated_at=now - hour)
    await placed(house, sales, due_at=now - hour, updated_at=old, state="completed", closed_at=now)

    counted = await scraped(house)

    assert counted["dueline_quiet_orders"] == 1


async def test_a_breach_is_unnoticed_when_five_minutes_later_nobody_was_told(
    house: House, sales: httpx.AsyncClient, now: datetime
) -> None:
    order_id, minute = await placed(house, sales, stage="S10"), timedelta(minutes=1)

    async def window(name: str, **columns: Any) -> None:
        row = {"started_at": now - 60 * minute, **columns}
        await house.insert(windows, **window_row(order_id, now, key=f"{order_id}/{name}/1", **row))

    await window("in_time", due_at=now + minute)
    await window("just_late", due_at=now - minute)
    await window("unnoticed", due_at=now - 6 * minute)
    await window("told", due_at=now - 6 * minute, state="breached")
    await window("paused", due_at=now - 6 * minute, paused_at=now - 7 * minute)
    await window("kept", due_at=now - 6 * minute, state="kept", stopped_at=now - 7 * minute)
    await window("long_ago", due_at=now, state="kept", stopped_at=now - timedelta(hours=25))

    counted = await scraped(house)

    assert counted["dueline_windows open"] == 3
    assert counted["dueline_windows breached"] == 1
    assert counted["dueline_windows paused"] == 1
    assert counted["dueline_windows_ended_last_day kept"] == 1
    assert counted["dueline_windows_ended_last_day breached"] == 0
    assert counted["dueline_late_open_windows"] == 3
    assert counted["dueline_unnoticed_breaches"] == 1


async def test_open_tasks_count_by_role_with_the_age_of_the_oldest(
    house: House, sales: httpx.AsyncClient, now: datetime
) -> None:
    order_id = await placed(house, sales, stage="S10")
    hours = {"plan": 1, "slot": 3}
    for step, age in hours.items():
        row = task_row(order_id, now - timedelta(hours=age), role="planning", step=step)
        await house.insert(tasks, **row | {"id": f"{order_id}.{step}.1"})
    done = task_row(order_id, now - timedelta(hours=9), role="finance", state="done")
    await house.insert(tasks, **done)

    counted = await scraped(house)

    assert counted["dueline_open_tasks planning"] == 2
    assert "dueline_open_tasks finance" not in counted
    oldest = counted["dueline_oldest_open_task_seconds planning"]
    assert 3 * 3600 <= oldest < 4 * 3600


async def test_overdue_cases_count_by_state(
    house: House, sales: httpx.AsyncClient, now: datetime
) -> None:
    order_id = await placed(house, sales, stage="S10")
    for number, state in enumerate(("open", "open", "closed")):
        key = f"{order_id}/s{number}/1"
        await house.insert(windows, **window_row(order_id, now, key=key))
        case = {"id": f"case-{number}", "order_id": order_id, "window": key, "role": "sales"}
        await house.insert(overdue_cases, **case, state=state, opened_at=now)

    counted = await scraped(house)

    assert counted["dueline_overdue_cases open"] == 2
    assert counted["dueline_overdue_cases closed"] == 1


async def test_without_the_servers_it_says_so_and_counts_what_it_can(loaded: Loaded) -> None:
    settings = Settings(database_url=NO_DATABASE, temporal_address=NOBODY_LISTENS)
    app = create_app(settings, loaded=loaded)
    transport = httpx.ASGITransport(app, client=("127.0.0.1", 4711))

    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=transport, base_url="http://api") as client,
    ):
        await client.get("/healthz")
        answer = await client.get("/metrics")

    counted = numbers(answer.text)
    assert answer.status_code == 200
    assert counted["dueline_database_up"] == counted["dueline_engine_up"] == 0
    assert counted["dueline_http_requests_total GET /healthz 200"] == 1
    assert "dueline_outbox_pending" not in counted


async def test_an_engine_that_is_away_hides_no_number(
    house: House, sales: httpx.AsyncClient
) -> None:
    await placed(house, sales, stage="S10")
    house.temporal.is_away = True

    counted = await scraped(house)

    assert counted["dueline_engine_up"] == 0
    assert counted["dueline_database_up"] == 1
    assert counted["dueline_open_orders S10"] == 1
