"""`dueline report`: the assessment of a month or a quarter in a terminal."""

import json
from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter

from domain.errors import DuelineError
from domain.roles import Role
from ops.commands_orders import Address, AsJson, Key
from ops.order_lookup import client_for
from ops.report_tables import print_report

READER = Role.CONTROL
"""Whose key reads when none is named: the department that assesses, and sees persons."""

Table = Literal["department", "person", "profile", "stage", "cause"]


async def report(
    *,
    period: str | None = None,
    by: Table | None = None,
    xlsx: Annotated[Path | None, Parameter(negative="")] = None,
    as_json: AsJson = False,
    api: Address = None,
    key: Key = None,
) -> None:
    """Show who kept and who missed which windows, why, and the indicators.

    Examples

        dueline report
        dueline report --period 2026-11 --by department
        dueline report --period 2026-Q4 --xlsx assessment.xlsx
        dueline report --period 2026-11 --json

    Parameters
    ----------
    period
        A month such as 2026-11 or a quarter such as 2026-Q4; by default the running month.
    by
        One table alone: department, person, profile, stage or cause.
    xlsx
        Save everything as an Excel file with this name instead of printing it.
    """
    async with client_for(api, key, READER) as client:
        if xlsx is not None:
            _save(xlsx, await client.content("/reports/assessment.xlsx", period=period))
            print(f"Saved in {xlsx}.")
            return
        found = await client.get("/reports/assessment", period=period)
    if as_json:
        print(json.dumps(found, ensure_ascii=False, indent=2))
    else:
        print_report(found, by)


def _save(file: Path, content: bytes) -> None:
    if file.suffix != ".xlsx":
        raise DuelineError(f"{file} is no name of an Excel file: write {file.stem}.xlsx.")
    try:
        file.write_bytes(content)
    except OSError as error:
        raise DuelineError(f"{file} cannot be written ({error.strerror}): name another.") from error
