"""Who may do what: every route has an entry, every entry a door."""

import httpx
import pytest
from fastapi.routing import iter_route_contexts

from api.access import MAY, PUBLIC
from domain.roles import Role
from tests.api.conftest import House
from tests.api.factory import key_of

ODD_IDS = ["%0A", "abc%0A", "a%00b", "%E2%80%AEabc", "..%2F..", "x" * 500, "%F0%9F%98%80"]


def test_every_route_is_in_the_table_and_every_entry_is_a_route(house: House) -> None:
    found = {
        f"{method} {route.path}"
        for route in iter_route_contexts(house.app.routes)
        for method in (route.methods or ())
        if method != "HEAD"
    }

    assert found == set(MAY)


def test_only_signs_of_life_and_the_documentation_are_public() -> None:
    public = {route for route, roles in MAY.items() if roles is PUBLIC}

    documentation = {"GET /docs", "GET /docs/oauth2-redirect", "GET /openapi.json"}
    documentation |= {"GET /ops/views"}  # links and sentences, no data
    documentation |= {"POST /webhooks/payments"}  # signed
    assert public == {"GET /healthz", "GET /readyz", *documentation}


@pytest.mark.parametrize("key", [None, "wrong", "", "x" * 10_000, "ключ"])
async def test_without_a_valid_key_nothing_opens(house: House, key: str | None) -> None:
    sent = None if key is None else key.encode()
    headers = {} if sent is None else {b"X-API-Key": sent}

    async with house.client(None) as client:
        for route in (name for name, roles in MAY.items() if roles is not PUBLIC):
            method, path = route.split(" ")
            answer = await client.request(method, path, headers=headers)
            assert answer.status_code == 401, route
            assert answer.headers["www-authenticate"] == "Bearer"
            assert answer.json()["type"] == "urn:dueline:problem:unauthenticated"

    assert await house.count() == (0, 0, 0)


@pytest.mark.parametrize("route", [name for name, roles in MAY.items() if roles is not PUBLIC])
async def test_a_role_that_is_not_named_is_refused_before_its_body_is_read(
    house: House, route: str
) -> None:
    method, path = route.split(" ")
    allowed = MAY[route] or frozenset()

    for role in sorted(frozenset(Role) - allowed):
        async with house.client(key_of(role.value)) as client:
            answer = await client.request(method, path, content=b"{")
        assert answer.status_code == 403, (route, role)
        assert answer.json()["type"] == "urn:dueline:problem:not-allowed"

    assert await house.count() == (0, 0, 0)


@pytest.mark.parametrize("odd", ODD_IDS)
@pytest.mark.parametrize("path", ["/orders/{}", "/orders/{}/timeline", "/tasks/{}", "/profiles/{}"])
async def test_an_odd_id_is_an_unknown_one(sales: httpx.AsyncClient, path: str, odd: str) -> None:
    answer = await sales.get(path.format(odd))

    assert answer.status_code == 404
    assert answer.headers["content-type"] == "application/problem+json"
