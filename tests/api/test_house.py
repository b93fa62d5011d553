"""The rest of the house: problems, health, numbers, profiles, documentation, the process itself."""

import asyncio
import os
import signal
import socket
import sys
from pathlib import Path

import httpx
import pytest
from structlog.testing import capture_logs

from api.app import create_app
from api.problems import MEDIA_TYPE
from ops.stack.preflight import free_port
from policy.loader import Loaded, load_all
from settings import Settings
from store.tables import windows
from tests.api.conftest import NOBODY_LISTENS, House
from tests.api.factory import key_of, order_body, window_row

ROOT = Path(__file__).resolve().parents[2]
BOOT_SECONDS = 20.0
NO_DATABASE = "postgresql+asyncpg://nobody@127.0.0.1:1/none"


@pytest.mark.parametrize(
    ("method", "path", "status", "slug"),
    [
        ("GET", "/nothing", 404, "unknown"),
        ("GET", "/orders/", 404, "unknown"),
        ("GET", "/profiles/S99", 404, "unknown"),
        ("GET", "/orders/none", 404, "unknown"),
        ("DELETE", "/orders", 405, "wrong-method"),
        ("GET", "/tasks/none/completion", 405, "wrong-method"),
    ],
)
async def test_what_is_not_there_is_a_problem(
    house: House, method: str, path: str, status: int, slug: str
) -> None:
    async with house.client(key_of("sales")) as client:
        answer = await client.request(method, path)

    assert answer.status_code == status
    assert answer.headers["content-type"] == MEDIA_TYPE
    assert answer.json()["type"] == f"urn:dueline:problem:{slug}"
    assert ("allow" in answer.headers) is (status == 405)


async def test_a_bug_is_answered_with_an_id_that_is_logged_and_nothing_else(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(*_: object) -> None:
        raise KeyError("secret inside")

    monkeypatch.setattr("api.orders.read_order", broken)

    with capture_logs() as logged:
        async with house.client(key_of("sales")) as client:
            answer = await client.get("/orders/1?q=private")

    incident = next(line["incident"] for line in logged if "incident" in line)
    assert answer.status_code == 500
    assert incident in answer.json()["detail"]
    assert "secret" not in answer.text
    access = [line for line in logged if line["event"] == "request"]
    assert [(line["route"], line["status"]) for line in access] == [("/orders/{order_id}", 500)]
    assert "private" not in str(access)


async def test_without_servers_it_lives_and_says_what_is_missing(loaded: Loaded) -> None:
    settings = Settings(database_url=NO_DATABASE, temporal_address=NOBODY_LISTENS)
    app = create_app(settings, loaded=loaded)
    transport = httpx.ASGITransport(app)

    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=transport, base_url="http://api") as client,
    ):
        alive = await client.get("/healthz")
        ready = await client.get("/readyz")
        orders = await client.get("/orders", headers={"X-API-Key": "any"})

    assert alive.status_code == 200
    assert ready.status_code == 503
    assert [error["field"] for error in ready.json()["errors"]] == ["database", "temporal"]
    assert orders.status_code == 503
    assert orders.json()["type"] == "urn:dueline:problem:unavailable"
    assert "retry-after" in orders.headers


async def test_with_both_servers_it_is_ready(
    database_url: str, temporal: str, loaded: Loaded
) -> None:
    settings = Settings(database_url=database_url, temporal_address=temporal)
    app = create_app(settings, loaded=loaded)
    transport = httpx.ASGITransport(app)

    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=transport, base_url="http://api") as client,
    ):
        answer = await client.get("/readyz")

    assert answer.json() == {"status": "ok"}


async def test_metrics_count_requests_and_orders_for_the_scraper_beside_the_process(
    house: House, sales: httpx.AsyncClient
) -> None:
    order_id = (await sales.post("/orders", json=order_body())).json()["id"]
    now = house.temporal.started[0].received_at
    await house.insert(windows, **window_row(order_id, now))

    async with house.client(None, address="127.0.0.1") as scraper:
        before = _counted((await scraper.get("/metrics")).text)
        await sales.get(f"/orders/{order_id}")
        answer = await scraper.get("/metrics")

    assert _counted(answer.text) == before + 1
    assert 'dueline_open_orders{stage="none"} 1.0' in answer.text
    assert 'dueline_windows{state="open"} 1.0' in answer.text
    assert "dueline_outbox_pending 0.0" in answer.text
    assert order_id not in answer.text


def _counted(metrics: str) -> float:
    """How many orders were shown, by the counter."""
    shown = 'dueline_http_requests_total{method="GET",route="/orders/{order_id}",status="200"} '
    lines = (line for line in metrics.splitlines() if line.startswith(shown))
    return sum(float(line.removeprefix(shown)) for line in lines)


async def test_a_broken_profile_is_shown_to_staff_with_its_place_and_stops_no_other(
    house: House, tmp_path: Path
) -> None:
    for path in (ROOT / "policy" / "profiles").glob("*.yaml"):
        (tmp_path / path.name).write_bytes(path.read_bytes())
    (tmp_path / "BAD.yaml").write_text("id: BAD\nversion: one\n")
    app = create_app(Settings(database_url=house.database_url), loaded=load_all(tmp_path))
    transport = httpx.ASGITransport(app)

    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=transport, base_url="http://api") as client,
    ):
        staff = (await client.get("/profiles", headers={"X-API-Key": key_of("sales")})).json()
        buyer = (await client.get("/profiles", headers={"X-API-Key": key_of("customer")})).json()
        whole = await client.get("/profiles/S08", headers={"X-API-Key": key_of("customer")})

    assert "S08" in [item["id"] for item in staff["items"]]
    faults = [fault for fault in staff["errors"] if fault["file"].endswith("BAD.yaml")]
    assert faults
    assert all(fault["line"] >= 1 and fault["column"] >= 1 for fault in faults)
    assert buyer["errors"] == []
    assert whole.json()["version"] == 1


async def test_the_documentation_describes_bodies_problems_and_keys(house: House) -> None:
    async with house.client(None) as client:
        schema = (await client.get("/openapi.json")).json()
        page = await client.get("/docs")

    submit = schema["paths"]["/orders"]["post"]
    content = submit["requestBody"]["content"]["application/json"]
    assert content["schema"] == {"$ref": "#/components/schemas/OrderRequest"}
    assert content["example"]["profile"] == "S08"
    assert "May: customer, customer_service, order_desk, sales." in submit["description"]
    assert submit["security"] == [{"bearer": []}, {"key": []}]
    assert schema["paths"]["/healthz"]["get"]["security"] == []
    assert MEDIA_TYPE in submit["responses"]["default"]["content"]
    assert page.status_code == 200
    referenced = set(_references(schema))
    assert referenced <= set(schema["components"]["schemas"])


def _references(node: object) -> list[str]:
    if isinstance(node, dict):
        own = [str(node["$ref"]).rsplit("/", 1)[-1]] if "$ref" in node else []
        return own + [name for value in node.values() for name in _references(value)]
    if isinstance(node, list):
        return [name for value in node for name in _references(value)]
    return []


async def _start_api(port: int) -> asyncio.subprocess.Process:
    environment = os.environ | {
        "DATABASE_URL": "postgresql://nobody@127.0.0.1:1/none",
        "TEMPORAL_ADDRESS": NOBODY_LISTENS,
        "DUELINE_API_PORT": str(port),
        "DUELINE_LOG_FORMAT": "json",
    }
    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", "api", cwd=ROOT, env=environment, stderr=asyncio.subprocess.PIPE
    )


async def test_a_port_in_use_gets_one_clear_sentence() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        process = await _start_api(port)
        _, said = await asyncio.wait_for(process.communicate(), BOOT_SECONDS)

    assert process.returncode == 1
    assert len(said.decode().splitlines()) == 1
    assert f"port {port}" in said.decode()
    assert "DUELINE_API_PORT" in said.decode()


async def test_the_process_serves_and_ends_when_asked() -> None:
    port = free_port()
    process = await _start_api(port)
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as client:
        async with asyncio.timeout(BOOT_SECONDS):
            while True:
                try:
                    alive = await client.get("/healthz")
                    break
                except httpx.TransportError:
                    await asyncio.sleep(0.1)
        too_large = await client.post("/orders", content=b"x" * 5_000_000)

    process.send_signal(signal.SIGTERM)
    _, said = await asyncio.wait_for(process.communicate(), BOOT_SECONDS)

    assert alive.status_code == 200
    # Without a key and without a database nobody reads five megabytes.
    assert too_large.status_code in (401, 503)
    assert '"route": "/healthz"' in said.decode()
    assert "Traceback" not in said.decode()
    assert process.returncode in (0, -signal.SIGTERM)
