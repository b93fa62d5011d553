"""`dueline ops show`: the whole story of one order in one screen."""

import json

from ops.commands_orders import AsJson, Key
from ops.repair.story import tell_story
from ops.site import open_site
from ops.story_tables import print_story


async def show(order: str, *, as_json: AsJson = False, key: Key = None) -> None:
    """Tell the whole story of one order: what it waits for and the next thing to do, what is stuck
    about it, its steps, clocks, messages, retries, holds, cases and runs.

    Works while no worker lives, and says so when the engine is away.

    Examples

        dueline ops show SO-2026-000004
        dueline ops show 3f2a9c1e --json

    Parameters
    ----------
    order
        Its number, its id, the beginning of the id, or its workflow id.
    """
    async with open_site(key, engine_may_be_away=True) as site:
        story = await tell_story(site, order)
    if as_json:
        print(json.dumps(story.model_dump(mode="json"), ensure_ascii=False, indent=2))
    else:
        print_story(story)
