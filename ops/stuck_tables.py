"""Findings for people: what, since when, and under it the cure, ready to be copied."""

from collections.abc import Iterable

from rich.console import Console
from rich.text import Text

from domain.follow_ups import PREFIX
from ops.order_tables import console, local, short
from ops.repair.stuck_model import Finding, Severity

STYLES = {
    Severity.CRITICAL: "bold red",
    Severity.HIGH: "red",
    Severity.MEDIUM: "yellow",
    Severity.LOW: "dim",
}


def print_findings(findings: Iterable[Finding]) -> None:
    """One after the other, in the order in which they come."""
    out = console()
    for finding in findings:
        _print(out, finding)


def _print(out: Console, finding: Finding) -> None:
    name = finding.number or short(finding.order_id)
    if finding.workflow_id.startswith(("case-", PREFIX)):
        name += f" {short(finding.workflow_id)}"
    since = local(finding.since.isoformat())
    head = Text.assemble(
        (f"{finding.severity.value:9}", STYLES[finding.severity]),
        (f"{name}  ", "bold"),
        (finding.cause.value, STYLES[finding.severity]),
        f"  since {since}",
    )
    out.print(head, soft_wrap=True)
    rows = {"": finding.sentence, "first": finding.first, "cure": finding.cure}
    if finding.also:
        rows["also"] = ", ".join(cause.words for cause in finding.also) + " (ends with it)"
    rows["see"] = finding.links.web_ui
    for label, text in rows.items():
        if text:
            style = "bold" if label == "cure" else ""
            # Not wrapped: a command over two lines cannot be copied.
            out.print(Text(f"  {label:6} ") + Text(text, style=style), soft_wrap=True)
