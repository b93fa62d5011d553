"""Gauges that are read before and after: tables, log, engine's file, processor time."""

import os
import sqlite3
from collections.abc import Collection, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import event, func, select, text

from store import schema
from store.engine import Engine

TICKS_A_SECOND = os.sysconf("SC_CLK_TCK")
PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
_SIZES = text(
    "SELECT relname, pg_total_relation_size(oid) AS bytes FROM pg_class"
    " WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace"
)
_LOG = text("SELECT pg_current_wal_lsn() - '0/0'::pg_lsn")


@dataclass
class Asked:
    """Statements and commits of one engine."""

    statements: int = 0
    commits: int = 0


@contextmanager
def counting(engine: Engine) -> Iterator[Asked]:
    """Counts what a worker with this engine asks of the database."""
    count = Asked()

    def statement(*_: Any) -> None:
        count.statements += 1

    def commit(*_: Any) -> None:
        count.commits += 1

    event.listen(engine.sync_engine, "before_cursor_execute", statement)
    event.listen(engine.sync_engine, "commit", commit)
    try:
        yield count
    finally:
        event.remove(engine.sync_engine, "before_cursor_execute", statement)
        event.remove(engine.sync_engine, "commit", commit)


async def table_bytes(engine: Engine) -> dict[str, float]:
    """Heap, TOAST and indexes of each table."""
    async with engine.connect() as conn:
        return {row.relname: row.bytes for row in await conn.execute(_SIZES)}


async def table_rows(engine: Engine) -> dict[str, float]:
    """Rows of each table."""
    found: dict[str, float] = {}
    async with engine.connect() as conn:
        for table in schema.metadata.sorted_tables:
            found[table.name] = await conn.scalar(select(func.count()).select_from(table)) or 0
    return found


async def log_bytes(engine: Engine) -> float:
    """How much write-ahead log there has ever been."""
    async with engine.connect() as conn:
        return float(await conn.scalar(_LOG) or 0)


async def pack(engine: Engine) -> None:
    """Rewrites all tables and indexes without gaps."""
    async with engine.connect() as conn:
        plain = await conn.execution_options(isolation_level="AUTOCOMMIT")
        await plain.execute(text("VACUUM FULL"))
        await plain.execute(text("CHECKPOINT"))


def engine_bytes(database: Path) -> dict[str, float]:
    """Pages of the embedded engine's file by table, with its indexes."""
    asked = (
        "SELECT m.tbl_name, sum(s.pgsize) FROM dbstat s JOIN sqlite_master m ON m.name = s.name"
        " GROUP BY m.tbl_name"
    )
    with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as conn:
        return dict(conn.execute(asked).fetchall())


def state_bytes(database: Path, workflow_ids: Collection[str]) -> float:
    """The mean size of what the engine writes anew at each transition of these orders."""
    asked = "SELECT workflow_id, length(data) + length(state) FROM executions"
    with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as conn:
        found: list[int] = [size for name, size in conn.execute(asked) if name in workflow_ids]
    return sum(found) / len(found)


def each(after: Mapping[str, float], before: Mapping[str, float], orders: int) -> dict[str, float]:
    """What was added for each order; what did not change is left out."""
    grown = {name: (size - before.get(name, 0)) / orders for name, size in after.items()}
    return {name: round(size, 2) for name, size in sorted(grown.items()) if size}


def resident_bytes() -> int:
    """Memory of this process that is in use."""
    return int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1]) * PAGE_BYTES


def processor_seconds() -> dict[str, float]:
    """Processor time of this process and of the servers below it, since their start."""
    parents: dict[int, int] = {}
    spent: dict[int, tuple[str, float]] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            line = stat.read_text(encoding="utf-8", errors="replace")
        except OSError:
            continue  # it has just ended
        name = line[line.index("(") + 1 : line.rindex(")")]
        fields = line[line.rindex(")") + 2 :].split()
        pid = int(stat.parent.name)
        parents[pid] = int(fields[1])
        spent[pid] = (name, sum(map(int, fields[11:15])) / TICKS_A_SECOND)
    total = {"python": sum(os.times()[:2]), "engine": 0.0, "postgres": 0.0}
    for pid, (name, seconds) in spent.items():
        if _is_below(pid, parents):
            total["engine" if name == "temporal" else "postgres"] += seconds
    return total


def _is_below(pid: int, parents: Mapping[int, int]) -> bool:
    while pid > 1:
        pid = parents.get(pid, 0)
        if pid == os.getpid():
            return True
    return False
