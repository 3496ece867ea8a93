"""What a corpus keeps of a piece besides its melody: its voices, or every note of every part.

A voice is a single line that the file itself tells apart: a part, or a voice on a staff that several share. Two
voices may also be written as chords of two notes throughout, and a voice may divide now and then (the highest note
stays).
Other chords are not voices, and a piece with such is refused rather than divided by guess.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import lcm

from ritornello.corpus.errors import CorpusError
from ritornello.corpus.harmony import with_found_chords
from ritornello.corpus.options import BuildOptions
from ritornello.corpus.pick.line import TOGETHER
from ritornello.corpus.pick.pick import in_bars, pitched_parts, track_matches, with_key
from ritornello.corpus.pick.quantise import on_steps, timed
from ritornello.music.values import Melody, Note, Part, Piece

MOST_PARTS = 256  # that a corpus numbers
PAIRED = 0.85  # of the onsets of two voices on one stem have two notes; a single note is sung by both
DIVIDED = 0.15  # of the onsets of a voice may be chords
SUNG = 2  # parts with words make a choir, beside which an accompaniment is no voice


@dataclass(frozen=True, slots=True)
class Kept:
    """What is kept of a piece, and what is not.

    losses: counted by name: drum_notes, accompaniment_notes, notes_below_top, notes_cut_short, notes_merged.
    warnings: doubts, as (reason code, detail).
    """

    piece: Piece
    losses: Counter[str]
    warnings: tuple[tuple[str, str], ...] = ()


def kept_parts(piece: Piece, options: BuildOptions) -> Kept:
    """Keep what `options.keep` asks of a piece: "voices" or "all" of it.

    Percussion is left out. Voices are ordered from the highest, by mean pitch; their timing is laid on the grid as
    that of melodies. All notes keep the time that they have, unless options.timing is "grid".
    Raises CorpusError, with a `reason` code, for a piece without pitched notes, without the track asked for, with
    more parts than MOST_PARTS, and where voices are asked for and a part holds chords.
    """
    if options.keep == "all" and options.timing == "auto":
        options = replace(options, timing="exact")
    losses = Counter(drum_notes=sum(len(part.notes) for part in piece.parts if part.is_drum))
    piece, _, doubts = in_bars(piece, options)
    piece = with_found_chords(piece) if options.chords == "found" else piece
    places = pitched_parts(piece)
    if options.pick != "auto":
        places = track_matches(piece, places, options.pick.removeprefix("track:"))
    if options.keep == "voices":
        places = _without_accompaniment(piece, places)
        accompaniment = set(pitched_parts(piece)) - set(places) if options.pick == "auto" else ()
        losses["accompaniment_notes"] = sum(len(piece.parts[place].notes) for place in accompaniment)
    if len(places) > MOST_PARTS:
        raise CorpusError(f"{piece.source}: {len(places)} parts: at most {MOST_PARTS} are kept", reason="many_parts")
    parts = [piece.parts[place] for place in places]
    if options.keep == "voices":
        kept = _voices(replace(piece, parts=tuple(parts)), places, options, losses)
    elif options.timing == "grid":
        kept, merged = on_steps(replace(piece, parts=tuple(parts)), options.steps_per_quarter, options.swing)
        losses["notes_merged"] = merged
    else:
        kept = replace(piece, parts=tuple(parts))
    timeline, _ = with_key(kept.timeline, [note for part in kept.parts for note in part.notes])
    return Kept(replace(kept, timeline=timeline), +losses, doubts)


def _without_accompaniment(piece: Piece, places: Sequence[int]) -> list[int]:
    """Leave out parts of chords without words where SUNG single lines or more have words."""
    tpq = piece.timeline.ticks_per_quarter
    chordal = {place for place in places if not _lines(piece.parts[place], tpq)}
    sung = [place for place in places if place not in chordal and piece.parts[place].syllables]
    if len(sung) < SUNG:
        return list(places)
    return [place for place in places if place not in chordal or piece.parts[place].syllables]


def _voices(piece: Piece, places: Sequence[int], options: BuildOptions, losses: Counter[str]) -> Piece:
    """Make a single line of each part, on one time scale.

    places: of the parts in their file, from 0.
    """
    tpq = piece.timeline.ticks_per_quarter
    lines: list[tuple[Part, Melody]] = []
    for place, part in zip(places, piece.parts, strict=True):
        found = _lines(part, tpq)
        if not found:
            bar = sum(line <= (_chord_at(part.notes, tpq) or 0) for line in piece.timeline.barlines()[:-1])
            named = f' "{part.name}"' if part.name else ""
            raise CorpusError(f"{piece.source}: part {place + 1}{named} holds chords (bar {bar})", reason="chords")
        for line in found:
            notes, cut = _cut(line)
            whole = Melody(notes, piece.timeline, piece.title, piece.source, piece.chords)
            timing = timed(whole, options.steps_per_quarter, options.timing, options.swing, piece.is_counted)
            losses.update(notes_cut_short=cut, notes_merged=timing.merged)
            lines.append((part, timing.melody))
        losses["notes_below_top"] += max(len(part.notes) - sum(map(len, found)), 0)
    resolution = lcm(*(melody.timeline.ticks_per_quarter for _, melody in lines))
    lines = [(part, melody.with_resolution(resolution)) for part, melody in lines]
    lines.sort(key=lambda line: -sum(n.pitch for n in line[1].notes) / len(line[1].notes))
    longest = max((melody for _, melody in lines), key=lambda melody: melody.timeline.length)
    parts = tuple(replace(part, notes=melody.notes) for part, melody in lines)
    return replace(piece, parts=parts, timeline=longest.timeline, chords=longest.chords)


def _lines(part: Part, ticks_per_quarter: int) -> list[tuple[Note, ...]]:
    """Divide a part in its single lines: two where they share stems, none where it holds chords."""
    if _chord_at(part.notes, ticks_per_quarter) is None:
        return [part.notes]
    heads: dict[int, list[Note]] = {}
    for note in part.notes:
        heads.setdefault(note.start, []).append(note)  # from the lowest
    sizes = [len({note.pitch for note in chord}) for chord in heads.values()]
    divided = sum(size > 1 for size in sizes) / len(sizes)
    even = all(len({note.duration for note in chord}) == 1 for chord in heads.values())
    tops, bottoms = (tuple(chord[end] for chord in heads.values()) for end in (-1, 0))
    if any(_chord_at(line, ticks_per_quarter) is not None for line in (tops, bottoms)):
        return []
    if even and max(sizes) == 2 and divided >= PAIRED:
        return [tops, bottoms]
    return [tops] if divided <= DIVIDED else []


def _chord_at(notes: Sequence[Note], ticks_per_quarter: int) -> int | None:
    """Find the tick of the first chord of a part, None where it is a single line.

    Notes sound together in a chord where they are struck together, or for more than half of the shorter one: legato
    is no chord.
    """
    slack = ticks_per_quarter // TOGETHER
    longest: Note | None = None
    for note in notes:
        if longest is not None and note.start < longest.end:
            common = min(longest.end, note.end) - note.start
            is_struck = note.start - longest.start <= min(slack, note.duration // 2, longest.duration // 2)
            if is_struck or 2 * common > min(note.duration, longest.duration):
                return note.start
        if longest is None or note.end >= longest.end:
            longest = note
    return None


def _cut(notes: Sequence[Note]) -> tuple[tuple[Note, ...], int]:
    """End each note where the next one starts; return how many were cut."""
    ends = [note.start for note in notes[1:]] + [notes[-1].end]
    cut = tuple(
        note if note.end <= end else note._replace(duration=end - note.start)
        for note, end in zip(notes, ends, strict=True)
    )
    return cut, sum(a != b for a, b in zip(cut, notes, strict=True))
