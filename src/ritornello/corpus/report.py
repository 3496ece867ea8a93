"""What became of each input file: one line each, with a reason that programs may rely on and a remedy."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

KEPT, DROPPED = "kept", "dropped"

REMEDIES: dict[str, str] = {
    "ok": "",
    "not_music": "give it one of the endings that are read, or leave it out of the folder",
    "unreadable": "open it in a notation program or a sequencer and export it again",
    "wrong_kind": "the content is not what the name says: fetch the file itself, or give it its true ending",
    "too_large": "no score is that large: leave it out, or split it",
    "bad_archive": "unpack it with the program that made it and name the folder, or fetch it again",
    "nested_archive": "unpack the outer archive and name the folder",
    "unsafe_name": "unpack the archive with a program that you trust and name the folder",
    "bad_tune": "correct the tune at the line that is named; the others of the book were read",
    "empty_file": "the file holds no bytes: copy or export it again",
    "no_notes": "choose a file, or a part of it, that has notes",
    "drums_only": "only percussion was found: add a part with pitches",
    "too_short": "a melody needs more notes: join it with another, or lower the least number",
    "duplicate": "nothing to do: the tune is in the corpus already; use an explicit split to keep every copy",
}
"""Reason codes and what would help. Dropped files carry one of them; kept files carry "ok"."""


@dataclass(frozen=True, slots=True)
class FileReport:
    """One line of `report.jsonl`.

    path: the file as it was given. status: "kept" or "dropped". reason: a key of REMEDIES.
    detail: the message of the reader, the twin of a duplicate, or what was detected; may be empty.
    pieces, melodies, notes: what was kept of it. losses: counted by name, such as "notes_below_top".
    """

    path: str
    status: str
    reason: str
    remedy: str = ""
    detail: str = ""
    pieces: int = 0
    melodies: int = 0
    notes: int = 0
    losses: Mapping[str, int] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """Plain values for `report.jsonl`."""
        return asdict(self)

    @classmethod
    def from_json(cls, line: Mapping[str, Any]) -> FileReport:
        """Back from `to_json`. Raises TypeError where the line is not one of ours."""
        return cls(**line)

    def __str__(self) -> str:
        """One line for people: "dropped  tune.mid: no_notes (...); choose a file ..."."""
        if self.status == KEPT:
            return f"kept     {self.path}: {self.melodies} melodies, {self.notes} notes" + _bracket(self.detail)
        return f"dropped  {self.path}: {self.reason}{_bracket(self.detail)}; {self.remedy}"


def dropped(path: str, reason: str, detail: str = "", losses: Mapping[str, int] | None = None) -> FileReport:
    """A report line for a file that gave nothing."""
    return FileReport(path, DROPPED, reason, REMEDIES[reason], detail, losses=dict(losses or {}))


def _bracket(text: str) -> str:
    return f" ({text})" if text else ""
