"""The demo, shortened to the orders to which something happens."""

import json
from datetime import datetime
from pathlib import Path

import pytest

from domain.windows import Mark
from ops import demo
from ops.demo_story import PLAIN, Story, load_stories
from ops.stack.preflight import free_port
from settings import Settings


def eventful(now: datetime) -> list[Story]:
    """The stories in which somebody fails, changes or is late beyond the warning."""
    return [
        story
        for story in load_stories(now)
        if story.is_eventful and story.highest is not Mark.WARNING
    ]


async def test_every_eventful_story_happens_as_it_is_told(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setattr(demo, "load_stories", eventful)
    settings = Settings(
        data_dir=tmp_path / "untouched",
        api_port=free_port(),
        temporal_port=free_port(),
        ui_port=free_port(),
    )

    code = await demo.run_demo(settings, as_json=True)

    printed = capsys.readouterr()
    summary = json.loads(printed.out)
    assert summary["trouble"] == []
    assert code == 0, printed.err
    assert summary["totals"] | {"windows_kept": 0} == {
        "orders": 7,
        "completed": 6,
        "cancelled": 1,
        "windows_kept": 0,
        "windows_warned": 0,
        "windows_breached": 3,
        "overdue_cases": 3,
    }
    assert all(case["cause"] and case["responsible"] for case in summary["overdue_cases"])
    assert PLAIN not in {order["story"] for order in summary["orders"]}
    assert not (tmp_path / "untouched").exists()
    assert "\x1b" not in printed.err
