"""Random notices, placements, answers and refunds: received = applied + unapplied + refunded.

What should have come and gone is added up beside the store, from the notices themselves, and
compared with every entry and every balance after each step.
"""

import asyncio
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import insert

from domain.money import Purpose
from store.engine import Engine, create_engine
from store.tables import profile_versions
from tests.store.accountant import DIGEST, Book
from tests.store.bench import PROFILE

EXAMPLES = 9

small, which = st.integers(0, 3), st.integers(0, 2)
size = st.integers(0, 4)
notices = st.tuples(
    st.just("notice"),
    st.sampled_from(["finance", "bank"]),
    st.integers(0, 4),
    st.sampled_from([0, 0, 1, 1, 2, 2, 3]),
    size,
    st.booleans(),
    st.sampled_from([Purpose.GOODS, Purpose.GOODS, Purpose.RUSH_FEE]),
)
steps = st.one_of(
    notices,
    notices,
    st.tuples(st.just("close"), which, st.sampled_from(["completed", "cancelled"])),
    st.tuples(st.just("assign"), small, which, st.none() | size),
    st.tuples(st.just("answer"), small, which, st.sampled_from(["assign", "refund"])),
    st.tuples(st.just("answer"), small, which, st.sampled_from(["assign", "refund"])),
    st.tuples(st.just("costs"), which, size),
    st.tuples(st.just("fee"), which, size),
    st.tuples(st.just("propose"), st.integers(0, 5), st.none() | size),
    st.tuples(st.just("approve"), small, st.sampled_from("ab")),
    st.tuples(st.just("reject"), small),
    st.tuples(st.just("pay"), small),
    st.tuples(st.just("go_back"), small),
)


@pytest.fixture
def runner(database_url: str) -> Iterator[tuple[asyncio.Runner, Engine]]:
    engine = create_engine(database_url)

    async def begin() -> None:
        pinned = {
            "digest": DIGEST,
            "profile": "S08",
            "version": 1,
            "body": PROFILE.model_dump(mode="json"),
        }
        async with engine.begin() as conn:
            await conn.execute(insert(profile_versions).values(pinned))

    with asyncio.Runner() as runner:
        runner.run(begin())
        yield runner, engine
        runner.run(engine.dispose())


@settings(
    max_examples=EXAMPLES,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    story=st.tuples(
        st.lists(notices, min_size=2, max_size=5), st.lists(steps, min_size=8, max_size=16)
    ).map(lambda parts: [*parts[0], *parts[1]])
)
def test_money_that_came_is_applied_unapplied_or_refunded(
    runner: tuple[asyncio.Runner, Engine], story: list[tuple[object, ...]]
) -> None:
    loop, engine = runner

    async def told() -> None:
        book_ = Book(engine)
        await book_.open()
        for step in story:
            await book_.take(step)
            await book_.look()
        await book_.balance()

    loop.run(told())
