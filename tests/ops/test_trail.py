"""The audit trail says who did what, why, and what came of it."""

from ops.repair.site import Site
from store.audit import OpsAction
from tests.ops.conftest import Dueline


async def test_the_trail_lists_the_newest_first_under_the_name_of_the_key(
    site: Site, dueline: Dueline
) -> None:
    await site.note(OpsAction(action="hold", target="order-1", reason="a strike"))
    await site.note(OpsAction(action="release", target="order-1"))

    said = await dueline("ops", "trail", "--json")

    assert [(line["action"], line["by"]) for line in said.json] == [
        ("release", "ops-1"),
        ("hold", "ops-1"),
    ]


async def test_a_key_without_the_role_is_told_which_role_it_needs(
    site: Site, dueline: Dueline
) -> None:
    said = await dueline("ops", "trail", by="leader")

    assert (said.code, said.err.strip()) == (1, "needs the role operations")
