"""`dueline ops`: find what is stuck, cure it, replay it, ship a new version."""

from cyclopts import App

HELP = """Find stuck orders and cure them. Every action is written down under your key's name.

Examples

    dueline ops stuck
    dueline ops show SO-2026-000004
    dueline ops retry SO-2026-000004
    dueline ops hold SO-2026-000004 --because "the bank has frozen the account"
    dueline ops release SO-2026-000004
    dueline ops trail
    dueline ops replay --open
    dueline ops reset SO-2026-000004 --to plan --because "the plan was lost"
    dueline ops recover --query "TemporalReportedProblems IS NOT NULL" --because "deploy 41"
"""

app = App(name="ops", help=HELP, help_format="markdown")
# Looking.
app.command(
    "ops.commands_stuck:stuck", name="stuck", help="Find every order that cannot move, and why."
)
app.command(
    "ops.commands_show:show", name="show", help="Tell one order's whole story in one screen."
)
app.command(
    "ops.commands_views:show_views", name="views", help="Link to the Web UI's useful lists."
)
app.command("ops.commands_trail:trail", name="trail", help="List what operations have done.")
# One order.
app.command("ops.commands_cures:retry", name="retry", help="Try failing activities again at once.")
app.command(
    "ops.commands_cures:hold", name="hold", help="Stop orders, and their windows with them."
)
app.command("ops.commands_cures:release", name="release", help="Let held or paused orders go on.")
app.command(
    "ops.commands_cures:skip_step",
    name="skip-step",
    help="Pass a step that nobody can answer, with two keys.",
)
app.command(
    "ops.commands_tell:tell",
    name="tell",
    help="Tell again of a missed window that nobody heard of.",
)
app.command("ops.commands_reset:reset", name="reset", help="Take an order back to a step.")
# Many orders.
app.command("ops.commands_replay:replay", name="replay", help="Replay histories against this code.")
app.command(
    "ops.commands_recover:recover", name="recover", help="Cure what a bad deploy has stopped."
)
app.command(
    "ops.commands_reconcile:reconcile",
    name="reconcile",
    help="Compare workflows with the database, and mend it.",
)
app.command("ops.commands_breaker:app", name="breaker", help="Stop and restart one activity.")
# Versions.
app.command("ops.commands_versions:app", name="versions", help="See and change worker versions.")
app.command(
    "ops.commands_release:drain",
    name="drain",
    help="Move the orders of a version to the current one.",
)
app.command(
    "ops.commands_release:release_check",
    name="release-check",
    help="Replay everything on this code, then let it in.",
)
