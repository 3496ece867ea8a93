"""Compose: draw tokens from a network, many tunes side by side, until each has come to its end."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ritornello.encoding import MelodyEncoding, counts_bars, make_encoding
from ritornello.encoding.features import CHORD, COUNTDOWN, knows_chords
from ritornello.generate.chords import AskedChords, Chart, melody_chords
from ritornello.generate.constraints import (
    BarForm,
    Form,
    FormTable,
    allowed_pitches,
    forms_of,
    is_pickup,
    metre_rows,
    names_key,
    steering_key,
    with_lock,
)
from ritornello.generate.draw import Dice, draw_likely, rounded
from ritornello.generate.expression import with_expression
from ritornello.generate.headings import Counts, Heading, draw_headings
from ritornello.generate.openings import openings_of, without_end
from ritornello.generate.options import MAX_BARS, QPM, GenerateOptions
from ritornello.generate.primer import what_changes
from ritornello.model.counts import Counts as CorpusCounts
from ritornello.model.network import Network, cross_entropy
from ritornello.model.players import Players
from ritornello.music.beats import metre_named
from ritornello.music.keys import estimate_key, plain_key
from ritornello.music.values import Key, Melody
from ritornello.wording import filled, option

MODE_ATTEMPTS = 8
ATTEMPT_STRIDE = 1 << 20  # attempt a of melody i rolls the dice of melody i + a 2^20
STRETCH = 2.0  # of the countdown and of remembered endings: a network ends its own tunes more loosely than people's
FEW_STRETCH = 4.0  # of the endings of few tunes: these are remembered better than they are learned
CHORD_STRETCH = 1.25  # of the chord that sounds; with more of it, tunes keep to chord tones and repeat them
SCORED = 64  # steps whose surprise is computed together
NO_CHORDS = (
    "this model was trained on tunes without chords and cannot follow any: take hymns-and-songs, which can, or train "
    "one on tunes with chords; or leave {chords} out, or ask for {key} or {scale}, which all models keep"
)


@dataclass(frozen=True)
class Composition:
    """One tune. melody: a Melody; of encodings of other music a Piece. tokens: as drawn.

    surprise: bits that each note's start cost the network, pitch and duration where it has both, (notes,) of float;
    (0,) where it does not follow from the tokens which of them starts which note. draws: how often it was drawn until
    it had the mode asked for.
    """

    melody: Any
    tokens: np.ndarray
    surprise: np.ndarray
    seed: int
    index: int
    draws: int = 1


def compose(
    network: Network,
    encoding: MelodyEncoding,
    options: GenerateOptions,
    seed: int,
    indices: Sequence[int],
    primer: Melody | None = None,
    pitch_range: tuple[int, int] = (0, 127),
    on_progress: Callable[[float], None] | None = None,
    counts: Counts = Counts(),
    chords: AskedChords | None = None,
) -> list[Composition]:
    """Compose one melody per index; it depends on network, options, seed and index alone.

    pitch_range: lowest and highest pitch that the network learned, not to be left unless the options say so. Where a
    major or minor key is asked for and the tune came out in the other mode, it is drawn anew, up to seven times; not
    after a primer whose header names the mode. on_progress: called now and then with the share of the tunes that is
    drawn, 0 to 1. counts: metres and keys of the training corpus, from which those of a tune that begins with nothing
    are drawn where the options leave them open, and how its tunes end. chords: what the tunes are to follow, for a
    network that knows chords.
    Raises ValueError for a primer that does not fit the bars, or a key or metre that does not exist.
    """
    if options.unguarded and hasattr(encoding, "grammar"):
        encoding = make_encoding(**encoding.to_dict() | {"grammar": False})
    if options.seconds is not None:
        raise ValueError(
            f"a model in the encoding {encoding.name!r} composes in bars: write {option('bars')}, not "
            f"{option('seconds')}"
        )
    if options.densities:
        raise ValueError(
            f"{option('notes_per_second')} is for models of performances (the encoding events); leave it out "
            "of melodies"
        )
    if options.metre:
        if not metre_rows(encoding) and not hasattr(encoding, "opening"):
            raise ValueError(
                f"this model knows no metres (it was trained with {option('plain', True)}); leave "
                f"{option('metre')} out"
            )
        encoding.begin(options.metre)  # refuses what does not exist
        primer = None if primer is None else in_metre(primer, options.metre)
    options = with_lock(options, names_key(encoding) and (primer is None or primer.timeline.key is None))
    given, nats = ways_to_begin(network, encoding, options, primer, pitch_range)
    if chords and not knows_chords(encoding):
        raise ValueError(filled(NO_CHORDS))
    network, places = counting_network(network, encoding), known_places(network, options)
    attempts = 1 if primer is not None and names_key(encoding) else MODE_ATTEMPTS
    made: dict[int, Composition] = {}
    known = replace(counts, metres={}, keys={}) if primer else counts
    drawn_for = draw_headings(encoding, options, known, seed, indices)
    headings = dict(zip(indices, drawn_for, strict=True))
    charts: dict[int, Chart] = {}
    if chords:
        found = chords.charts(options, [heading.key(chords.has) for heading in drawn_for], seed, indices)
        charts = dict(zip(indices, found, strict=True))
    for attempt in range(attempts):
        waiting = [i for i in indices if i not in made]
        if not waiting:
            break
        dice = Dice(seed, np.asarray(waiting) + attempt * ATTEMPT_STRIDE)
        players = players_of(network, encoding, options, len(waiting))
        of_waiting = [headings[index] for index in waiting]
        followed = [charts[index] for index in waiting] if charts else None
        forms = forms_of(encoding, options, players.trackers, pitch_range, of_waiting, followed, places)
        begun = given[draw_beginnings(nats, options, dice)]
        drawn, surprise = sample(players, forms, options, dice, begun, None if attempt else on_progress)
        for tokens, bits, index, form in zip(drawn, surprise, waiting, forms, strict=True):
            heading = None if names_key(encoding) else headings[index]
            chart = charts.get(index)
            melody = finished(encoding, options, tokens, heading, pitch_range, chart.key if chart else None)
            if isinstance(form, BarForm) and chart and form.harmony:
                melody = replace(melody, chords=melody_chords(form.harmony, encoding, melody))
            if has_mode(melody, options) or attempt == attempts - 1:
                made[index] = Composition(melody, tokens, note_bits(encoding, tokens, bits), seed, index, attempt + 1)
    return [made[index] for index in indices]


def ways_to_begin(
    network: Network,
    encoding: MelodyEncoding,
    options: GenerateOptions,
    primer: Melody | None,
    pitch_range: tuple[int, int],
) -> tuple[np.ndarray, np.ndarray]:
    """List the ways to begin a tune.

    Returns tokens, (ways, length), and how likely each way is, (ways,) nats. Without a primer there is one: with
    nothing. Raises ValueError for a primer that leaves no bar to compose.
    """
    if primer is None:
        return np.zeros((1, 0), np.int64), np.zeros(1)
    if counts_bars(encoding):
        check_room(encoding, options, primer)
    return openings_of(network, encoding, options, primer, allowed_pitches(options, pitch_range))


def draw_beginnings(nats: np.ndarray, options: GenerateOptions, dice: Dice) -> np.ndarray:
    """Draw which way each tune begins, (tunes,); no dice are rolled where there is but one."""
    if len(nats) == 1:
        return np.zeros(len(dice), np.int64)
    return draw_likely(rounded(np.tile(nats, (len(dice), 1))), options, dice)


def has_mode(melody: Melody, options: GenerateOptions) -> bool:
    """Tell whether a melody has the mode that is asked for; one without a key has any."""
    key = melody.timeline.key
    return options.tonality is None or key is None or key.mode == options.tonality[0].mode


def counting_network(network: Network, encoding: MelodyEncoding) -> Network:
    """Return the network that composes: it takes the countdown and chords more seriously."""
    names = [feature.name for feature in encoding.features]
    network = network.stretched(names.index(COUNTDOWN), STRETCH) if COUNTDOWN in names else network
    return network.stretched(names.index(CHORD), CHORD_STRETCH) if CHORD in names else network


def players_of(network: Network, encoding: MelodyEncoding, options: GenerateOptions, n: int) -> Players:
    """Let a network play n tunes that are composed: it takes remembered endings more seriously.

    Those of few tunes most.
    """
    ending = FEW_STRETCH if few_counts(network) else STRETCH
    return Players(network, encoding, n, True, options.memory, options.quote, ending)


def known_places(network: Network, options: GenerateOptions) -> tuple[int, ...]:
    """List the places in the bar where the training melodies had events (`FormTable.on_grid`).

    () without guards, and for a network that learned from many: they teach them by themselves.
    """
    counts = None if options.unguarded else few_counts(network)
    return tuple(counts.places.tolist()) if counts else ()


def few_counts(network: Network) -> CorpusCounts | None:
    """Return the corpus counts of a network that learned from few melodies, None of others.

    So few that nothing had to be left out.
    """
    counts: CorpusCounts | None = getattr(network, "counts", None)
    return counts if counts and counts.is_whole else None


def primer_changes(encoding: MelodyEncoding, options: GenerateOptions, primer: Melody) -> str:
    """Say in one line what the encoding cannot keep of a primer; "" where it keeps all."""
    return what_changes(encoding, in_metre(primer, options.metre) if options.metre else primer)


def check_room(encoding: MelodyEncoding, options: GenerateOptions, primer: Melody) -> None:
    """Raise ValueError where a primer leaves no bar to compose."""
    place = encoding.tracker()
    form = BarForm(FormTable(encoding, GenerateOptions(), (0, 127)), place)
    for token in without_end(encoding, encoding.encode(primer).tokens).tolist():
        form.observe()
        place.advance(token)
    form.observe()
    filled = place.bars_before + (place.time - place.since) / place.bar - form.has_pickup()
    if filled > options.bar_count - 1:
        least = int(-(-filled // 1)) + 1
        more = f"ask for at least {least} with {option('bars')}, or " if least <= MAX_BARS else ""
        raise ValueError(
            f"the primer fills {round(float(filled), 2):g} bars: {more}take only its first bars "
            f"with {option('primer_bars')}"
        )


def in_metre(melody: Melody, name: str) -> Melody:
    """Set a melody in another metre from beginning to end.

    A pick-up stays one where the new bar is longer.
    """
    timeline, metre = melody.timeline, metre_named(name)
    pickup = timeline.pickup if timeline.pickup < timeline.bar_ticks(metre) else 0
    metres = (metre, metre._replace(tick=pickup)) if pickup else (metre,)
    return replace(melody, timeline=replace(timeline, metres=metres))


def note_bits(encoding: MelodyEncoding, tokens: np.ndarray, bits: np.ndarray) -> np.ndarray:
    """Sum the bits of the group of tokens that starts each note, (notes,).

    bits: of each token, (length,).
    Without form, tokens may start notes that no melody keeps: then (0,).
    """
    if not counts_bars(encoding):
        pitches = [note.pitch for note in encoding.decode(tokens).notes]
        if encoding.pitches(tokens).tolist() != pitches:
            return np.zeros(0)
    parts = len(encoding.parts)
    first = encoding.onsets(tokens) // parts * parts
    sums = bits.cumsum()
    last = np.minimum(first + parts - 1, len(bits) - 1)
    return sums[last] - sums[first] + bits[first]


def sample(
    players: Players,
    forms: Sequence[Form],
    options: GenerateOptions,
    dice: Dice,
    given: np.ndarray,
    on_progress: Callable[[float], None] | None = None,
) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Draw tokens for tunes of any encoding, side by side, until the form of each is over.

    forms: the bias of each tune at each step. given: tokens that they begin with, (tunes, length). Returns the tokens
    of each tune and the bits that each token cost the network, whatever form and filters made of it.
    """
    tunes: list[list[int]] = [[] for _ in forms]
    bits: list[list[float]] = [[] for _ in forms]
    alive, steps = list(range(len(forms))), []
    while alive:
        for n in alive:
            forms[n].observe()
        logits, place = players.logits, len(tunes[alive[0]])
        if place < given.shape[1]:
            chosen = given[alive, place] - players.first
        else:
            bias = [forms[n].bias() for n in alive]
            biased = rounded(logits) + (bias[0] if len(bias) == 1 else np.concatenate(bias).reshape(logits.shape))
            suggested = None if options.temperature >= 1 or options.unguarded else players.suggested()
            stale = rows_of([forms[n].stale() for n in alive], logits.shape[1])
            chosen = draw_likely(biased, options, dice, suggested, stale)
        steps.append((alive, logits, chosen))
        fed = chosen + players.first
        for n, token in zip(alive, fed.tolist(), strict=True):
            tunes[n].append(token)
        players.feed(fed)
        running = [not forms[n].is_over() for n in alive]
        if not all(running):
            players.keep(np.array(running))
            dice.keep(np.array(running))
            alive = [n for n, goes_on in zip(alive, running, strict=True) if goes_on]
        if len(steps) == SCORED or not alive:
            _score(steps, bits)
            steps = []
            if on_progress:
                on_progress(1 - sum(1 - forms[n].progress() for n in alive) / len(forms))
    return [np.array(tune) for tune in tunes], [np.array(costs) for costs in bits]


def rows_of(masks: Sequence[np.ndarray | None], width: int) -> np.ndarray | None:
    """Stack the masks of tunes, (tunes, width) of bool; None where all are None."""
    if all(mask is None for mask in masks):
        return None
    return np.array([np.zeros(width, bool) if mask is None else mask for mask in masks])


def _score(steps: Sequence[tuple[list[int], np.ndarray, np.ndarray]], bits: list[list[float]]) -> None:
    """Append the bits of each token to those of its tune.

    steps: tunes, their logits and the ids chosen.
    """
    costs: list[np.ndarray] = [np.zeros(0)] * len(steps)
    for width in {logits.shape[1] for _, logits, _ in steps}:  # part by part: equal rows are scored together
        alike = [n for n, (_, logits, _) in enumerate(steps) if logits.shape[1] == width]
        nats = cross_entropy(
            np.concatenate([steps[n][1] for n in alike]), np.concatenate([steps[n][2] for n in alike])
        )
        edges = np.cumsum([len(steps[n][0]) for n in alike])[:-1]
        for n, own in zip(alike, np.split(nats / np.log(2), edges), strict=True):
            costs[n] = own
    for (tunes, _, _), own in zip(steps, costs, strict=True):
        for n, cost in zip(tunes, own.tolist(), strict=True):
            bits[n].append(cost)


def finished(
    encoding: MelodyEncoding,
    options: GenerateOptions,
    tokens: np.ndarray,
    heading: Heading | None,
    pitch_range: tuple[int, int],
    chords_key: Key | None = None,
) -> Melody:
    """Decode and finish a melody: in its key, with its pick-up, tempo and expression.

    chords_key: of the chords that it has followed, which are not moved any more. heading: of a tune whose tokens
    name no key, that is moved to the one drawn where the range leaves room.
    """
    melody = encoding.decode(tokens, qpm=QPM if options.qpm is None else options.qpm)
    if options.metre and (groups := metre_named(options.metre).groups):  # which no token names
        metres = tuple(metre._replace(groups=groups) for metre in melody.timeline.metres)
        melody = replace(melody, timeline=replace(melody.timeline, metres=metres))
    if melody.notes and is_pickup(melody.notes[0].start, melody.timeline.bar_ticks(melody.timeline.metre)):
        melody = melody.with_pickup()
    key = chords_key or steering_key(options)
    if key is None and melody.notes:
        key = melody.timeline.key or estimate_key(melody.notes)[0]
        if options.tonality:
            wanted = options.tonality[0]
            melody = melody.transposed(_nearest_shift(melody, 7 * (wanted.fifths - key.fifths)))
            key = wanted if wanted.mode == key.mode else key._replace(fifths=wanted.fifths)
        elif heading is not None:
            melody, key = _in_drawn_key(melody, key, heading, options.within(pitch_range))
    if key is not None and melody.timeline.keys != (key,):
        melody = replace(melody, timeline=replace(melody.timeline, keys=(key,)))
    return melody if options.flat else with_expression(melody)


def _in_drawn_key(melody: Melody, key: Key, heading: Heading, span: tuple[int, int]) -> tuple[Melody, Key]:
    """Move a melody to the key drawn for it, of its own mode.

    It stays as it is where the range leaves no room. key: the melody's own. span: lowest and highest pitch.
    """
    drawn = heading.key(lambda other: other.is_minor == key.is_minor)
    if drawn is None:
        return melody, key
    shift = (drawn.tonic - key.tonic + 6) % 12 - 6
    low, high = min(note.pitch for note in melody.notes), max(note.pitch for note in melody.notes)
    for semitones in sorted((shift - 12, shift, shift + 12), key=abs):
        if span[0] <= low + semitones and high + semitones <= span[1]:
            return melody.transposed(semitones), key._replace(fifths=plain_key(drawn).fifths)
    return melody, key


def _nearest_shift(melody: Melody, semitones: int) -> int:
    """Find the shortest shift to the same pitch class that keeps the melody within 0-127."""
    shift = (semitones + 6) % 12 - 6
    lowest, highest = min(n.pitch for n in melody.notes), max(n.pitch for n in melody.notes)
    if lowest + shift < 0:
        return shift + 12
    return shift - 12 if highest + shift > 127 else shift
