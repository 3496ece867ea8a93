"""The one exception of this room."""

from __future__ import annotations


class CorpusError(ValueError):
    """A corpus cannot be built, read or written; the message is one line that says which, why and what to do."""
