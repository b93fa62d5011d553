"""The floors of the workflow tests serve here, too."""

from tests.workflow.conftest import idle_floor

__all__ = ["idle_floor"]
