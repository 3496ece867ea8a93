"""Multi-track pieces whose melody is known: a song's voice or a hymn's soprano among company made for it.

Each arrangement keeps the tune's notes and surrounds them: the written accompaniment as it is or lifted above the
tune, a band (bass, held chords, broken chords, fills between the phrases, drums), a line above the tune. Then tracks
are shuffled, named (truly, neutrally, or not at all), given programs, doubled, transposed; some are performed:
onsets strayed, ends blurred, velocities uneven. Everything is drawn from one seed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from random import Random

from scripts.make_corpus import sung_part

from ritornello.music.lines import top_line
from ritornello.music.values import Note, Part, Piece

NEUTRAL = ("", "", "Track {n}", "Staff {n}", "MIDI {n:02d}", "Instrument {n}")
VOICE_NAMES = ("Vocals", "Melody", "Lead Voice", "Gesang", "Chant", "Voz", "Canto", "主旋律", "Мелодия", "Singstimme")
OTHER_NAMES = ("Piano", "Klavier", "Strings", "Pad", "Guitare", "Accompaniment", "Begleitung", "Bridge", "Chords")
TUNE_PROGRAMS = (0, 0, 0, 52, 53, 56, 65, 68, 71, 73, 40, 80)
OTHER_PROGRAMS = (0, 0, 0, 4, 24, 25, 46, 48, 6, 19, 27)


@dataclass(frozen=True)
class Arrangement:
    """A piece, which of its parts carry the tune (the doubled one too), which fill its rests, and how it was made."""

    piece: Piece
    tune: frozenset[int]
    kind: str
    is_named: bool
    fills: frozenset[int] = frozenset()


@dataclass
class Track:
    notes: list[Note]
    role: str
    is_tune: bool = False
    is_drum: bool = False


def arranged(piece: Piece, seed: int) -> Arrangement:
    """One arrangement of a song or a hymn."""
    random = Random(seed)
    tune_part = sung_part(piece)
    tune = list(top_line(tune_part))
    others = [list(p.notes) for p in piece.parts if p is not tune_part and p.notes and not p.is_drum]
    kinds = ("written", "lifted", "lifted", "lowered", "band", "band", "lined", "lined")
    kind = random.choice(kinds)
    beat = piece.timeline.ticks_per_quarter
    tracks = [Track(tune, "tune", True), *_company(kind, tune, others, beat, random)]
    if kind == "lowered":
        tracks[0].notes = moved(tune, -12)
    if random.random() < 0.25:
        tracks.append(Track(list(tracks[0].notes), "double", True))
    if random.random() < 0.5:
        tracks.append(Track(drums(piece, beat), "drums", is_drum=True))
    random.shuffle(tracks)
    if tracks[0].is_tune and random.random() < 0.6:
        tracks.reverse()
    tracks = transposed([t for t in tracks if t.notes], random.randint(-5, 5))
    if random.random() < 0.4:
        perform(tracks, beat, random)
    is_named = random.random() < 0.1
    return _assembled(piece, tracks, kind, is_named, random)


def _company(kind: str, tune: Sequence[Note], others: list[list[Note]], beat: int, random: Random) -> list[Track]:
    written = [Track(notes, "other") for notes in others]
    below = [n for notes in others for n in notes]
    if kind == "lifted":
        lift = random.choice((12, 12, 24))
        return [
            Track(moved(t.notes, lift if k == 0 or random.random() < 0.3 else 0), "other")
            for k, t in enumerate(written)
        ]
    if kind == "lined":
        return [*written, Track(_line_above(tune, below, beat, random), "line")]
    if kind == "band":
        lift = random.choice((0, 12))
        band = [
            Track(bass(below), "bass"),
            Track(held(below, 2 * beat, lift), "pad"),
            Track(broken(below, beat, random.choice((2, 4)), lift), "arpeggio"),
            Track(_fills(tune, others[0] if others else [], beat, random), "fill"),
        ]
        return random.sample(band, random.randint(2, 4)) + (written[:1] if random.random() < 0.3 else [])
    return written


def moved(notes: Sequence[Note], semitones: int) -> list[Note]:
    return [n._replace(pitch=n.pitch + semitones) for n in notes if 0 <= n.pitch + semitones <= 127]


def bass(notes: Sequence[Note]) -> list[Note]:
    """The lowest note of each onset."""
    lowest: dict[int, Note] = {}
    for note in notes:
        if note.start not in lowest or note.pitch < lowest[note.start].pitch:
            lowest[note.start] = note
    return legato([n._replace(pitch=n.pitch - 12 if n.pitch > 52 else n.pitch) for n in lowest.values()])


def legato(notes: Sequence[Note]) -> list[Note]:
    """The notes, each ended where the next one starts."""
    line = sorted(notes)
    ends = [n.start for n in line[1:]] + [line[-1].end if line else 0]
    return [n._replace(duration=min(n.duration, e - n.start)) for n, e in zip(line, ends) if e > n.start]


def sounding_classes(notes: Sequence[Note], step: int) -> dict[int, set[int]]:
    """Pitch classes by stretches of `step` ticks."""
    found: dict[int, set[int]] = {}
    for note in notes:
        for k in range(note.start // step, (note.end - 1) // step + 1):
            found.setdefault(k, set()).add(note.pitch % 12)
    return found


def held(notes: Sequence[Note], step: int, lift: int) -> list[Note]:
    chords = sounding_classes(notes, step)
    return [Note(k * step, step, 60 + lift + pc, 60) for k, pcs in chords.items() for pc in sorted(pcs)[:4]]


def broken(notes: Sequence[Note], beat: int, per_beat: int, lift: int) -> list[Note]:
    step, found = beat // per_beat, []
    for k, pcs in sorted(sounding_classes(notes, beat).items()):
        ladder = [60 + lift + pc for pc in sorted(pcs)[:4]]
        found += [Note(k * beat + i * step, step, ladder[i % len(ladder)], 70) for i in range(per_beat)]
    return found


def _fills(tune: Sequence[Note], right_hand: Sequence[Note], beat: int, random: Random) -> list[Note]:
    """What the accompaniment's top line plays while the tune rests, an octave up, and some of it besides."""
    busy = {k for n in tune for k in range(n.start // beat, (n.end - 1) // beat + 1)}
    line = top_line(Part(tuple(right_hand)))
    bars = {n.start // (4 * beat) for n in line if random.random() < 0.1}
    return moved([n for n in line if n.start // beat not in busy or n.start // (4 * beat) in bars], 12)


def _line_above(tune: Sequence[Note], below: Sequence[Note], beat: int, random: Random) -> list[Note]:
    """A line of its own above the tune: chord notes in a rhythm of halves, quarters and eighths."""
    chords, found, now = sounding_classes([*below, *tune], beat), [], 0
    sung = {n.start // beat: n.pitch for n in tune}
    end = max((n.end for n in tune), default=0)
    height = max((n.pitch for n in tune), default=72)
    while now < end:
        length = random.choice((2, 1, 1, 0.5, 4))
        pcs = sorted(chords.get(now // beat, ()))
        if pcs and random.random() < 0.75:
            floor = max(sung.get(now // beat, height), height - 5)
            pc = random.choice(pcs)
            found.append(Note(now, int(length * beat), floor + 1 + (pc - floor - 1) % 12, 75))
        now += int(length * beat)
    return legato([n for n in found if n.pitch <= 120])


def drums(piece: Piece, beat: int) -> list[Note]:
    kit = (36, 42, 38, 42)
    return [Note(k * beat // 2, beat // 4, kit[k % 4], 100) for k in range(2 * piece.timeline.length // beat)]


def transposed(tracks: list[Track], semitones: int) -> list[Track]:
    for track in tracks:
        if not track.is_drum:
            track.notes = moved(track.notes, semitones)
    return tracks


def perform(tracks: Sequence[Track], beat: int, random: Random) -> None:
    """Onsets within about 20 ms (at 120), lengths of 60 to 110 %, uneven velocities."""
    for track in tracks:
        level, shorter = random.randint(60, 100), random.uniform(0.6, 1.0)
        played = []
        for note in track.notes:
            start = max(0, note.start + round(random.gauss(0, 0.03) * beat))
            length = max(1, round(note.duration * random.uniform(shorter, 1.1)))
            played.append(Note(start, length, note.pitch, min(127, max(1, level + random.randint(-12, 12)))))
        track.notes = played


def _assembled(piece: Piece, tracks: Sequence[Track], kind: str, is_named: bool, random: Random) -> Arrangement:
    neutral, has_programs = random.choice(NEUTRAL), random.random() < 0.6
    parts = []
    for n, track in enumerate(tracks, 1):
        name = neutral.format(n=n)
        if is_named:
            name = random.choice(VOICE_NAMES if track.is_tune else OTHER_NAMES)
        program = random.choice(TUNE_PROGRAMS if track.is_tune else OTHER_PROGRAMS)
        program = {"bass": 33, "pad": 48, "fill": random.choice((73, 80, 40, 29))}.get(track.role, program)
        parts.append(Part(tuple(track.notes), name, program if has_programs else 0, track.is_drum))
    tune = frozenset(i for i, t in enumerate(tracks) if t.is_tune)
    fills = frozenset(i for i, t in enumerate(tracks) if t.role == "fill")
    return Arrangement(replace(piece, parts=tuple(parts)), tune, kind, is_named, fills)
