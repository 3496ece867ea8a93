"""The one exception that a caller of the file door has to catch."""

from __future__ import annotations


class MusicFileError(ValueError):
    """A music file that could not be read or written; the message is one line and begins with the path."""
