"""The `dueline` command. What a command needs loads only when the command is called."""

import os
import sys
from typing import Annotated

from cyclopts import App, CycloptsError, Parameter
from pydantic import ValidationError

from domain.errors import DuelineError
from ops import commands_serve

UNPREFIXED = {"DATABASE_URL", "TEMPORAL_ADDRESS"}
EXIT_FAILED = 1
EXIT_MISUSED = 2
# These start or explain the platform: they work even while the order commands do not load.
INDEPENDENT = {"up", "demo", "policy", "calendar", "worker", "api", "relay", "migrate", "keys"}

HELP = """Dueline: every order has a due line.

Examples

    dueline up
    dueline demo
    dueline migrate
    dueline keys add --name "Wang Li" --role planning
    dueline submit examples/orders.csv
    dueline tasks --role planning --json
    dueline pay SO-2026-000004 462.00 --reference CMB-20260302-0001
    dueline notices --state dead
    dueline calendar due --calendar cn --from 2026-11-23T09:00+08:00 --work 4h

Settings come from the environment: DUELINE_DATA_DIR, DUELINE_API_PORT, DUELINE_TEMPORAL_PORT,
DUELINE_UI_PORT, DUELINE_CHANNELS, and DATABASE_URL and TEMPORAL_ADDRESS for servers that others
run; DUELINE_SECRETS_DIR names a folder with a file for each secret one.
"""


async def up() -> int:
    """Starts PostgreSQL, Temporal, worker and API in the foreground, until Ctrl-C.

    Example: DUELINE_API_PORT=8080 dueline up
    """
    from settings import Settings

    settings = Settings()
    from ops.up import run_up

    return await run_up(settings)


async def demo(*, as_json: Annotated[bool, Parameter(name="--json", negative="")] = False) -> int:
    """Starts everything, runs the example orders at fast-forwarded time, and says what happened.

    Example: dueline demo --json

    Parameters
    ----------
    as_json
        Print the summary alone, for machines.
    """
    from settings import Settings

    settings = Settings()
    from ops.demo import run_demo

    return await run_demo(settings, as_json=as_json)


def build(arguments: list[str]) -> App:
    """Returns the command tree that these arguments need."""
    app = App(name="dueline", help=HELP, help_format="markdown", version="0.1.0")
    app.command(up)
    app.command(demo)
    for process in (
        commands_serve.worker,
        commands_serve.api,
        commands_serve.relay,
        commands_serve.migrate,
    ):
        app.command(process)
    app.command("ops.commands_keys:app", name="keys", help="Make, list and revoke API keys.")
    app.command("ops.commands_policy:app", name="policy", help="Check, list and show profiles.")
    app.command(
        "ops.commands_calendar:app", name="calendar", help="Count with calendars, publish them."
    )
    app.command(
        "ops.commands_notices:app", name="notices", help="See and re-send what people were told."
    )
    app.command(
        "ops.commands_webhooks:app",
        name="webhooks",
        help="Where customers' systems listen, and what did not arrive there.",
    )
    app.command(
        "ops.commands_windows:app", name="windows", help="Explain, pause, resume an order's clocks."
    )
    app.command(
        "ops.commands_overdue:app", name="overdue", help="List, show and open overdue cases."
    )
    app.command("ops.commands_ops:app", name="ops", help="Find stuck orders and cure them.")
    if not arguments or arguments[0] not in INDEPENDENT:
        from ops import (
            commands_cancel,
            commands_changes,
            commands_credit,
            commands_differences,
            commands_follow_ups,
            commands_money,
            commands_orders,
            commands_shipping,
        )
        from ops.commands_report import report

        commands_orders.register(app)
        commands_changes.register(app)
        app.command(commands_cancel.cancel)
        commands_money.register(app)
        app.command(commands_differences.differences)
        commands_credit.register(app)
        commands_shipping.register(app)
        commands_follow_ups.register(app)
        app.command(report)
    return app


def run(arguments: list[str]) -> int:
    """Runs one command; returns its exit code. Errors that we know become one sentence."""
    try:
        result = build(arguments)(
            arguments, exit_on_error=False, print_error=True, result_action="return_value"
        )
    except DuelineError as error:
        return _complain(str(error), EXIT_FAILED)
    except ValidationError as error:
        return _complain(_misfit(error), EXIT_MISUSED)
    except CycloptsError:  # printed already, with what was expected
        return EXIT_MISUSED
    except SystemExit as leaving:
        return _left(leaving.code)
    except KeyboardInterrupt:
        return _complain("Stopped.", EXIT_FAILED)
    return result if isinstance(result, int) else 0


def _left(code: object) -> int:
    """The exit code of a process that left by itself, with a sentence or a number."""
    if isinstance(code, str):
        return _complain(code, EXIT_FAILED)
    return code if isinstance(code, int) else EXIT_FAILED


def _complain(sentence: str, code: int) -> int:
    print(sentence, file=sys.stderr)
    return code


def _misfit(error: ValidationError) -> str:
    first = error.errors()[0]
    name = ".".join(str(part) for part in first["loc"])
    if error.title == "Settings":
        bare = name.upper().removeprefix("DUELINE_")
        name = bare if bare in UNPREFIXED else f"DUELINE_{bare}"
    return f"{name} is not usable: {first['msg'].removeprefix('Value error, ')}."


def main() -> None:
    """Entry point. Leaves without the interpreter's farewell."""
    try:
        code = run(sys.argv[1:])
        sys.stdout.flush()
        sys.stderr.flush()
    except BrokenPipeError:
        code = 0  # the reader has seen enough: `dueline tasks | head`
    # The SDK's threads sometimes abort an ordinary exit (sdk-python#300).
    os._exit(code)


if __name__ == "__main__":
    main()
