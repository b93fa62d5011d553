"""`dueline ops`: find what is stuck, cure it, replay it, ship a new version."""

from cyclopts import App

HELP = """Find stuck orders and cure them. Every action is written down under your key's name.

Examples

    dueline ops stuck
    dueline ops show SO-2026-000004
    dueline ops trail
"""

app = App(name="ops", help=HELP, help_format="markdown")
app.command("ops.commands_trail:trail", name="trail")
app.command("ops.commands_stuck:stuck", name="stuck")
app.command("ops.commands_show:show", name="show")
app.command("ops.commands_tell:tell", name="tell")
