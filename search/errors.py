"""The errors that a person can act on; each message is one line with the remedy."""


class UsageError(Exception):
    """The request can't be carried out as it stands; the command ends with exit code 2."""


class RunError(Exception):
    """A rightful request failed while it was carried out; the command ends with exit code 1."""
