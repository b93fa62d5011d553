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
app.command("ops.commands_trail:trail", name="trail")
app.command("ops.commands_stuck:stuck", name="stuck")
app.command("ops.commands_show:show", name="show")
app.command("ops.commands_tell:tell", name="tell")
app.command("ops.commands_cures:retry", name="retry")
app.command("ops.commands_cures:hold", name="hold")
app.command("ops.commands_cures:release", name="release")
app.command("ops.commands_cures:skip_step", name="skip-step")
app.command("ops.commands_reconcile:reconcile", name="reconcile")
app.command("ops.commands_views:show_views", name="views")
app.command("ops.commands_versions:app", name="versions", help="See and change worker versions.")
app.command("ops.commands_release:drain", name="drain")
app.command("ops.commands_release:release_check", name="release-check")
app.command("ops.commands_breaker:app", name="breaker", help="Stop and restart one activity.")
app.command("ops.commands_replay:replay", name="replay")
app.command("ops.commands_reset:reset", name="reset")
app.command("ops.commands_recover:recover", name="recover")
