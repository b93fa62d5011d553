"""What can be wrong with the machine, always as one sentence for the person at the keyboard."""

from domain.errors import DuelineError


class StackError(DuelineError):
    """The servers cannot start. Its text is one sentence that says what to do next."""
