"""How rules are named: `S08.W03`."""

from typing import Annotated

from pydantic import Field

RuleId = Annotated[str, Field(pattern=r"^[A-Z][A-Z0-9_]{1,19}\.[A-Za-z0-9_]{1,40}$")]
