"""The API's own description: bodies that are read strictly, keys, who may, and the problems."""

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from api.access import MAY, OPEN_ON_LOOPBACK
from api.problems import MEDIA_TYPE, ProblemBody

DESCRIPTION = """Every order has a due line: submit orders, see what they wait for and until when,
and complete the tasks that your roles hold.

Errors are `application/problem+json` with a stable `type` and one entry per field. Lists have a
`next` cursor. POST requests take an `Idempotency-Key`. Instants always carry their offset, amounts
are decimal texts."""

_REF = "#/components/schemas/{model}"
_SECURITY: list[dict[str, list[str]]] = [{"bearer": []}, {"key": []}]
_SCHEMES = {
    "bearer": {"type": "http", "scheme": "bearer", "description": "An API key."},
    "key": {"type": "apiKey", "in": "header", "name": "X-API-Key", "description": "An API key."},
}
_bodies: dict[str, type[BaseModel]] = {}


def takes(
    model: type[BaseModel], example: dict[str, Any], *, required: bool = True
) -> dict[str, Any]:
    """What a route says of the body that it reads by itself."""
    _bodies[model.__name__] = model
    schema = {"$ref": _REF.format(model=model.__name__)}
    content = {"application/json": {"schema": schema, "example": example}}
    return {"requestBody": {"required": required, "content": content}}


def describe(app: FastAPI) -> dict[str, Any]:
    """The OpenAPI document, made once."""
    if app.openapi_schema is None:
        app.openapi_schema = _description(app)
    return app.openapi_schema


def _description(app: FastAPI) -> dict[str, Any]:
    schema = get_openapi(
        title=app.title, version=app.version, description=DESCRIPTION, routes=app.routes
    )
    models: list[type[BaseModel]] = [*_bodies.values(), ProblemBody]
    _, definitions = models_json_schema(
        [(model, "validation") for model in models], ref_template=_REF
    )
    components = schema.setdefault("components", {})
    shapes = components.setdefault("schemas", {})
    # FastAPI's own error shapes never occur.
    for unused in ("HTTPValidationError", "ValidationError"):
        shapes.pop(unused, None)
    shapes.update(definitions["$defs"])
    components["securitySchemes"] = _SCHEMES
    for path, operations in schema["paths"].items():
        for method, operation in operations.items():
            _complete(operation, f"{method.upper()} {path}")
    return schema


def _complete(operation: dict[str, Any], route: str) -> None:
    allowed = MAY.get(route, frozenset())
    if allowed is None:
        operation["security"] = []
    else:
        operation["security"] = [*_SECURITY, {}] if route in OPEN_ON_LOOPBACK else _SECURITY
        names = ", ".join(sorted(role.value for role in allowed))
        operation["description"] = f"{operation.get('description', '')}\n\nMay: {names}."
    operation["responses"].pop("422", None)
    operation["responses"]["default"] = {
        "description": "A problem: what is wrong and what would be right",
        "content": {MEDIA_TYPE: {"schema": {"$ref": _REF.format(model="ProblemBody")}}},
    }
