"""How rules and steps are named: `S08.W03`, `review`."""

from typing import Annotated

from pydantic import Field

RuleId = Annotated[str, Field(pattern=r"^[A-Z][A-Z0-9_]{1,19}\.[A-Za-z0-9_]{1,40}$")]
StepId = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,39}$")]
