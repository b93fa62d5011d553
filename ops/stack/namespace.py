"""What a Temporal namespace must have before an order starts in it, whoever runs the server."""

import asyncio
import time
from collections.abc import Mapping
from datetime import timedelta

from temporalio.api.enums.v1 import IndexedValueType
from temporalio.api.namespace.v1 import NamespaceConfig
from temporalio.api.operatorservice.v1 import (
    AddSearchAttributesRequest,
    ListSearchAttributesRequest,
)
from temporalio.api.workflowservice.v1 import DescribeNamespaceRequest, UpdateNamespaceRequest
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

import connecting
from connecting import PLAIN, Access
from ops.stack.errors import StackError

CALL_SECONDS = timedelta(seconds=10)
VISIBLE_SECONDS = 15.0  # the server's caches notice a new attribute within ten
POLL_SECONDS = 0.1
KINDS = {
    "Text": IndexedValueType.INDEXED_VALUE_TYPE_TEXT,
    "Keyword": IndexedValueType.INDEXED_VALUE_TYPE_KEYWORD,
    "Int": IndexedValueType.INDEXED_VALUE_TYPE_INT,
    "Double": IndexedValueType.INDEXED_VALUE_TYPE_DOUBLE,
    "Bool": IndexedValueType.INDEXED_VALUE_TYPE_BOOL,
    "Datetime": IndexedValueType.INDEXED_VALUE_TYPE_DATETIME,
    "KeywordList": IndexedValueType.INDEXED_VALUE_TYPE_KEYWORD_LIST,
}


async def connect(address: str, namespace: str, access: Access = PLAIN) -> Client:
    """Connects, and makes sure of the namespace. Raises StackError."""
    try:
        client = await connecting.connect(address, namespace, access)
        await client.workflow_service.describe_namespace(
            DescribeNamespaceRequest(namespace=namespace), timeout=CALL_SECONDS
        )
    except RPCError as error:
        if error.status is RPCStatusCode.NOT_FOUND:
            raise StackError(
                f"The Temporal server at {address} has no namespace {namespace}: create it there, "
                "or name another with DUELINE_TEMPORAL_NAMESPACE."
            ) from error
        raise StackError(_unreachable(address, error.message)) from error
    except RuntimeError as error:  # what the SDK raises when nobody listens
        raise StackError(_unreachable(address, str(error))) from error
    return client


def _unreachable(address: str, reason: str) -> str:
    return (
        f"The Temporal server at {address} does not answer ({reason.splitlines()[0][:200]}): "
        "start it, or correct TEMPORAL_ADDRESS."
    )


async def keep_closed_for(client: Client, days: int) -> None:
    """Sets how long the namespace keeps closed workflows; development servers say one day."""
    config = NamespaceConfig()
    config.workflow_execution_retention_ttl.FromTimedelta(timedelta(days=days))
    described = await client.workflow_service.describe_namespace(
        DescribeNamespaceRequest(namespace=client.namespace), timeout=CALL_SECONDS
    )
    kept_for = described.config.workflow_execution_retention_ttl
    if kept_for == config.workflow_execution_retention_ttl:
        return
    await client.workflow_service.update_namespace(
        UpdateNamespaceRequest(namespace=client.namespace, config=config), timeout=CALL_SECONDS
    )


async def add_search_attributes(client: Client, wanted: Mapping[str, str]) -> None:
    """Adds the missing ones of `wanted`, name to type. Changes none that exist.

    Raises StackError when the server refuses, or has one of another type.
    """
    present = await _present(client)
    for name, kind in wanted.items():
        if name in present and present[name] != KINDS[kind]:
            raise StackError(
                f"The search attribute {name} exists in namespace {client.namespace} with another "
                f"type than {kind}: remove it there, or name another namespace with "
                "DUELINE_TEMPORAL_NAMESPACE."
            )
    missing = {name: kind for name, kind in wanted.items() if name not in present}
    if not missing:
        return
    request = AddSearchAttributesRequest(namespace=client.namespace)
    for name, kind in missing.items():
        request.search_attributes[name] = KINDS[kind]
    try:
        await client.operator_service.add_search_attributes(request, timeout=CALL_SECONDS)
    except RPCError as error:
        names = " ".join(f"--name {name} --type {kind}" for name, kind in missing.items())
        raise StackError(
            f"The Temporal server refuses new search attributes ({error.message}): have its owner "
            f"run `temporal operator search-attribute create --namespace {client.namespace} "
            f"{names}`."
        ) from error
    give_up_at = time.monotonic() + VISIBLE_SECONDS
    while not missing.keys() <= (await _present(client)).keys():
        if time.monotonic() > give_up_at:
            raise StackError(
                f"The Temporal server took the search attributes but does not list them after "
                f"{VISIBLE_SECONDS:g} s: try again."
            )
        await asyncio.sleep(POLL_SECONDS)


async def _present(client: Client) -> dict[str, int]:
    answer = await client.operator_service.list_search_attributes(
        ListSearchAttributesRequest(namespace=client.namespace), timeout=CALL_SECONDS
    )
    return {name: int(kind) for name, kind in answer.custom_attributes.items()}
