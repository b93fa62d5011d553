"""Where operations work: the engine, the database, and who does it."""

from dataclasses import dataclass
from urllib.parse import quote, urlencode

from temporalio.client import Client

from domain.roles import Role
from store.audit import OpsAction, add_action
from store.engine import Engine


@dataclass(frozen=True)
class Site:
    """One platform as operations reach it.

    `by` names the key that works and `roles` what it may; `ui_url` is where the Web UI is.
    """

    client: Client
    database: Engine
    task_queue: str
    by: str
    roles: tuple[Role, ...]
    ui_url: str

    def workflow_url(self, workflow_id: str) -> str:
        """Where the Web UI shows a workflow."""
        return f"{self._namespace_url}/workflows/{quote(workflow_id, safe='')}"

    def list_url(self, query: str, name: str | None = None) -> str:
        """Where the Web UI lists what a query finds; with a name it offers to save the view."""
        return list_url(self.ui_url, self.client.namespace, query, name)

    @property
    def _namespace_url(self) -> str:
        return f"{self.ui_url}/namespaces/{self.client.namespace}"

    async def note(self, action: OpsAction) -> None:
        """Adds a line to the audit trail, under the name of the key that works."""
        async with self.database.begin() as conn:
            await add_action(conn, self.by, action)


def list_url(ui_url: str, namespace: str, query: str, name: str | None = None) -> str:
    """Where a Web UI lists what a query finds; with a name it offers to save the view."""
    asked = {"query": query} | ({"savedQuery": name} if name else {})
    return f"{ui_url}/namespaces/{namespace}/workflows?{urlencode(asked, quote_via=quote)}"
