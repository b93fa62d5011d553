"""The servers we start for ourselves: they keep their data and never outlive us."""

import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

import asyncpg
import pytest
from temporalio.api.operatorservice.v1 import ListSearchAttributesRequest
from temporalio.api.workflowservice.v1 import DescribeNamespaceRequest
from temporalio.client import Client

from ops.stack import Stack, StackError
from ops.stack.children import Identity
from ops.stack.namespace import add_search_attributes
from ops.stack.temporal import EmbeddedTemporal
from settings import Settings
from tests.stack.conftest import Supervise, all_gone, is_one_sentence


@asynccontextmanager
async def engine(settings: Settings, attributes: dict[str, str]) -> AsyncIterator[Client]:
    server = EmbeddedTemporal(
        port=settings.temporal_port,
        ui_port=None,
        directory=settings.data_dir,
        search_attributes=attributes,
        retention_days=settings.retention_days,
    )
    try:
        await server.start()
        yield await Client.connect(server.address)
    finally:
        await server.stop()


async def leave_traces(database_url: str, temporal_address: str) -> None:
    connection = await asyncpg.connect(database_url.replace("+asyncpg", ""))
    await connection.execute("CREATE TABLE trace (word text)")
    await connection.execute("INSERT INTO trace VALUES ('交期')")
    await connection.close()
    client = await Client.connect(temporal_address)
    await client.start_workflow("Trace", id="trace", task_queue="nobody-listens")


async def find_traces(database_url: str, temporal_address: str) -> None:
    connection = await asyncpg.connect(database_url.replace("+asyncpg", ""))
    assert await connection.fetchval("SELECT word FROM trace") == "交期"
    await connection.close()
    client = await Client.connect(temporal_address)
    assert (await client.get_workflow_handle("trace").describe()).workflow_type == "Trace"


async def test_a_second_start_finds_the_data_of_the_first(settings: Settings) -> None:
    async with Stack(settings, {}) as first:
        await leave_traces(first.database_url, first.temporal_address)

    async with Stack(settings, {}) as second:
        await find_traces(second.database_url, second.temporal_address)


async def test_a_later_start_adds_the_search_attributes_that_are_new(settings: Settings) -> None:
    async with engine(settings, {"DuelineOld": "Keyword"}):
        pass

    async with engine(settings, {"DuelineOld": "Keyword", "DuelineNew": "Datetime"}) as client:
        listed = await client.operator_service.list_search_attributes(
            ListSearchAttributesRequest(namespace="default")
        )

        assert {"DuelineOld", "DuelineNew"} <= listed.custom_attributes.keys()


async def test_a_search_attribute_of_another_type_gets_one_sentence(temporal: str) -> None:
    client = await Client.connect(temporal)

    with pytest.raises(StackError, match="DuelineStage") as refusal:
        await add_search_attributes(client, {"DuelineStage": "Int"})

    assert is_one_sentence(str(refusal.value))


async def test_closed_orders_are_kept_as_long_as_the_settings_say(settings: Settings) -> None:
    async with engine(settings, {}) as client:
        namespace = await client.workflow_service.describe_namespace(
            DescribeNamespaceRequest(namespace="default")
        )

        kept_for = namespace.config.workflow_execution_retention_ttl.ToTimedelta()
        assert kept_for == timedelta(days=settings.retention_days)


async def test_a_test_has_a_migrated_database_for_itself(database_url: str) -> None:
    connection = await asyncpg.connect(database_url.replace("+asyncpg", ""))
    try:
        assert await connection.fetchval("SELECT count(*) FROM alembic_version") == 1
        assert await connection.fetchval("SELECT current_database()") in database_url
    finally:
        await connection.close()


async def test_servers_of_others_are_used_as_they_are(
    settings: Settings, database_url: str, temporal: str
) -> None:
    theirs = settings.model_copy(
        update={"database_url": database_url, "temporal_address": temporal}
    )

    async with Stack(theirs, {}) as stack:
        assert (stack.database_url, stack.temporal_address) == (database_url, temporal)
        assert stack.services == []


async def test_a_server_of_others_that_is_away_gets_one_sentence(settings: Settings) -> None:
    theirs = settings.model_copy(
        update={
            "database_url": f"postgresql+asyncpg://me:secret@127.0.0.1:{settings.ui_port}/orders",
            "temporal_address": f"127.0.0.1:{settings.temporal_port}",
        }
    )

    with pytest.raises(StackError) as refusal:
        await Stack(theirs, {}).__aenter__()

    assert is_one_sentence(str(refusal.value))
    assert "secret" not in str(refusal.value)


async def test_killing_the_supervisor_leaves_no_orphan_and_the_next_start_works(
    settings: Settings, supervise: Supervise
) -> None:
    supervisor = supervise(settings)
    report = supervisor.report()
    address = f"127.0.0.1:{settings.temporal_port}"
    await leave_traces(report["database_url"], address)

    supervisor.kill()

    assert len(report["pids"]) == 2
    assert await all_gone(report["pids"])
    async with Stack(settings, {}) as stack:
        await find_traces(stack.database_url, stack.temporal_address)


async def test_a_start_right_after_a_kill_waits_for_the_old_server_to_go(
    settings: Settings, supervise: Supervise
) -> None:
    supervisor = supervise(settings)
    supervisor.report()

    supervisor.kill()

    async with Stack(settings, {}) as stack:
        assert stack.ui_url == f"http://127.0.0.1:{settings.ui_port}"


async def test_an_ordinary_user_can_run_the_stack(
    settings: Settings, supervise: Supervise, ordinary_user: Identity
) -> None:
    report = supervise(settings, ordinary_user).report()

    assert report["uid"] != 0
    assert len(report["pids"]) == 2


async def test_a_second_supervisor_on_the_same_data_gets_one_sentence(
    settings: Settings, supervise: Supervise
) -> None:
    async with Stack(settings, {}):
        complaint = supervise(settings).complaint()

    assert complaint.startswith("Another Dueline (process ")
    assert is_one_sentence(complaint)


async def test_a_port_in_use_gets_one_sentence_and_starts_nothing(settings: Settings) -> None:
    with socket.create_server(("127.0.0.1", settings.temporal_port)):
        with pytest.raises(StackError, match="DUELINE_TEMPORAL_PORT=<number>") as refusal:
            await Stack(settings, {}).__aenter__()

        assert is_one_sentence(str(refusal.value))
        assert str(settings.temporal_port) in str(refusal.value)
        assert not (settings.data_dir / "postgres").exists()


async def test_a_folder_that_cannot_be_written_to_gets_one_sentence(
    settings: Settings, supervise: Supervise, ordinary_user: Identity
) -> None:
    settings.data_dir.mkdir(mode=0o500)

    complaint = supervise(settings, ordinary_user).complaint()

    assert str(settings.data_dir) in complaint
    assert "DUELINE_DATA_DIR=<folder>" in complaint
    assert is_one_sentence(complaint)
