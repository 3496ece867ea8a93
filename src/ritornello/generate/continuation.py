"""What a tune takes over from the song that it goes on from, and the tune without that song."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass, replace
from fractions import Fraction
from statistics import mean

import numpy as np

from ritornello.encoding import MelodyEncoding
from ritornello.generate.compose import Composition
from ritornello.generate.options import GenerateOptions
from ritornello.music.keys import key_name, pitch_name
from ritornello.music.values import DEFAULT_VELOCITY, Melody
from ritornello.wording import option


@dataclass(frozen=True)
class Song:
    """What tunes go on from.

    program: General MIDI program that plays it. is_played: whether its tempo and loudness are to be kept, unlike
    those of notes by name. kept: how many of its notes the encoding keeps. is_left_out: whether tunes are cut where
    it ends. lines: remarks on how it was read.
    """

    melody: Melody
    program: int = 0
    is_played: bool = True
    kept: int = 0
    is_left_out: bool = False
    lines: tuple[str, ...] = ()

    @property
    def qpm(self) -> float:
        """Its tempo in quarter notes per minute, 10 to 400."""
        return min(max(self.melody.timeline.qpm, 10.0), 400.0)

    def finished(self, made: Composition, flat: bool) -> tuple[Melody, np.ndarray]:
        """Give a tune its loudness, and leave the song out as asked.

        Returns melody and surprise, (notes,).
        """
        melody, surprise = made.melody, made.surprise
        if self.is_played:
            melody = with_loudness_of(melody, self.melody, self.kept, flat)
        if self.is_left_out:
            melody = without_primer(melody, self.melody, self.kept)
            surprise = surprise[len(surprise) - len(melody.notes) :] if len(surprise) else surprise
        return melody, surprise

    def remarks(self, tune: Melody, options: GenerateOptions, pitch_range: tuple[int, int]) -> list[str]:
        """List what was changed of the song, in lines. tune: one before it was finished."""
        changes = changes_of(self.melody, tune, options.within(pitch_range), options.metre)
        return [line for line in (*self.lines, changes) if line]


def first_bars(melody: Melody, bars: int) -> tuple[Melody, str]:
    """Take the first bars of a melody, from that of its first note; a pick-up is not counted.

    Returns them with a remark, "" where the melody begins with its first bar.
    Raises ValueError for fewer bars than 1.
    """
    if bars < 1:
        raise ValueError(f"primer_bars must be 1 or more, not {bars}")
    if not melody.notes:
        return melody, ""
    lines = melody.timeline.barlines()
    first = bisect_right(lines, melody.notes[0].start) - 1
    last = first + bars + (first == 0 and melody.timeline.pickup > 0)
    taken = melody.between(lines[first], lines[min(last, len(lines) - 1)])
    silent = first - (melody.timeline.pickup > 0)
    return (
        taken,
        f"the first {silent} bars of the primer are silent: it is taken from bar {silent + 1}" if silent > 0 else "",
    )


def kept_notes(encoding: MelodyEncoding, primer: Melody) -> int:
    """Count the notes that an encoding keeps of a primer."""
    return len(encoding.decode(encoding.encode(primer).tokens).notes)


def with_loudness_of(melody: Melody, primer: Melody, kept: int, flat: bool = False) -> Melody:
    """Play a tune as loud as its primer: its notes as they are, the others as their average.

    kept: how many notes of the primer the tune has. flat: all notes equally loud. A primer of the default velocity
    alone says nothing of loudness, as scores do, and changes nothing.
    """
    wanted, head = [note.velocity for note in primer.notes], melody.notes[:kept]
    if not head or {*wanted} == {DEFAULT_VELOCITY}:
        return melody
    louder = mean(wanted) - mean(note.velocity for note in head)
    velocities = [min(max(round(note.velocity + louder), 1), 127) for note in melody.notes]
    if kept == len(wanted) and not flat:
        velocities[:kept] = wanted
    notes = (note._replace(velocity=v) for note, v in zip(melody.notes, velocities, strict=True))
    return replace(melody, notes=tuple(notes))


def without_primer(melody: Melody, primer: Melody, kept: int) -> Melody:
    """Cut a tune where its primer ends; what is left of that bar becomes a pick-up.

    kept: how many notes of the primer the tune has. A note that begins in the primer goes with it.
    """
    if not melody.notes or not primer.notes:
        return melody
    scale = Fraction(melody.timeline.ticks_per_quarter, primer.timeline.ticks_per_quarter)
    start = melody.notes[0].start + int((primer.timeline.length - primer.notes[0].start) * scale)
    if len(melody.notes) > kept:
        start = min(start, melody.notes[kept].start)
    start = min(start, melody.timeline.length)
    barline = next((line for line in melody.timeline.barlines() if line >= start), start)
    rest = melody.between(start, melody.timeline.length)
    if not 0 < barline - start < rest.timeline.length:
        return rest
    changes = {
        m.tick: m for m in (*rest.timeline.metres, melody.timeline.metre_at(barline)._replace(tick=barline - start))
    }
    metres = tuple(changes[tick] for tick in sorted(changes))
    return replace(rest, timeline=replace(rest.timeline, metres=metres))


def changes_of(primer: Melody, melody: Melody, span: tuple[int, int], metre: str | None) -> str:
    """Say in one line what a tune changes of its primer or range; "" for nothing.

    span: lowest and highest pitch of the tune. metre: the one asked for.
    """
    found = []
    if not primer.notes or not melody.notes:
        return ""
    own = primer.timeline.metre.name
    if metre and own != metre:
        found.append(f"it is set in {metre} instead of {own}")
    if shift := melody.notes[0].pitch - primer.notes[0].pitch:
        key = f", to {key_name(melody.timeline.key)}" if melody.timeline.key else ""
        found.append(f"it is transposed by {shift:+d} semitones{key}")
    low, high = (f(note.pitch for note in primer.notes) + shift for f in (min, max))
    if low < span[0] or high > span[1]:
        found.append(
            f"it goes from {pitch_name(low)} to {pitch_name(high)}, beyond the range of the tune after it "
            f"({pitch_name(span[0])} to {pitch_name(span[1])}; {option('pitch_range')} widens it)"
        )
    return f"the primer: {'; '.join(found)}" if found else ""
