"""Repair notes of MIDI files that lack an end or a length, or lie beyond any music.

A parser pairs each note-off with the oldest note-on of its channel and pitch, and drops notes that are never
switched off. So each track gets note-offs after its end, as late as one delta time allows; the notes that these end
are recognised, and get a new end.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Collection, Sequence

from ritornello.music.midi.tracks import events
from ritornello.music.values import Note
from ritornello.plural import counted

MAX_QUARTERS = 100_000  # fourteen hours at 120; beyond it lie only damaged files
FAR = 2**28 - 1  # ticks: the longest wait of one event
LONGEST = 4  # quarters of a note whose end had to be found
SHORTEST = 4  # of these to a quarter: an onset sooner than that belongs to the same chord
NOTE_OFF, NOTE_ON = 8, 9
PIANO_LOWEST, LOW = 21, 36  # A0; below C2 players put key switches
SWITCH_SHARE = 0.25  # of the notes of a part at most are key switches
_ALL_OFF = [b"\0".join(bytes([0x80 | channel, pitch, 0]) for pitch in range(128)) for channel in range(16)]


def latest_tick(resolution: int) -> int:
    """Find the last tick at which a note may start or end; later ones are damage or our own."""
    return min(MAX_QUARTERS * resolution, FAR - 1)


def late_note_offs(track: bytes) -> bytes:
    """Write note-offs FAR after the end of a track for all pitches of the channels in use.

    They end one note of each pitch, enough to detect such notes at a hundredth of the cost of a search.
    """
    return _far([_ALL_OFF[channel] for channel in range(16) if 0x90 | channel in track])


def exact_late_note_offs(track: bytes) -> bytes:
    """Write note-offs FAR after the end of a track, one for each note that still sounds there."""
    sounding: Counter[tuple[int, int]] = Counter()
    for _, status, _, data in events(track):
        if status >> 4 == NOTE_ON and data[1]:
            sounding[status & 15, data[0]] += 1
        elif status >> 4 in (NOTE_ON, NOTE_OFF) and sounding[status & 15, data[0]]:
            sounding[status & 15, data[0]] -= 1
    return _far([bytes([NOTE_OFF << 4 | channel, pitch, 0]) for channel, pitch in sounding.elements()])


def _far(offs: Sequence[bytes]) -> bytes:
    """Join events after a wait of FAR, ready for the next one; without events, that one's wait."""
    return b"\xff\xff\xff\x7f" + b"\0".join(offs) + b"\0" if offs else b"\0"


def without_key_switches(notes: Sequence[Note]) -> tuple[Note, ...]:
    """Leave out notes that switch the articulation of a sampled instrument.

    They lie far below all other notes of their part: an octave where a piano has no keys, else below C2 and two
    octaves; they are few, and one stands before or at the first of the others.
    """
    pitches = sorted({n.pitch for n in notes if n.pitch < LOW}, reverse=True)
    others = sorted({n.pitch for n in notes})
    for highest in pitches:
        above = [p for p in others if p > highest]
        if above and above[0] - highest >= (12 if highest < PIANO_LOWEST else 24):
            switches = [n for n in notes if n.pitch <= highest]
            music = tuple(n for n in notes if n.pitch > highest)
            is_first = min(n.start for n in switches) <= min(n.start for n in music)
            if is_first and len(switches) <= SWITCH_SHARE * len(notes):
                return music
    return tuple(notes)


class NoteRepair:
    """Repairs the notes of a piece's parts and counts the repairs. ends: the ticks at which its tracks end."""

    def __init__(self, resolution: int, ends: Collection[int]) -> None:
        self._resolution, self._reach = resolution, latest_tick(resolution)
        self._ends = sorted(end for end in ends if end <= self._reach)
        self._own_offs = {end + FAR for end in ends}  # where our own note-offs lie
        self._counts: Counter[str] = Counter()

    def is_needed(self, start: int, end: int, shortest: int) -> bool:
        """Test whether a part has faults, by its first tick, last tick and least duration."""
        return start < 0 or end > self._reach or shortest <= 0

    def notes(self, found: Sequence[Note]) -> tuple[Note, ...]:
        """Repair the notes of one part: sorted by start, each with a length and an end within reach.

        Notes that start out of reach are left out. A note without length is left out too, unless most of its part
        has none: then that is how it was written, and each lasts until the next one starts, a quarter at most. A
        note that is never switched off, or too late, ends with the next one a sixteenth later or more, with its
        track, or after four quarters, whichever comes first.
        """
        near = [n for n in found if 0 <= n.start <= self._reach]
        self._counts["late"] += len(found) - len(near)
        onsets = sorted({n.start for n in near})
        empty = [n for n in near if not n.duration]
        repaired = []
        if 2 * len(empty) > len(near):
            ends = [self._next(onsets, n.start + 1, n.start + self._resolution) for n in empty]
            repaired = [n._replace(duration=end - n.start) for n, end in zip(empty, ends, strict=True)]
        self._counts["lengthened" if repaired else "empty"] += len(empty)
        by_pitch: defaultdict[int, list[Note]] = defaultdict(list)
        for note in near:
            if note.duration:
                by_pitch[note.pitch].append(note)
        for notes in by_pitch.values():
            is_whole = all(n.duration > 0 and n.end <= self._reach for n in notes)
            repaired += notes if is_whole else self._ended(notes, onsets)
        return tuple(sorted(repaired, key=lambda n: n.start))

    def remarks(self) -> list[tuple[str, str]]:
        """List the repairs, as codes of the report and details."""
        counts, quarters, at_next = self._counts, self._reach // self._resolution, "ended at the next note"
        lines = [
            ("empty_notes", "empty", "{} of length zero left out"),
            ("empty_notes", "lengthened", "{} of length zero lengthened to the next note"),
            ("endless_notes", "stuck", f"{{}} never switched off: {at_next}, {LONGEST} quarters at most"),
            ("damaged_wait", "long", f"{{}} held beyond {quarters} quarters: {at_next}"),
            ("damaged_wait", "late", f"{{}} after {quarters} quarters left out"),
        ]
        words = {name: counted(count, "note") for name, count in counts.items()}
        return [(code, text.format(words[name])) for code, name, text in lines if counts[name]]

    def _ended(self, notes: Sequence[Note], onsets: Sequence[int]) -> list[Note]:
        """Pair notes of one pitch anew with the note-offs among their ends."""
        true_ends = sorted(n.end for n in notes if n.duration > 0 and n.end <= self._reach)
        starts = sorted({n.start for n in notes})
        is_late = [n for n in notes if n.end not in self._own_offs and not (n.duration > 0 and n.end <= self._reach)]
        repaired = []
        for note in notes:
            off = self._next(true_ends, note.start + 1, FAR + 1)
            following = self._next(starts, note.start + 1, FAR + 1)
            if off > min(following, self._reach):
                self._counts["long" if is_late else "stuck"] += 1
                off = self._found_end(note.start, onsets)
            repaired.append(note._replace(duration=off - note.start))
        return repaired

    def _found_end(self, start: int, onsets: Sequence[int]) -> int:
        longest = start + LONGEST * self._resolution
        track_end = self._next(self._ends, start + 1, longest)
        return min(track_end, self._next(onsets, start + max(self._resolution // SHORTEST, 1), longest))

    @staticmethod
    def _next(ticks: Sequence[int], first: int, last: int) -> int:
        """Find the first of `ticks` from `first` on; `last` if there is none before it."""
        place = bisect_left(ticks, first)
        return min(ticks[place], last) if place < len(ticks) else last
