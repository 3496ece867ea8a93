"""Harmonise a melody: alto, tenor and bass by a network of four voices, several drafts side by side.

The soprano is given: its tokens are fed, and the network sees what it sings next and where its phrase ends. Where a
voice would cross another, leave its range or move in parallel fifths or octaves with one above it, it may not. On a
beat, drafts whose chord a theory class would not accept (`rules`) give way to copies of those whose chord it would.
Where the last note belongs to the tonic's triad, the last chord is that, the tonic in the bass.
Source of the copies: particle filtering, as in Doucet and Johansen 2009.

Rhythm off the sixteenths is harmonised on the beats beneath it; the melody itself is kept exactly.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from fractions import Fraction
from math import lcm

import numpy as np

from ritornello.encoding import Encoding
from ritornello.encoding.features import metrical
from ritornello.encoding.vocabulary import metre_changes
from ritornello.encoding.voices.chorale import CHOIR, ChoraleEncoding
from ritornello.encoding.voices.tracker import HOLD, REST, SAME, soprano_ahead
from ritornello.generate.draw import Dice, draw, rounded
from ritornello.generate.voices.rules import ACCEPTED, PERFECT, Judgement, bits_of, judge
from ritornello.model.network import Network, cross_entropy
from ritornello.model.players import Players
from ritornello.music.keys import estimate_key, estimate_signature
from ritornello.music.lines import VOICES
from ritornello.music.values import Key, Melody, Note, Part, Piece
from ritornello.wording import option

DRAFTS = 6
TEMPERATURE = 0.7
LOW, HIGH = 60, 79  # where a soprano is at home
WIDE, WIDEST = 12, 16  # semitones between neighbours of the upper three voices: rare above, never above
RARE = -3.0  # nats
BEAT = 3  # metrical strength of a beat; smaller is stronger


@dataclass(frozen=True)
class Harmonised:
    """A melody in four voices, and the faults that are counted in it."""

    piece: Piece
    judgement: Judgement


@dataclass(frozen=True)
class Line:
    """A soprano on steps, counted from a barline.

    pitches, starts, beats: (steps,). metres: step and index of each. late: ticks of `ticks` to a step before the
    music begins. shift: semitones by which it was moved. last: step at which the last note begins. triad: pitch
    classes of the last chord, the bass's first; () for any.
    """

    pitches: np.ndarray
    starts: np.ndarray
    beats: np.ndarray
    metres: list[tuple[int, int]]
    late: int
    ticks: int
    shift: int
    last: int
    triad: tuple[int, ...]


def harmonise_melody(
    network: Network,
    encoding: Encoding,
    melody: Melody,
    seed: int,
    n: int = 1,
    temperature: float = TEMPERATURE,
    drafts: int = DRAFTS,
    on_progress: Callable[[float], None] | None = None,
) -> list[Harmonised]:
    """Harmonise a melody n times; each depends on network, melody, seed and its number alone.

    drafts: how many are made of each, of which the one with the fewest faults is taken.
    Raises ValueError for a network that was not trained with a soprano given, or a melody without notes.
    """
    if not isinstance(encoding, ChoraleEncoding) or "soprano" not in encoding.given or not encoding.barred:
        raise ValueError(
            f"a model in the encoding {encoding.name!r} cannot harmonise: take one of four voices, as four-voices, "
            f"or train one with {option('encoding', 'chorale')} and {option('given', 'soprano')}"
        )
    if not melody.notes:
        raise ValueError("there is no note to harmonise")
    line = line_of(melody, encoding)
    found = []
    for number in range(n):
        dice = Dice(seed, np.arange(number * drafts, (number + 1) * drafts))
        report = None if on_progress is None else lambda share, at=number: on_progress((at + share) / n)
        steps, likelihood = compose_beneath(network, encoding, line, dice, temperature, report)
        judged = [(*voices_of_steps(each), likelihood[k]) for k, each in enumerate(steps)]
        kept = [(judge(pitches, starts, line.beats), pitches, starts, nats) for pitches, starts, nats in judged]
        best = min(kept, key=lambda draft: (draft[0].faults, -draft[3]))
        found.append(Harmonised(piece_of(melody, line, best[1], best[2]), best[0]))
    return found


def line_of(melody: Melody, encoding: ChoraleEncoding) -> Line:
    """Lay a melody on steps, in the range of a soprano.

    A beat in which it moves off the sixteenths takes what sounds where the beat begins.
    """
    resolution = lcm(melody.timeline.ticks_per_quarter, 4)
    exact = melody.with_resolution(resolution)
    timeline, ticks = exact.timeline, resolution // 4
    bar = timeline.bar_ticks(timeline.metre)
    late = int(bar - timeline.pickup) if timeline.pickup else 0
    length = -(-(exact.notes[-1].end + late) // ticks)
    metres = [(0, encoding.metres.index_of(*timeline.metre[1:3]))]
    changes = [(Fraction(tick + late, ticks), index) for tick, index in metre_changes(timeline, encoding.metres)]
    metres += [(int(step), index) for step, index in changes if step.denominator == 1 and 0 < step < length]
    beats, places = _beats(metres, length, encoding)
    shift = _shift(exact)
    pitches, starts = np.full(length, -1), np.zeros(length, bool)
    for note in exact.notes:
        first, last = -(-(note.start + late) // ticks), -(-(note.end + late) // ticks)
        pitches[first:last] = note.pitch + shift
        starts[first : first + 1] |= last > first
    edges = {edge + late for note in exact.notes for edge in (note.start, note.end)}
    odd = {bisect_beat(places, edge // ticks) for edge in edges if edge % ticks}
    for number in odd:
        begin, stop = places[number], places[number + 1] if number + 1 < len(places) else length
        sounding = pitches[begin:stop]
        first_pitch = next((pitch for pitch in sounding if pitch >= 0), -1)
        pitches[begin:stop], starts[begin + 1 : stop] = first_pitch, False
        starts[begin] = first_pitch >= 0 and (starts[begin] or begin == 0 or pitches[begin - 1] != first_pitch)
        if stop < length and pitches[stop] >= 0 and pitches[stop] != first_pitch:
            starts[stop] = True
    last = int(np.flatnonzero(starts)[-1])
    return Line(pitches, starts, beats, metres, late, ticks, shift, last, _last_triad(exact, shift))


def _last_triad(melody: Melody, shift: int) -> tuple[int, ...]:
    """Find the pitch classes of the tonic's triad, moved by `shift`.

    () where the last note is none of them.
    """
    key = melody.timeline.keys[-1] if melody.timeline.keys else estimate_key(melody.notes)[0]
    triad = tuple((key.tonic + step + shift) % 12 for step in (0, 3 if key.is_minor else 4, 7))
    return triad if (melody.notes[-1].pitch + shift) % 12 in triad else ()


def bisect_beat(places: list[int], step: int) -> int:
    """Find the number of the beat in which a step lies."""
    return int(np.searchsorted(places, step, "right")) - 1


def _beats(metres: list[tuple[int, int]], length: int, encoding: ChoraleEncoding) -> tuple[np.ndarray, list[int]]:
    """Find the steps of beats: a mask, (length,), and a list."""
    mask = np.zeros(length, bool)
    stops = [step for step, _ in metres[1:]] + [length]
    for (begin, index), stop in zip(metres, stops, strict=True):
        bar, beat, division = encoding.bars[index], encoding.beats[index], encoding.metres.divisions[index]
        for step in range(begin, stop):
            mask[step] = metrical(division, (step - begin) % bar, bar, beat, 4)[1] <= BEAT
    return mask, np.flatnonzero(mask).tolist()


def _shift(melody: Melody) -> int:
    """Choose the semitones that bring a melody into the soprano's range, octaves where they do."""
    pitches = [note.pitch for note in melody.notes]
    low, high = min(pitches), max(pitches)

    def outside(shift: int) -> int:
        return max(0, LOW - 3 - low - shift) + max(0, high + shift - HIGH - 2)

    octaves = min(range(-60, 61, 12), key=lambda shift: (outside(shift), abs(shift)))
    any_shift = min(range(-60, 61), key=lambda shift: (outside(shift), abs(shift)))
    return octaves if outside(octaves) <= outside(any_shift) else any_shift


def compose_beneath(
    network: Network,
    encoding: ChoraleEncoding,
    line: Line,
    dice: Dice,
    temperature: float,
    on_progress: Callable[[float], None] | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Compose three voices beneath a soprano, one draft for each of the dice.

    Returns what each voice does, (drafts, steps, 4), a pitch, HOLD or REST, and how likely each draft is, (drafts,)
    nats.
    """
    drafts, steps = len(dice), len(line.pitches)
    players = Players(network, encoding, drafts, True)
    ahead = soprano_ahead(line.pitches, line.starts)
    for rules in players.trackers:
        rules.soprano = ahead
    tokens, pitches = np.full((drafts, steps, 4), REST), np.full((drafts, steps, 4), -1)
    likely = np.zeros(drafts)
    metres = dict(line.metres)
    soprano = np.where(line.pitches < 0, REST, np.where(line.starts, line.pitches, HOLD))
    for step in range(steps):
        for token in encoding.metre_tokens(metres[step]) if step in metres else ():
            players.feed(np.full(drafts, token))
        before = pitches[:, step - 1] if step else np.full((drafts, 4), -1)
        now = before.copy()
        for voice in range(4):
            last = np.array([rules.last[voice] for rules in players.trackers])
            if voice == 0:
                chosen = np.full(drafts, soprano[step])
            else:
                logits = rounded(players.logits)
                legal = np.array([rules.legal() for rules in players.trackers])
                closing = line.triad[: 1 if voice == 3 else 3] if step >= line.last else ()
                masked = by_pitch(logits, last) + allowed(by_pitch(legal, last), before, now, voice, closing)
                chosen = draw(masked / temperature, dice)
                likely -= cross_entropy(logits, moves_of(chosen, last))
            tokens[:, step, voice] = chosen
            now[:, voice] = np.where(chosen < HOLD, chosen, np.where(chosen == HOLD, before[:, voice], -1))
            players.feed(moves_of(chosen, last))
        pitches[:, step] = now
        if line.beats[step]:
            order = survivors(pitches[:, : step + 1], likely)
            if order is not None:
                players.keep(order)
                players.trackers = [rules.copy() for rules in players.trackers]
                tokens, pitches, likely = tokens[order], pitches[order], likely[order]
        if on_progress is not None and step % 16 == 0:
            on_progress(step / steps)
    return tokens, likely


def by_pitch(moves: np.ndarray, last: np.ndarray) -> np.ndarray:
    """Turn scores of moves into scores of pitches, (drafts, ids).

    They are -inf, or False, for a pitch that no move reaches.
    last: (drafts,) pitch from which each draft moves.
    """
    places = np.arange(HOLD) - last[:, None] + SAME
    reached = (places >= 0) & (places < HOLD)
    notes = np.take_along_axis(moves, np.clip(places, 0, HOLD - 1), 1)
    missing = False if moves.dtype == bool else -np.inf
    return np.concatenate([np.where(reached, notes, missing), moves[:, HOLD:]], 1)


def moves_of(chosen: np.ndarray, last: np.ndarray) -> np.ndarray:
    """Write what voices do, (drafts,), as tokens: pitches as moves from `last`."""
    return np.where(chosen < HOLD, chosen - last + SAME, chosen)


def allowed(
    legal: np.ndarray, before: np.ndarray, now: np.ndarray, voice: int, closing: tuple[int, ...] = ()
) -> np.ndarray:
    """Compute what to add to the logits of a lower voice, (drafts, ids).

    -inf for what must not come.
    legal: (drafts, pitches and ids). before, now: (drafts, 4), pitches of the step before and, of the voices above,
    of this one.
    closing: pitch classes of a last chord, () for any. A voice sings while the soprano does. Where nothing would be
    left, rules give way: parallels and width first, then the last chord.
    """
    sings = now[:, 0] >= 0
    ceiling = np.where(now[:, :voice] >= 0, now[:, :voice], 200).min(1)
    own, ids = before[:, voice], np.arange(128)
    mask = legal.copy()
    mask[:, HOLD + 2 :] = False
    mask[:, :128] &= (ids <= ceiling[:, None]) & sings[:, None]
    mask[:, HOLD] &= own <= ceiling
    mask[:, REST] &= ~sings
    strict = mask.copy()
    for upper in range(voice):
        rise, interval = now[:, upper] - before[:, upper], (before[:, upper] - own) % 12
        is_perfect: np.ndarray = (
            (before[:, upper] >= 0)
            & (now[:, upper] >= 0)
            & (own >= 0)
            & ((interval == PERFECT[0]) | (interval == PERFECT[1]))
        )
        same = (now[:, upper, None] - ids) % 12 == interval[:, None]
        strict[:, :128] &= ~(is_perfect.reshape(-1, 1) & same & ((ids - own[:, None]) * rise[:, None] > 0))
    bias = np.zeros(mask.shape)
    if voice < 3:
        gap = now[:, voice - 1, None] - ids
        strict[:, :128] &= gap <= WIDEST
        bias[:, :128] = np.where(gap > WIDE, RARE, 0.0)
    fits = np.ones(mask.shape, bool)
    if closing:
        fits[:, :128] = np.isin(ids % 12, closing)
        fits[:, HOLD] = np.isin(own % 12, closing)
    kept = legal & (np.arange(legal.shape[1]) <= REST)
    for tier in (mask, strict, mask & fits, strict & fits):
        kept = np.where(tier.any(1, keepdims=True), tier, kept)
    return np.where(kept, bias, -np.inf)


def survivors(pitches: np.ndarray, likely: np.ndarray) -> np.ndarray | None:
    """Choose the drafts to go on with on a beat, (drafts,); None for all as they are.

    pitches: (drafts, steps, 4) up to the beat. A dissonance of a voice that was held over may still resolve; it is
    judged again on the beats after.
    """
    chord, step = pitches[:, -1], pitches.shape[1] - 1
    full = (chord >= 0).all(1)
    is_good = ACCEPTED[bits_of(chord)] | ~full
    if step:
        held = pitches[:, -2] == chord
        for row in np.flatnonzero(~is_good):
            for voice in np.flatnonzero(held[row]):
                others = np.delete(chord[row], voice)
                steps_down = [np.append(others, chord[row, voice] - down) for down in (1, 2)]
                is_good[row] |= bool(ACCEPTED[[bits_of(each) for each in steps_down]].any())
    if is_good.all() or not is_good.any():
        return None
    order = np.arange(len(likely))
    best = np.flatnonzero(is_good)[np.argsort(-likely[is_good], kind="stable")]
    order[~is_good] = np.resize(best, int((~is_good).sum()))
    return order


def voices_of_steps(tokens: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Read what voices do, (steps, 4), a pitch, HOLD or REST, as pitches and starts."""
    pitches, sung = np.full(tokens.shape, -1), np.full(4, -1)
    for step, row in enumerate(tokens):
        sung = np.where(row < HOLD, row, np.where(row == HOLD, sung, -1))
        pitches[step] = sung
    return pitches, tokens < HOLD


def piece_of(melody: Melody, line: Line, pitches: np.ndarray, starts: np.ndarray) -> Piece:
    """Put a melody and the voices beneath it together, in the melody's own key and time."""
    exact = melody.with_resolution(4 * line.ticks)
    lowest = int(pitches[pitches >= 0].min()) - line.shift
    octave = 12 * -(min(0, lowest) // 12)  # of a melody so low that its bass would have no pitch
    parts = [Part(exact.notes, VOICES[0], CHOIR[0])]
    end = exact.notes[-1].end
    for voice in (1, 2, 3):
        sung, begins = pitches[:, voice], starts[:, voice]
        edges = np.append(np.flatnonzero(begins | (np.diff(sung, prepend=-1) != 0)), len(sung)).tolist()
        notes = []
        for at, stop in zip(edges[:-1], edges[1:], strict=True):
            start, until = max(0, at * line.ticks - line.late), min(end, stop * line.ticks - line.late)
            if sung[at] >= 0 and until > start:
                notes.append(Note(start, until - start, int(sung[at]) - line.shift + octave))
        parts.append(Part(tuple(notes), VOICES[voice], CHOIR[voice]))
    keys = exact.timeline.keys or (Key(0, estimate_signature([note for part in parts for note in part.notes])),)
    timeline = replace(exact.timeline, length=max(exact.timeline.length, end), keys=keys)
    return Piece(tuple(parts), timeline, melody.title, source=melody.source)
