"""What can be wrong with the machine, always as one sentence for the person at the keyboard."""


class StackError(Exception):
    """The servers cannot start. Its text is one sentence that says what to do next."""
