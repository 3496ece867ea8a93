"""The exceptions of this room."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any


class CorpusError(ValueError):
    """A corpus cannot be built, read or written; the message is one line that says which, why and what to do.

    report: a FileReport for each input file where a build kept nothing, else empty.
    reason: the reason code (a key of `report.REMEDIES`) where the error is about one piece, else empty.
    """

    def __init__(self, message: str, report: Sequence[Any] = (), reason: str = "") -> None:
        super().__init__(message)
        self.report = report
        self.reason = reason
