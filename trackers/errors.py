"""What goes wrong with a tracking store, for the person who can mend it."""

from __future__ import annotations


class TrackingError(Exception):
    """The tracking store or server can't be used; the message says what to do."""
