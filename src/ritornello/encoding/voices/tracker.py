"""The rules of four voices, and the features of each token: which voice is due, what the others sing, the key.

    place        voice due and place in the bar, in sixteenths
    strength     voice due and metrical level of that place (see `features`)
    metre        upper and lower figure of the metre in force, two columns, with bars alone
    own          pitch that the voice due sang last, SAME where it has none
    started      voice due and which voices above it begin a note at this step
    held_...     sixteenths since each voice began its note, or its rest
    far_...      voice due and semitones from `own` to what each other voice sings, of a voice below what it sang at
                 the step before
    apart_...    the same without octaves
    over_bass_.. semitones, without octaves, of each voice above the bass
    mode         of the key that fits best so far
    own_degree   voice due and what it sang last, above that key's tonic; with the relation `degree` alone
    degree_...   voice due and what each voice sings, above that key's tonic
    unchanged    voice due and sixteenths since any voice began a note
    echo_..., line_..., recent_...   what the piece remembers of itself, of the encoding's inputs (see `echo`)
    given_...    semitones from `own` to what the soprano sings at this step; semitones from there to its next note;
                 sixteenths until then; sixteenths until its phrase ends, at a rest, a long note or the end. Unknown
                 unless `soprano` is set

Value 0 of each means none or unknown. Each is a function of what comes before the token, and of `soprano`. All but
`own` are the same in every key.
"""

from __future__ import annotations

from collections.abc import Sequence
from copy import copy
from functools import lru_cache
from typing import Any, NamedTuple, Self

import numpy as np

from ritornello.encoding.features import KEY_FITS, STRENGTHS, Feature, metrical
from ritornello.encoding.vocabulary import COMMON, LATEST, metre_table
from ritornello.encoding.voices.echo import FEATURES, HOLD, REST, SAME, Recollection
from ritornello.encoding.voices.relations import FAR, OWN_DEGREE

FIRST_METRE = 130
PLACES = 48  # sixteenths of a bar that have a value; later ones count as its last
LONGEST = 16  # sixteenths that are told apart, since and until
FADING = 0.985  # of what has sounded, a step, in the key
LONG_NOTE = 8  # sixteenths, about, of a note that ends a phrase
UNBARRED, PER_BEAT = 16, 4
VOICES = ("soprano", "alto", "tenor", "bass")
UNKNOWN = (0, 0, 0, 0)
GIVEN_SIZES = {"now": 2 * FAR + 4, "next": 28, "until_next": LONGEST + 2, "until_breath": LONGEST + 2}


class Soprano(NamedTuple):
    """A soprano that is known beforehand: its pitch, -1 for silence, and three features of each step."""

    rows: tuple[tuple[int, ...], ...]

    def at(self, step: int, own: int) -> tuple[int, ...]:
        """Return the features of a step for a voice that sang `own`.

        After the end they are those of nothing more to sing.
        """
        pitch, *later = self.rows[step] if step < len(self.rows) else (-1, 27, 1, 1)
        return (1 if pitch < 0 else 2 + _far(pitch - own), *later)


def soprano_ahead(pitches: np.ndarray, starts: np.ndarray) -> Soprano:
    """Look ahead in a soprano.

    pitches, starts: (steps,), as `ChoraleEncoding.write` takes them.
    """
    steps = len(pitches)
    edges = [n for n in range(1, steps) if starts[n] or pitches[n] != pitches[n - 1]] + [steps]
    begins = [0, *edges[:-1]]
    lengths = [stop - start for start, stop in zip(begins, edges, strict=True)]
    rows, later = [], []
    breath = steps
    for n in reversed(range(len(begins))):
        is_last = n + 1 == len(begins)
        rests_after = is_last or pitches[begins[n + 1]] < 0
        is_long = pitches[begins[n]] >= 0 and lengths[n] >= LONG_NOTE
        if pitches[begins[n]] >= 0 and (rests_after or (is_long and lengths[n] > lengths[n - 1])):
            breath = edges[n]
        later.append(breath)
    later.reverse()
    for n, (start, stop) in enumerate(zip(begins, edges, strict=True)):
        pitch = int(pitches[start])
        following = -2 if n + 1 == len(begins) else int(pitches[stop])
        if following == -2:
            move = 27
        elif following < 0:
            move = 26
        else:
            move = 13 + min(max(following - pitch, -12), 12) if pitch >= 0 else 13
        for step in range(start, stop):
            until, breathes = min(stop - step, LONGEST), min(later[n] - step, LONGEST)
            rows.append((pitch, move, until, max(1, breathes)))
    return Soprano(tuple(rows))


def chorale_features(
    barred: bool, given: bool, inputs: Sequence[str] = (), with_degree: bool = False
) -> tuple[Feature, ...]:
    """List the features of four voices."""
    metre = [Feature(*column) for column in metre_table(LATEST).columns] if barred else []
    columns = [Feature("place", 4 * PLACES + 1), Feature("strength", 4 * STRENGTHS + 1), *metre]
    columns += [Feature("own", 129), Feature("started", 33)]
    columns += [Feature(f"held_{voice}", LONGEST + 2) for voice in VOICES]
    columns += [Feature(f"far_{n}", 4 * (2 * FAR + 2) + 1) for n in (1, 2, 3)]
    columns += [Feature(f"apart_{n}", 4 * 12 + 1) for n in (1, 2, 3)]
    columns += [Feature(f"over_bass_{voice}", 13) for voice in VOICES[:3]]
    columns += [Feature("mode", 3)] + [Feature(f"degree_{voice}", 4 * 12 + 1) for voice in VOICES]
    columns += [Feature(OWN_DEGREE, 4 * 12 + 1)] if with_degree else []
    columns += [Feature("unchanged", 37), *(feature for name in inputs for feature in FEATURES[name])]
    columns += [Feature(f"given_{name}", size) for name, size in GIVEN_SIZES.items()] if given else []
    return tuple(columns)


def _far(semitones: int) -> int:
    """Count semitones from -FAR up, as far as they are told apart: 0 to 2 FAR + 1."""
    return min(max(semitones, -FAR), FAR + 1) + FAR


class ChoraleTracker:
    """The rules of one piece in four voices.

    part: always 0. voice: 0 to 3, whose token is due. time: steps complete. sounding: pitch of each voice, -1 for
    silence. last: pitch that each sang last. held: steps since each began its note. since: step at which the metre
    in force began. bar, beat: steps of its bar and its first beat. begun: the metre is known. done: `end` has come.
    soprano: as it is known beforehand.
    """

    part = 0
    until = -1

    def __init__(self, encoding: Any):
        self.encoding = encoding
        self.voice = self.time = self.since = self.unchanged = 0
        self.sounding, self.last, self.held = [-1] * 4, [SAME] * 4, [0] * 4
        self.begun, self.done = not encoding.barred, False
        self.soprano: Soprano | None = None
        self._recollection = Recollection(encoding.inputs) if encoding.inputs else None
        common = encoding.metres.index_of(*COMMON)
        self.bar: int = encoding.bars[common] if encoding.barred else UNBARRED
        self.beat: int = encoding.beats[common]
        self._metre, self._upper = -1 if encoding.barred else common, -1
        self._second = FIRST_METRE + len(encoding.metres.first_rows)
        self._started = 0
        self._fit: np.ndarray | None = None
        self._key = -1

    def legal(self) -> np.ndarray:
        """Tell which ids may come next, (vocabulary,) of bool.

        A hold needs a note, pitches lie in the voice's range, x, `end` needs a step.
        """
        encoding = self.encoding
        if self._upper >= 0:
            return lower_mask(encoding, self._upper, self._metre if self.time else -1)
        changes = encoding.barred and self.voice == 0 and (self.time - self.since) % PER_BEAT == 0
        changes = not self.begun or (changes and self.time > self.since)
        low, high = (pitch - self.last[self.voice] + SAME for pitch in encoding.ranges[self.voice])
        is_open = self.begun and not self.done
        ends = is_open and self.voice == 0 and self.time > 0
        return voice_mask(
            encoding.vocabulary.size,
            max(0, low),
            min(HOLD - 1, high),
            self.sounding[self.voice] >= 0,
            is_open,
            changes and not self.done,
            ends,
        )

    def advance(self, token: int) -> None:
        """Go on by one token."""
        encoding = self.encoding
        if token == encoding.end:
            self.done = True
        elif token < FIRST_METRE:
            self._sing(token)
        elif token < self._second:
            self._upper = token - FIRST_METRE
        elif self._upper >= 0:
            self._metre = encoding.metres.index(self._upper, token - self._second)
            self.bar, self.beat = encoding.bars[self._metre], encoding.beats[self._metre]
            self.since, self.begun, self._upper = self.time, True, -1

    def _sing(self, token: int) -> None:
        """Take the token of the voice that is due."""
        voice = self.voice
        if token < HOLD:
            self.last[voice] += token - SAME
            self.sounding[voice], self.held[voice] = self.last[voice], 1
            self._started |= 1 << voice
        elif token == REST and self.sounding[voice] >= 0:
            self.sounding[voice], self.held[voice] = -1, 1
        else:
            self.held[voice] += 1
        if self._recollection is not None:
            self._recollection.advance(voice, token, self.sounding[voice])
        if voice < 3:
            self.voice += 1
            return
        self.unchanged = 1 if self._started else self.unchanged + 1
        self.voice, self._started = 0, 0
        self.time += 1
        sounding = [pitch % 12 for pitch in self.sounding if pitch >= 0]
        fit = KEY_FITS[sounding].sum(0)
        self._fit = fit if self._fit is None else self._fit * FADING + fit
        self._key = int(np.rint(self._fit).argmax()) if sounding or self._key >= 0 else -1

    def features(self) -> list[int]:
        """Compute the features of the next token."""
        encoding, voice, sounding, key = self.encoding, self.voice, self.sounding, self._key
        row, own = [0, 0], self.last[voice]
        others = sounding[:voice] + sounding[voice + 1 :]
        if self.begun:
            place = (self.time - self.since) % self.bar
            division = encoding.metres.divisions[self._metre]
            row[0] = 1 + PLACES * voice + min(place, PLACES - 1)
            row[1] = STRENGTHS * voice + metrical(division, place, self.bar, self.beat, 4)[1]
        if encoding.barred:
            row += encoding.metres.values(self._metre)
        row += [own + 1, 1 + 8 * voice + self._started]
        row += [min(steps, LONGEST + 1) for steps in self.held]
        row += [1 + (2 * FAR + 2) * voice + _far(pitch - own) if pitch >= 0 else 0 for pitch in others]
        row += [1 + 12 * voice + (pitch - own) % 12 if pitch >= 0 else 0 for pitch in others]
        bass = sounding[3]
        row += [1 + (pitch - bass) % 12 if bass >= 0 and pitch >= 0 else 0 for pitch in sounding[:3]]
        row.append(1 + key // 12 if key >= 0 else 0)
        row += [1 + 12 * voice + (pitch - key) % 12 if pitch >= 0 and key >= 0 else 0 for pitch in sounding]
        if "degree" in encoding.relations:
            row.append(1 + 12 * voice + (own - key) % 12 if key >= 0 else 0)
        row.append(1 + 4 * min(self.unchanged, 8) + voice)
        row += self._recollection.features(voice, own) if self._recollection is not None else ()
        if encoding.given:
            row += UNKNOWN if self.soprano is None else self.soprano.at(self.time, own)
        return row

    def copy(self) -> Self:
        """Return rules that go on from here by themselves."""
        other = copy(self)
        other.sounding, other.last, other.held = self.sounding.copy(), self.last.copy(), self.held.copy()
        other._recollection = self._recollection and self._recollection.copy()
        return other


def transposed_rows(rows: np.ndarray, features: Sequence[Feature], semitones: int) -> np.ndarray:
    """Transpose features, (length, F): what a voice sang last moves, all else stays."""
    moved = rows.copy()
    moved[:, [feature.name for feature in features].index("own")] += semitones
    return moved


@lru_cache(maxsize=4096)
def voice_mask(size: int, low: int, high: int, holds: bool, sings: bool, changes: bool, ends: bool) -> np.ndarray:
    """Mask the ids of a voice. changes: a metre may begin. Read-only."""
    mask = np.zeros(size, bool)
    mask[low : high + 1] = sings
    mask[HOLD], mask[REST] = holds and sings, sings
    mask[FIRST_METRE : FIRST_METRE + len(metre_table(LATEST).first_rows)] = changes
    mask[-1] = ends
    mask.flags.writeable = False
    return mask


@lru_cache(maxsize=512)
def lower_mask(encoding: Any, upper: int, metre: int) -> np.ndarray:
    """Mask the lower figures of a metre.

    metre: index of the one in force, which may not begin again, or -1.
    """
    mask = np.zeros(encoding.vocabulary.size, bool)
    spare = encoding.metres.spare_lower(metre, upper) if metre >= 0 else -1
    first = FIRST_METRE + len(encoding.metres.first_rows)
    mask[first : encoding.end] = encoding.metres.lower_mask(upper, spare)
    mask.flags.writeable = False
    return mask
