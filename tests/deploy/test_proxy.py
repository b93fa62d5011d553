"""The proxy's own configuration, run: TLS for all, and a password before the Web UI."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from ops.stack.preflight import free_port
from tests.deploy.composition import COMPOSE
from tests.deploy.terminator import caddy, serving

CADDYFILE = COMPOSE / "proxy" / "Caddyfile"
DOMAIN = "dueline.localhost"
PASSWORD = "opensesame"


async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Stands behind the proxy, and answers with the head of what came through."""
    head = await reader.readuntil(b"\r\n\r\n")
    answer = b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: %d\r\n\r\n%s"
    writer.write(answer % (len(head), head))
    await writer.drain()
    writer.close()


@dataclass(frozen=True)
class Door:
    """The running proxy, and a client that trusts its certificates."""

    http: httpx.AsyncClient
    https_port: int
    http_port: int

    async def get(self, name: str, path: str = "/", **more: Any) -> httpx.Response:
        """Asks for a name of the domain, which no resolver need know."""
        more["headers"] = {"Host": f"{name}.{DOMAIN}", **more.pop("headers", {})}
        return await self.http.get(
            f"https://127.0.0.1:{self.https_port}{path}",
            extensions={"sni_hostname": f"{name}.{DOMAIN}"},
            **more,
        )


@pytest.fixture(scope="module")
async def door(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Door]:
    folder = tmp_path_factory.mktemp("proxy")
    hashing = await asyncio.create_subprocess_exec(
        caddy(), "hash-password", "--plaintext", PASSWORD, stdout=asyncio.subprocess.PIPE
    )
    hashed, _ = await hashing.communicate()
    (folder / "users").write_bytes(b"operations " + hashed)
    copy = folder / "Caddyfile"
    copy.write_text(CADDYFILE.read_text())
    behind = await asyncio.start_server(echo, "127.0.0.1", 0)
    upstream = f"127.0.0.1:{behind.sockets[0].getsockname()[1]}"
    http_port, https_port, health_port = free_port(), free_port(), free_port()
    variables = {
        "HTTP_PORT": str(http_port),
        "HTTPS_PORT": str(https_port),
        "HEALTH_PORT": str(health_port),
        "UI_USERS": str(folder / "users"),
        **dict.fromkeys(("API_UPSTREAM", "UI_UPSTREAM", "GRAFANA_UPSTREAM"), upstream),
    }
    async with serving(copy, https_port, variables):
        root = folder / "caddy" / "pki" / "authorities" / "local" / "root.crt"
        await there(root)
        trusting = ssl.create_default_context(cafile=str(root))
        # A connection a request: each shakes hands for its own name.
        alone = httpx.Limits(max_keepalive_connections=0)
        async with httpx.AsyncClient(
            verify=trusting, trust_env=False, timeout=30, limits=alone
        ) as client:
            door = Door(client, https_port, http_port)
            for name in ("api", "temporal", "grafana"):
                await certified(door, name)
            yield door
    behind.close()


async def there(file: Path) -> None:
    for _ in range(600):
        if await asyncio.to_thread(file.exists):
            return
        await asyncio.sleep(0.05)
    raise AssertionError(f"{file} does not come")


async def certified(door: Door, name: str) -> None:
    """Waits until Caddy has made the certificate of a name."""
    for _ in range(600):
        try:
            await door.get(name)
        except httpx.ConnectError:
            await asyncio.sleep(0.05)
        else:
            return
    raise AssertionError(f"no certificate for {name}")


async def test_the_api_is_reached_over_tls_with_the_callers_own_key(door: Door) -> None:
    answer = await door.get("api", "/orders", headers={"Authorization": "Bearer k"})

    assert answer.status_code == 200
    assert "authorization: bearer k" in answer.text.lower()
    assert "max-age" in answer.headers["strict-transport-security"]


@pytest.mark.parametrize("path", ["/metrics", "/metrics/"])
async def test_the_metrics_are_for_those_inside(door: Door, path: str) -> None:
    assert (await door.get("api", path)).status_code == 404


@pytest.mark.parametrize(
    ("credentials", "status"),
    [(None, 401), (("operations", "wrong"), 401), (("operations", PASSWORD), 200)],
)
async def test_the_web_ui_opens_to_those_who_know_the_password(
    door: Door, credentials: tuple[str, str] | None, status: int
) -> None:
    basic = httpx.BasicAuth(*credentials) if credentials else None

    answer = await door.get("temporal", "/namespaces", auth=basic)

    assert answer.status_code == status
    # The password ends at the proxy.
    assert "authorization:" not in answer.text.lower()


async def test_grafana_asks_by_itself(door: Door) -> None:
    assert (await door.get("grafana")).status_code == 200


@pytest.mark.parametrize("name", ["api", "temporal", "grafana"])
async def test_plain_http_is_sent_to_tls(door: Door, name: str) -> None:
    answer = await door.http.get(
        f"http://127.0.0.1:{door.http_port}/orders", headers={"Host": f"{name}.{DOMAIN}"}
    )

    assert answer.status_code == 308
    assert answer.headers["location"].startswith(f"https://{name}.{DOMAIN}/")


async def test_another_name_leads_nowhere(door: Door) -> None:
    with pytest.raises(httpx.ConnectError):
        await door.get("postgres")
