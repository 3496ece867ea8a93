"""What became of each input file: one line each, with a reason that programs may rely on and a remedy."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ritornello.music.errors import printable

KEPT, DROPPED = "kept", "dropped"

REMEDIES: dict[str, str] = {
    "ok": "",
    "not_music": "give it one of the endings that are read, or leave it out of the folder",
    "unreadable": "fetch it again, or open it in a notation program or a sequencer and export it again",
    "wrong_kind": "the content is not what the name says: fetch the file itself, or give it its true ending",
    "empty_file": "the file holds no bytes: copy or export it again",
    "no_notes": "export it again with the notes, or choose a file, or a part of it, that has some",
    "too_large": "such a file is no score: leave it out, or split an array file into smaller ones",
    "bad_archive": "the archive is damaged or not safe to open: fetch it again, or unpack it and give the folder",
    "nested_archive": "unpack the archives that it lies in and give the folder",
    "unsafe_name": "its name leads out of the archive: unpack that with a program that you trust and give the folder",
    "bad_tune": "correct the tune at the line that is named; the others of the book were read",
    "smpte_time": "bars are a guess where time is counted in frames: save it with ticks per quarter note",
    "patterns": "nothing to do, if the tracks are tunes of their own; else save the file as type 1",
    "trailing_bytes": "nothing to do, if the tune is whole; else fetch the file again",
    "empty_notes": "nothing to do, unless a note is missed: give it a length in a sequencer",
    "endless_notes": "nothing to do, unless the lengths matter: end these notes in a sequencer",
    "damaged_wait": "take the wait out in a sequencer, if what lies behind it is missed",
    "parser_died": "the file is damaged: open it in a sequencer or notation program and export it again",
    "too_slow": "the file is damaged or very large: export it again, or split it",
    "drums_only": "only percussion was found: add a part with pitches",
    "too_short": "a melody needs more notes: join it with another, or lower --least-notes or --min-bars",
    "no_such_track": "name a track that is there, or use --pick auto",
    "unsure_pick": "look at it with `corpus explain`, and choose with --pick track:NAME_OR_NUMBER",
    "off_grid": "try a finer grid with --steps-per-quarter, or even the swing out with --swing straight",
    "no_beat": "no grid fits: the beat of the file is not the one it was played to; set its tempo map in a sequencer",
    "duplicate": "nothing to do: the tune is in the corpus already; --keep-copies keeps every copy, in one split",
    "copies_across": "a model would learn what it is judged by: --split hash, or 80/10/10, keeps families together",
}
"""Reason codes and what would help. Dropped files carry one of them; kept files carry "ok" and may carry warnings."""

HARMLESS = ("ok", "duplicate")
"""Reasons that ask for nothing to be done: --strict lets them pass."""

SHARPER: dict[str, dict[str, str]] = {
    "not_music": {
        r"a link to nothing": "put back what the link leads to, or take the link out of the folder",
        r"a link or a device in an archive": "pack the file itself into the archive, not a link to it",
        r"not a file": "leave it out: a pipe, socket or device has nothing to read",
    },
    "wrong_kind": {r"XML of another kind": "export the score as MusicXML, or leave the file out"},
    "unreadable": {
        r"cut short": "fetch or copy the file again, or export it again",
        r"which token is no_event": "name its convention with --convention",
        r"split it into smaller": "split it into smaller files",
        r"array file|expected whole numbers|not an array|truncated: shape|neither a pitch": (
            "save the tokens again, as whole numbers in an .npy or .npz file"
        ),
        r"cannot be listed|[Pp]ermission|not permitted": "allow yourself to read it, or leave it out",
        r"first note comes only after": "take the wait before the first note out in a sequencer",
    },
    "off_grid": {r"; (\d+) steps a quarter fit": "try --steps-per-quarter {0}"},
    "too_short": {
        r"\b(\d+) notes?\b": "to keep it, use --least-notes {0}",
        r"line is (\d+) bars?\b": "to keep it, use --min-bars {0}",
    },
}
"""Reasons whose remedy names the number that the detail holds: patterns for the detail, each with its remedy."""


@dataclass(frozen=True, slots=True)
class FileReport:
    """One line of `report.jsonl`.

    path: the file as it was given. status: "kept" or "dropped". reason: a key of REMEDIES.
    detail: the message of the reader, what it is a duplicate of, or what was detected; may be empty.
    pieces, melodies, notes: what was kept of it. losses: counted by name, such as "notes_below_top".
    warnings: doubts about what was kept, as (reason code, detail). duplicates: pieces of this file that were
        left out (under `kin` in the file), each with source, twin, kind, semitones, stretch, run_notes and coverage.
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
    warnings: tuple[tuple[str, str], ...] = ()
    duplicates: tuple[Mapping[str, Any], ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """List plain values for `report.jsonl`; each warning with its remedy."""
        return {
            "path": self.path,
            "status": self.status,
            "reason": self.reason,
            "remedy": self.remedy,
            "detail": self.detail,
            "pieces": self.pieces,
            "melodies": self.melodies,
            "notes": self.notes,
            "losses": dict(self.losses),
            "warnings": [{"reason": c, "detail": d, "remedy": remedy(c, d)} for c, d in self.warnings],
            "kin": [dict(entry) for entry in self.duplicates],
        }

    @classmethod
    def from_dict(cls, line: Mapping[str, Any]) -> FileReport:
        """Rebuild it from `to_dict`. Raises TypeError or KeyError for anything else."""
        warnings = tuple((w["reason"], w["detail"]) for w in line.get("warnings", ()))
        fields = {name: value for name, value in line.items() if name != "kin"}
        return cls(**{**fields, "warnings": warnings, "duplicates": tuple(line.get("kin", ()))})

    @property
    def asks_for_action(self) -> bool:
        """Whether something about the file can be mended: it was dropped or doubted, not for being a copy."""
        return self.reason not in HARMLESS or bool(self.warnings)

    def __str__(self) -> str:
        """Write one line for people: "dropped  tune.mid: no_notes (...); choose a file ..."."""
        return printable(self._line())

    def _line(self) -> str:
        if self.status == KEPT:
            doubts = "".join(f"; {code}{_bracket(detail)}, {remedy(code, detail)}" for code, detail in self.warnings)
            return f"kept     {self.path}: {_count(self.melodies, 'melod')}, {self.notes} notes" + (
                _bracket(self.detail) + doubts
            )
        return f"dropped  {self.path}: {self.reason}{_bracket(self.detail)}; {self.remedy}"


def dropped(
    path: str,
    reason: str,
    detail: str = "",
    losses: Mapping[str, int] | None = None,
    duplicates: tuple[Mapping[str, Any], ...] = (),
) -> FileReport:
    """Make the report line of a file that gave nothing."""
    return FileReport(
        path, DROPPED, reason, remedy(reason, detail), detail, losses=dict(losses or {}), duplicates=duplicates
    )


def remedy(reason: str, detail: str = "") -> str:
    """Find what would help: with the number in the detail, where the reason has such a remedy.

    Raises KeyError for a reason that is not in REMEDIES.
    """
    general = REMEDIES[reason]
    for pattern, sharper in SHARPER.get(reason, {}).items():
        if found := re.search(pattern, detail):
            return sharper.format(*found.groups())
    return general


def _count(number: int, stem: str) -> str:
    return f"{number} {stem}{'y' if number == 1 else 'ies'}"


def _bracket(text: str) -> str:
    return f" ({text})" if text else ""
