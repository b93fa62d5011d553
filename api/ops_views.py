"""The saved views of the Web UI on one page: links and sentences, no data."""

from datetime import UTC, datetime
from html import escape

from fastapi import APIRouter
from starlette.responses import HTMLResponse

from api.access import Caller
from api.operations import site_of
from api.services import Services, Wired
from domain.base import Record
from ops.repair.pacing import Pace
from ops.repair.site import list_url
from ops.repair.views import View, count, retrying, views

router = APIRouter(prefix="/ops", tags=["operations"])

SECONDS = 10.0

_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Dueline: views for operations</title>
<style>
body {{ font: 16px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 52rem; padding: 0 1rem;
  color: #1c1f23; background: #fff; }}
h1 {{ font-size: 1.5rem; }}
table {{ border-collapse: collapse; width: 100%; }}
td, th {{ border-top: 1px solid #d5d9de; padding: .6rem .5rem; text-align: left;
  vertical-align: top; }}
code {{ background: #f2f4f6; padding: .1rem .3rem; }}
td:first-child {{ white-space: nowrap; }}
</style>
</head>
<body>
<h1>Views for operations</h1>
<p>Each link opens a list in the Temporal Web UI, which offers to save it as a view. How many there
are of each says <code>GET /ops/views.json</code> with a key of operations; what is stuck, and what
cures it, says <code>dueline ops stuck</code>.</p>
<table>
<tr><th scope="col">View</th><th scope="col">What it shows</th></tr>
{rows}
</table>
<p>Instants in the links are those of {now}; load the page again for fresh ones.</p>
</body>
</html>
"""


class CountedView(Record):
    """A view, its link, and how many there are now; a view without a query has neither."""

    name: str
    title: str
    sentence: str
    query: str | None
    url: str | None
    count: int | None


class Counted(Record):
    """All views; `is_complete` is false when more orders are open than were looked at."""

    views: tuple[CountedView, ...]
    looked_at: int
    is_complete: bool


@router.get("/views", response_class=HTMLResponse)
async def page(services: Wired) -> HTMLResponse:
    """Shows the saved views of the Web UI: links and sentences, no data."""
    now = datetime.now(UTC).replace(microsecond=0)
    rows = "\n".join(_row(services, view) for view in _views(services, now))
    return HTMLResponse(_PAGE.format(rows=rows, now=now.isoformat(sep=" ")))


@router.get("/views.json")
async def counted(services: Wired, caller: Caller) -> Counted:
    """Lists the views with how many there are now; looks at open orders for what is retried."""
    site = await site_of(services, caller)
    async with services.temporal.asking(SECONDS):
        shown = [
            _counted(services, view, await count(site, view))
            for view in _views(services, datetime.now(UTC))
        ]
        scan = await retrying(site, Pace(per_second=200))
    marked = View(
        name="retrying",
        title="Retrying activities",
        sentence=f"Of {scan.looked_at} open orders that were looked at.",
        query=scan.query,
    )
    found = _counted(services, marked, len(scan.workflow_ids))
    return Counted(
        views=tuple(found if view.name == marked.name else view for view in shown),
        looked_at=scan.looked_at,
        is_complete=scan.is_complete,
    )


def _views(services: Services, now: datetime) -> tuple[View, ...]:
    return views(now, services.loaded.profiles.values())


def _url(services: Services, view: View) -> str | None:
    settings = services.settings
    if view.query is None:
        return None
    return list_url(settings.web_ui_url, settings.temporal_namespace, view.query, view.title)


def _counted(services: Services, view: View, number: int | None) -> CountedView:
    return CountedView(**view.model_dump(), url=_url(services, view), count=number)


def _row(services: Services, view: View) -> str:
    title, url = escape(view.title), _url(services, view)
    shown = f'<a href="{escape(url)}">{title}</a>' if url else title
    return f"<tr><td>{shown}</td><td>{_sentence(view)}</td></tr>"


def _sentence(view: View) -> str:
    parts = escape(view.sentence).split("`")
    return "".join(
        f"<code>{part}</code>" if index % 2 else part for index, part in enumerate(parts)
    )
