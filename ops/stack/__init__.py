"""The servers that the platform starts for itself."""

from ops.stack.errors import StackError
from ops.stack.stack import Stack

__all__ = ["Stack", "StackError"]
