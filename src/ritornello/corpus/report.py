"""What became of each input file: one line each, with a reason that programs may rely on and a remedy.

The lines of a million files lie on disk: in memory each takes a few bytes.
"""

from __future__ import annotations

import json
import re
import tempfile
import threading
from array import array
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import IO, Any, Generic, TypeVar, overload

from ritornello.music.errors import printable
from ritornello.plural import counted
from ritornello.wording import filled, on_the_command_line

Value = TypeVar("Value")
_encode = json.JSONEncoder(ensure_ascii=False).encode
SHOWN = 20  # values that are printed
RECENT = 4096  # values read last, at hand in memory: workers are fed from them, and the program comes behind

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
    "wrong_length": "nothing to do, if the tune is whole; else fetch the file again",
    "missing_tracks": "nothing to do, if the tune is whole; else fetch the file again",
    "large_bytes": "nothing to do, unless a note is missed: open it in a sequencer and export it again",
    "empty_notes": "nothing to do, unless a note is missed: give it a length in a sequencer",
    "endless_notes": "nothing to do, unless the lengths matter: end these notes in a sequencer",
    "key_switches": "nothing to do, unless they are to be heard: bring them nearer to the others in a sequencer",
    "damaged_wait": "take the wait out in a sequencer, if what lies behind it is missed",
    "unplayed_bars": "look at its repeat signs and jumps in a notation program, or build with {repeats:written}",
    "unread_chords": "nothing to do, if chords do not matter; else write them as usual: Am7, Bb/D, N.C., F#m7b5",
    "parser_died": "the file is damaged: open it in a sequencer or notation program and export it again",
    "too_slow": "the file is damaged or very large: export it again, or split it",
    "drums_only": "only percussion was found: add a part with pitches",
    "chords": "write each voice as a line of its own in a notation program, or build with {keep:all}",
    "many_parts": "join parts in a sequencer, or take one with {pick:track:NAME_OR_NUMBER}",
    "melodies_only": "it holds melodies: build with {keep:melody}",
    "too_short": "a melody needs more notes: join it with another, or lower {least_notes} or {min_bars}",
    "no_such_track": "name a track that is there, or use {pick:auto}",
    "unsure_pick": "look at it with {explain}, and choose with {pick:track:NAME_OR_NUMBER}",
    "joined_parts": "nothing to do, if both are the tune; else take one of them with {pick:track:NAME_OR_NUMBER}",
    "unsure_bars": "listen to it, and name the right bars with {metre} and {beat_offset}",
    "off_grid": "try a finer grid with {steps_per_quarter}, or even the swing out with {swing:straight}",
    "no_beat": "keep its times with {timing:exact}; if its beat is not the one it was played to, set its tempo map",
    "merged_notes": "try a finer grid with {steps_per_quarter}, or keep its times with {timing:exact}",
    "duplicate": "nothing to do: the corpus has the tune already; {keep_copies:True} keeps every copy, in one split",
    "copies_across": "a model would learn what it is judged by: {split:hash}, or 80/10/10, keeps families together",
}
"""Reason codes and what would help. Dropped files carry one of them; kept files carry "ok" and may carry warnings."""

HARMLESS = ("ok", "duplicate")
"""Reasons that ask for nothing to be done: strict lets them pass."""

SHARPER: dict[str, dict[str, str]] = {
    "not_music": {
        r"a link to nothing": "put back what the link leads to, or take the link out of the folder",
        r"a link or a device in an archive": "pack the file itself into the archive, not a link to it",
        r"not a file": "leave it out: a pipe, socket or device has nothing to read",
    },
    "wrong_kind": {r"XML of another kind": "export the score as MusicXML, or leave the file out"},
    "unreadable": {
        r"cut short": "fetch or copy the file again, or export it again",
        r"which token is no_event": "name its convention with {convention}",
        r"split it into smaller": "split it into smaller files",
        r"array file|expected whole numbers|not an array|truncated: shape|neither a pitch": (
            "save the tokens again, as whole numbers in an .npy or .npz file"
        ),
        r"pitch(es)? (are|must be)[^;]* 0 to 127|start at 0 or later|must be finite|not in ticks": (
            "put these numbers right"
        ),
        r"needs pyarrow": "install it (pip install pyarrow)",
        r"cannot be listed|[Pp]ermission|not permitted": "allow yourself to read it, or leave it out",
        r"first note comes only after": "take the wait before the first note out in a sequencer",
    },
    "off_grid": {r"; (\d+) steps a quarter fit": "try {steps_per_quarter:{0}}"},
    "too_short": {
        r"\b(\d+) notes?\b": "to keep it, use {least_notes:{0}}",
        r"line is (\d+) bars?\b": "to keep it, use {min_bars:{0}}",
    },
}
"""Reasons whose remedy names the number that the detail holds: patterns for the detail, each with its remedy."""


_ADVICE = re.compile(r"[;:,] (?:fetch|export|copy|save)\b[^;:]*\bagain\b[^;:]*$")
_PLAIN = ("path", "status", "reason", "remedy", "detail", "pieces", "melodies", "notes")  # fields of a report line


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
    detail: str = ""
    pieces: int = 0
    melodies: int = 0
    notes: int = 0
    losses: Mapping[str, int] = field(default_factory=dict)
    warnings: tuple[tuple[str, str], ...] = ()
    duplicates: tuple[Mapping[str, Any], ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """List plain values for `report.jsonl`; each warning with its remedy.

        Remedies are worded for the command line, so that the file does not depend on who built the corpus.
        """
        with on_the_command_line():
            return {
                **{name: getattr(self, name) for name in _PLAIN},
                "losses": dict(self.losses),
                "warnings": [{"reason": c, "detail": d, "remedy": remedy(c, d)} for c, d in self.warnings],
                "kin": [dict(entry) for entry in self.duplicates],
            }

    @classmethod
    def from_dict(cls, line: Mapping[str, Any]) -> FileReport:
        """Rebuild it from `to_dict`. Raises TypeError or KeyError for anything else."""
        warnings = tuple((w["reason"], w["detail"]) for w in line.get("warnings", ()))
        fields = {name: value for name, value in line.items() if name not in ("kin", "remedy")}
        return cls(**{**fields, "warnings": warnings, "duplicates": tuple(line.get("kin", ()))})

    @property
    def remedy(self) -> str:
        """What would help, in the words of the face that is used; "" for nothing."""
        return remedy(self.reason, self.detail) if self.reason in REMEDIES else ""

    @property
    def asks_for_action(self) -> bool:
        """Whether something about the file can be mended: it was dropped or doubted, not for being a copy."""
        return self.reason not in HARMLESS or bool(self.warnings)

    def __str__(self) -> str:
        """Write one line for people: "dropped  tune.mid: no_notes (...); choose a file ..."."""
        detail = without_advice(self.detail)
        about = f" ({detail})" if detail else ""
        if self.status == DROPPED:
            return printable(f"dropped  {self.path}: {self.reason}{about}; {self.remedy}")
        doubts = "".join(f"; {c}{f' ({d})' if d else ''}, {remedy(c, d)}" for c, d in self.warnings)
        melodies, notes = counted(self.melodies, "melody"), counted(self.notes, "note")
        less = f"; {words}" if (words := left_out(self.losses)) else ""
        return printable(f"kept     {self.path}: {melodies}, {notes}{about}{less}{doubts}")


def without_advice(detail: str) -> str:
    """Take the advice of a reader's message off, where a remedy stands beside it."""
    return _ADVICE.sub("", detail)


LOSSES = {
    "other_parts": ("other part", ""),
    "notes_below_top": ("note", " below another left out"),
    "notes_cut_short": ("note", " cut short where the next begins"),
    "pedal_notes": ("note", " of a pedal point left out"),
    "notes_merged": ("note", " merged with another on its step"),
    "drum_notes": ("note", " of percussion left out"),
    "accompaniment_notes": ("note", " of the accompaniment left out"),
    "notes_in_short_segments": ("note", " in short segments left out"),
}
"""What is lost, by name: the noun that is counted, and what became of it."""


def losses_in_words(losses: Mapping[str, int]) -> str:
    """Write losses in words: "3 notes below another left out, 1 note ..."; "" for none."""
    known = [(count, *LOSSES.get(name, (name, ""))) for name, count in losses.items() if count]
    return ", ".join(f"{counted(count, noun)}{fate}" for count, noun, fate in known)


def left_out(losses: Mapping[str, int]) -> str:
    """Write the losses of a single line, notes left out or cut short; "" for none."""
    return losses_in_words({name: losses.get(name, 0) for name in ("notes_below_top", "notes_cut_short")})


def dropped(
    path: str,
    reason: str,
    detail: str = "",
    losses: Mapping[str, int] | None = None,
    duplicates: tuple[Mapping[str, Any], ...] = (),
) -> FileReport:
    """Make the report line of a file that gave nothing."""
    return FileReport(path, DROPPED, reason, detail, losses=dict(losses or {}), duplicates=duplicates)


def remedy(reason: str, detail: str = "") -> str:
    """Find what would help: with the number in the detail, where the reason has such a remedy.

    Raises KeyError for a reason that is not in REMEDIES.
    """
    for pattern, sharper in SHARPER.get(reason, {}).items():
        if found := re.search(pattern, detail):
            return filled(sharper, *found.groups())
    return filled(REMEDIES[reason])


class Lines(Sequence[Value], Generic[Value]):
    """Values by their place. They go with the program; several threads may read and write them.

    to_plain: from a value to plain values for JSON; from_plain: and back. length: how many there will be at least.
    """

    def __init__(
        self,
        to_plain: Callable[[Value], Any],
        from_plain: Callable[[Any], Value],
        values: Iterable[Value] = (),
        length: int = 0,
    ) -> None:
        self._to_plain, self._from_plain = to_plain, from_plain
        self._starts = array("q", [-1]) * length
        self._file: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115  # it lives as long as the list
        self._end = 0
        self._at = lru_cache(RECENT)(self._read)
        self._lock = threading.Lock()
        for value in values:
            self._starts.append(-1)
            self.put(len(self) - 1, value)

    def put(self, place: int, value: Value) -> None:
        """Write the value of a place, or write it anew."""
        line = json_line(self._to_plain(value))
        with self._lock:
            if self._file.tell() != self._end:  # a seek empties the buffer
                self._file.seek(self._end)
            self._file.write(line)
            if self._starts[place] >= 0:
                self._at.cache_clear()
            self._starts[place] = self._end
            self._end += len(line)

    def __len__(self) -> int:
        """Count the places."""
        return len(self._starts)

    @overload
    def __getitem__(self, index: int) -> Value: ...

    @overload
    def __getitem__(self, index: slice) -> tuple[Value, ...]: ...

    def __getitem__(self, index: int | slice) -> Value | tuple[Value, ...]:
        """Read the value of a place, or a tuple of some. Raises IndexError past the end."""
        if isinstance(index, slice):
            return tuple(self[i] for i in range(*index.indices(len(self))))
        return self._at(range(len(self))[index])

    def lines(self) -> Iterator[bytes]:
        """Read all lines in order, each with its end."""
        return map(self._line, self._starts)

    def __eq__(self, other: object) -> bool:
        """Tell whether the other is a sequence of equal values."""
        if not isinstance(other, Sequence):
            return NotImplemented
        return len(self) == len(other) and all(a == b for a, b in zip(self, other, strict=True))

    __hash__ = None  # type: ignore[assignment]  # as of a list

    def __repr__(self) -> str:
        """Write the first SHOWN values line by line, and how many more there are."""
        more = [f"... and {len(self) - SHOWN:,} more"] if len(self) > SHOWN else []
        return "\n".join([*(str(value) for value in self[:SHOWN]), *more])

    def _read(self, place: int) -> Value:
        return self._from_plain(json.loads(self._line(self._starts[place])))

    def _line(self, start: int) -> bytes:
        with self._lock:
            if self._file.tell() != start:
                self._file.seek(start)
            return self._file.readline()


class ReportLines(tuple[FileReport, ...]):
    """Report lines in memory, which print as those of a build do."""

    __slots__ = ()
    __repr__ = Lines.__repr__


def lines_of(values: Sequence[Value], to_plain: Callable[[Value], Any]) -> Iterator[bytes]:
    """Write each value as a line of JSON; those of Lines stand there as lines already."""
    return values.lines() if isinstance(values, Lines) else (json_line(to_plain(value)) for value in values)


def json_line(plain: Any) -> bytes:
    """Write plain values as a line of UTF-8; of ASCII where a name holds bytes that are no text."""
    try:
        return _encode(plain).encode() + b"\n"
    except UnicodeEncodeError:
        return json.dumps(plain).encode() + b"\n"
