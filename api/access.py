"""Who may do what: one table, one door. A route that is not in the table opens for nobody."""

import hmac
from collections.abc import Mapping
from typing import Annotated, Final

from fastapi import Depends, Request

from api.problems import UNAUTHENTICATED, FieldError, Problem
from api.services import Wired
from domain.errors import NotAllowed, UnknownThing
from domain.roles import MAY_AGREE, STAFF, Role
from domain.windows import MAY_PAUSE, MAY_RESET
from settings import Settings
from store.keys import KeyHolder, holder_of
from telemetry.log import about_order

KEY_LENGTH_MAX = 200
LOOPBACK = frozenset({"127.0.0.1", "::1"})

Roles = frozenset[Role]

EVERYBODY: Final = frozenset(Role)
PUBLIC: Final = None
_WISHERS: Final = frozenset({Role.CUSTOMER, Role.SALES, Role.ORDER_DESK, Role.CUSTOMER_SERVICE})
_RECEIVERS: Final = frozenset({Role.CUSTOMER, Role.SALES, Role.LOGISTICS, Role.CUSTOMER_SERVICE})
_PAYMENT_REPORTERS: Final = frozenset({Role.CUSTOMER, Role.SALES, Role.FINANCE})
_LISTENERS: Final = frozenset({Role.CUSTOMER, Role.SALES, Role.OPERATIONS})

_CREDITORS: Final = frozenset({Role.FINANCE, Role.LEADERSHIP})
_PAUSERS: Final = frozenset[Role]().union(*MAY_PAUSE.values(), MAY_RESET)
_MONEY_KEEPERS: Final = frozenset({Role.FINANCE, Role.CONTROL, Role.LEADERSHIP, Role.OPERATIONS})
_MONEY_READERS: Final = _MONEY_KEEPERS | {
    Role.CUSTOMER,
    Role.SALES,
    Role.SALES_MANAGER,
    Role.ORDER_DESK,
    Role.CUSTOMER_SERVICE,
}
_MANAGERS: Final = frozenset(
    {Role.LEADERSHIP, Role.CONTROL, Role.SALES_MANAGER, Role.DEPARTMENT_HEAD, Role.OPERATIONS}
)

MAY: Final[Mapping[str, Roles | None]] = {
    "POST /orders": _WISHERS,
    "GET /orders": EVERYBODY,
    "GET /orders/{order_id}": EVERYBODY,
    "GET /orders/{order_id}/timeline": EVERYBODY,
    "GET /orders/{order_id}/windows": EVERYBODY,
    "GET /orders/{order_id}/events": _LISTENERS,
    "POST /orders/{order_id}/windows/adjustments": _PAUSERS,
    "POST /orders/{order_id}/windows/risk": STAFF,  # the window names its own role besides
    "POST /orders/{order_id}/changes": _WISHERS,
    "GET /orders/{order_id}/changes": EVERYBODY,
    "GET /orders/{order_id}/changes/{change_id}": EVERYBODY,
    "POST /orders/{order_id}/cancellation": _WISHERS,
    "POST /orders/{order_id}/receipt": _RECEIVERS,
    "POST /orders/{order_id}/payments": frozenset({Role.FINANCE}),
    "POST /orders/{order_id}/payment-reports": _PAYMENT_REPORTERS,
    "GET /orders/{order_id}/payment-reports": _MONEY_READERS,
    "POST /webhooks/payments": PUBLIC,  # its signature is its key
    "GET /payments": _MONEY_KEEPERS,
    "GET /payments/differences": _MONEY_KEEPERS,
    "POST /payments/differences/{difference_id}/settlement": frozenset({Role.FINANCE}),
    "GET /payments/{payment_id}": _MONEY_KEEPERS,
    "POST /payments/{payment_id}/assignment": frozenset({Role.FINANCE}),
    "POST /payments/{payment_id}/refunds": frozenset({Role.FINANCE}),
    "GET /orders/{order_id}/ledger": _MONEY_READERS,
    "GET /customers/{code}/ledger": _MONEY_READERS,
    "GET /orders/{order_id}/invoice": _MONEY_READERS,
    "POST /customers/{code}/reconciliation": frozenset({Role.FINANCE}),
    "POST /orders/{order_id}/refunds": frozenset({Role.FINANCE, Role.CUSTOMER_SERVICE}),
    "GET /orders/{order_id}/refunds": _MONEY_READERS,
    "GET /refunds/{refund_id}": _MONEY_KEEPERS,
    "POST /refunds/{refund_id}/decision": frozenset({Role.CONTROL, Role.LEADERSHIP}),
    "POST /refunds/{refund_id}/payment": frozenset({Role.FINANCE}),
    "POST /orders/{order_id}/follow-ups": EVERYBODY,  # each kind names its own roles besides
    "GET /orders/{order_id}/follow-ups": EVERYBODY,
    "GET /follow-ups": STAFF,
    "GET /follow-ups/{follow_up}": EVERYBODY,
    "POST /orders/{order_id}/rush": _WISHERS,
    "GET /customers/{code}/credit": _CREDITORS | {Role.SALES_MANAGER},
    "POST /customers/{code}/credit": _CREDITORS,
    "GET /planning/queue": STAFF,
    "GET /orders/{order_id}/shipments": EVERYBODY,
    "GET /tasks": EVERYBODY,
    "GET /tasks/{task_id}": EVERYBODY,
    "POST /tasks/{task_id}/completion": EVERYBODY,  # each task names its own role besides
    "GET /overdue": STAFF,
    "GET /overdue/{case_id}": STAFF,
    "POST /overdue": _MANAGERS | {Role.ORDER_DESK, Role.QUALITY},
    "GET /reports/assessment": _MANAGERS,
    "GET /reports/assessment.xlsx": _MANAGERS,
    "GET /notices": EVERYBODY,
    "POST /notices/{notice_id}/resend": frozenset({Role.OPERATIONS}),
    "GET /events": _LISTENERS,
    "POST /webhook-endpoints": _LISTENERS,
    "GET /webhook-endpoints": _LISTENERS,
    "GET /webhook-endpoints/{endpoint_id}": _LISTENERS,
    "DELETE /webhook-endpoints/{endpoint_id}": _LISTENERS,
    "POST /webhook-endpoints/{endpoint_id}/rotation": _LISTENERS,
    "POST /webhook-endpoints/{endpoint_id}/enable": _LISTENERS,
    "POST /webhook-endpoints/{endpoint_id}/test": _LISTENERS,
    "POST /webhook-endpoints/{endpoint_id}/replay": _LISTENERS,
    "GET /webhook-endpoints/{endpoint_id}/deliveries": _LISTENERS,
    "GET /calendars": STAFF,
    "GET /calendars/{calendar_id}": STAFF,
    "GET /calendars/{calendar_id}/versions": STAFF,
    "POST /calendars/{calendar_id}/versions": frozenset({Role.OPERATIONS, Role.CONTROL}),
    "GET /profiles": EVERYBODY,
    "GET /profiles/{profile_id}": EVERYBODY,
    "GET /ops/stuck": frozenset({Role.OPERATIONS}),
    "GET /ops/trail": frozenset({Role.OPERATIONS}),
    "GET /ops/views": PUBLIC,  # links and sentences; what they show stands behind the Web UI's door
    "GET /ops/views.json": frozenset({Role.OPERATIONS}),
    "POST /ops/orders/{order_id}/hold": frozenset({Role.OPERATIONS}),
    "POST /ops/orders/{order_id}/release": frozenset({Role.OPERATIONS}),
    "POST /ops/orders/{order_id}/retry": frozenset({Role.OPERATIONS}),
    "POST /ops/orders/{order_id}/skip-step": MAY_AGREE,  # the first of the two is operations
    "GET /metrics": frozenset({Role.OPERATIONS}),
    "GET /healthz": PUBLIC,
    "GET /readyz": PUBLIC,
    "GET /docs": PUBLIC,
    "GET /docs/oauth2-redirect": PUBLIC,
    "GET /openapi.json": PUBLIC,
}

# Counters only, and the scraper beside the process has no key.
OPEN_ON_LOOPBACK: Final = frozenset({"GET /metrics"})

PERSONAL_READERS: Final = frozenset(
    {
        Role.CUSTOMER,
        Role.SALES,
        Role.SALES_MANAGER,
        Role.ORDER_DESK,
        Role.CUSTOMER_SERVICE,
        Role.LOGISTICS,
        Role.OPERATIONS,
    }
)
"""Who sees a customer's contact and address: those who call or deliver (DATA overlay)."""


class Principal(KeyHolder):
    """Who asks. A key that names a customer sees that customer's things and no other's."""

    @property
    def is_staff(self) -> bool:
        """Whether this is somebody inside the company."""
        return self.customer is None

    def must_see(self, customer: str, kind: str, key: str) -> None:
        """Raises UnknownThing for somebody else's things: that they exist is nobody's business."""
        if not self.is_staff and self.customer != customer:
            raise UnknownThing(kind, key)

    @property
    def sees_personal_data(self) -> bool:
        """Whether contact and address are shown."""
        return not PERSONAL_READERS.isdisjoint(self.roles)


def route_of(request: Request) -> str:
    """The request's entry in `MAY`, for example `GET /orders/{order_id}`."""
    return f"{request.method} {request.scope['route'].path}"


async def authorise(request: Request, services: Wired) -> Principal | None:
    """Lets in who may; runs before every endpoint, and before any body is read."""
    about_order(request.path_params.get("order_id"))
    route = route_of(request)
    allowed = MAY.get(route, frozenset())
    if allowed is PUBLIC or (
        route in OPEN_ON_LOOPBACK
        and (_is_from_here(request) or _scrapes(request, services.settings))
    ):
        return None
    principal = await _identified(request, services)
    if allowed.isdisjoint(principal.roles):
        raise NotAllowed(tuple(sorted(allowed)))
    return principal


def _is_from_here(request: Request) -> bool:
    return request.client is not None and request.client.host in LOOPBACK


def _scrapes(request: Request, settings: Settings) -> bool:
    """Tells whether Prometheus asks; no key of the database is needed, nor the database."""
    key, known = _presented_key(request), settings.metrics_key
    return bool(key and known) and hmac.compare_digest(str(key).encode(), str(known).encode())


async def _identified(request: Request, services: Wired) -> Principal:
    key = _presented_key(request)
    if key is not None and len(key) <= KEY_LENGTH_MAX:
        async with services.reading() as conn:
            holder = await holder_of(conn, key)
        if holder is not None:
            return Principal(**holder.model_dump())
    raise Problem(
        UNAUTHENTICATED,
        "the key is missing" if key is None else "the key is unknown or was revoked",
        [
            FieldError(
                field="Authorization",
                message="holds no valid key",
                cure="send `Authorization: Bearer <key>` or `X-API-Key: <key>`",
            )
        ],
        headers={"WWW-Authenticate": "Bearer"},
    )


def _presented_key(request: Request) -> str | None:
    scheme, _, bearer = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer" and bearer.strip():
        return bearer.strip()
    return request.headers.get("x-api-key")


async def _caller(principal: Annotated[Principal | None, Depends(authorise)]) -> Principal:
    assert principal is not None, "endpoints for everybody ask for no caller"
    return principal


Caller = Annotated[Principal, Depends(_caller)]
