"""What the options and the form allow at each step: masks and small biases, added to the logits.

Endings are composed, not cut, by a network that is told how many bars are left (see `features`). Masks make sure that
the tune is over in time: no note starts with less than a beat (at most a quarter) to go, none is broken off, in the
last bar silence gives way to a note, and `end` waits until the last note has lasted as long. A network that learned
from few tunes knows too few endings: where in its bar the last note begins, and how long it lasts, is then drawn
beforehand (see `headings`), and masks see to it that nothing sounds across that place and nothing follows.

What a token means, and which ones still lead to such an ending, the encoding's rules say: nothing here knows one
encoding from another. An encoding that counts no bars is composed without form: any legal token, until the network
ends the tune.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from fractions import Fraction
from functools import lru_cache
from typing import Any

import numpy as np

from ritornello.encoding import MelodyEncoding, Place, counts_bars
from ritornello.encoding.features import Harmony
from ritornello.encoding.protocol import UNREADABLE
from ritornello.generate.circles import Circles
from ritornello.generate.options import BARS, GenerateOptions
from ritornello.music.keys import scale_pitch_classes
from ritornello.music.values import Key
from ritornello.wording import option

OTHERS = ("begin_other", "metre_other")  # not to be composed
LONG_REPEAT, REPEAT_BIAS = 7, -3.0  # nats, on the same pitch once more after so many
STRONG_TONE, WEAK_TONE = 2.5, 0.9  # nats, on chord tones on strong beats and elsewhere where the chord is known
SAME_PITCH = -0.7  # nats, there on the pitch that sounds once more
MOST_ROWS = 4096  # of biases that are kept for a request
MOST_TOKENS = 1024  # of a tune without form that the network does not end
LONGEST_BAR = 128  # letters


class FormTable:
    """The options of a request as rows of biases, looked up by the rules' own rows; shared by all tunes like it.

    metre: the one to begin in, where none is asked for; None for what the network likes. places: in the bar, where
    events began in the training melodies, coded as for memory; () where that is not known.
    """

    def __init__(
        self,
        encoding: MelodyEncoding,
        options: GenerateOptions,
        pitch_range: tuple[int, int],
        metre: str | None = None,
        places: tuple[int, ...] = (),
    ):
        self.encoding, self.options = encoding, options
        self._places = np.array(places, np.int64)
        self.allowed = allowed_pitches(options, pitch_range)
        biases = begin_bias(encoding, options, metre), later_bias(encoding, options)
        self.named = [split_parts(encoding, bias) for bias in biases]
        steered = steering_key(options)
        self.key = options.tonality[0] if options.tonality else steered
        self.quarter = encoding.ticks_per_quarter
        # The last entry of each: ids that start no note.
        self.outside = np.append(np.where(self.allowed, 0.0, -np.inf), 0.0)
        self._lengths: np.ndarray | None = None
        self._rows: dict[tuple, tuple[Any, np.ndarray]] = {}
        self._known: dict[int, tuple[np.ndarray, np.ndarray, np.ndarray]] = {}

    def row(
        self,
        possible: np.ndarray,
        pitches: np.ndarray | None = None,
        heading: np.ndarray | None = None,
        repeated: int = -1,
        phase: tuple[bool, int] = (False, 0),
    ) -> np.ndarray:
        """Return the bias of the ids that are `possible`: -inf, or small numbers; not to be changed.

        pitches: of each id of part 0, -1 for none; None for another part. heading: as of `Place.heading`. repeated:
        the pitch that has come too often. phase: whether a metre has begun, and the part that is due. The rules hand
        out the same array for the same state, so that biases are made once for each and found again by identity (the
        key's arrays are kept).
        """
        key = (id(possible), id(pitches), id(heading), repeated, phase)
        if (found := self._rows.get(key)) is not None:
            return found[1]
        begun, part = phase
        bias = np.where(possible, self.named[begun][part], -np.inf)
        if pitches is not None:
            bias += self.outside[pitches]
            if np.isneginf(bias).all():  # no pitch within reach lies in the range: better out of it than nowhere
                bias = np.where(possible, 0.0, -np.inf)
        if heading is not None:
            bias = np.where(heading, bias, -np.inf)
            if np.isneginf(bias).all():
                bias = np.where(possible, 0.0, -np.inf)
        if pitches is not None and repeated >= 0:
            bias += np.where(pitches == repeated, REPEAT_BIAS, 0.0)
        arrays = possible, pitches, heading
        if not any(array is not None and array.flags.writeable for array in arrays):  # else of this moment alone
            if len(self._rows) == MOST_ROWS:
                self._rows.clear()
            self._rows[key] = arrays, bias
        return bias

    def on_grid(self, place: Any, possible: np.ndarray) -> np.ndarray | None:
        """Mark the ids of the due part that lead to places where training melodies had events.

        (ids,) of bool, not to be changed; None where that is not known. A network that learned from a few tunes goes
        astray by a 32nd or a seventh, and stays there. Where none that is `possible` leads to such a place, as in a
        metre that it never saw, those are marked that lead to one that can be read.
        """
        landings = place.landings() if len(self._places) else None
        if landings is None:
            return None
        if (found := self._known.get(id(landings))) is None:
            masks = np.isin(landings, self._places), landings > UNREADABLE
            for mask in masks:
                mask.flags.writeable = False
            if len(self._known) == MOST_ROWS:
                self._known.clear()
            found = self._known[id(landings)] = landings, *masks
        _, known, readable = found
        return known if (known & possible).any() else readable

    def lengths(self, place: Place) -> np.ndarray:
        """List the ticks that each id of the last part lasts, (ids,), 0 for none.

        place: where the duration of a note, a tie or a rest is due; found once, and kept.
        """
        if self._lengths is None:
            first, found = sum(self.encoding.parts[: place.part]), []
            for n in range(self.encoding.parts[place.part]):
                after = place.copy()
                after.advance(first + n)
                found.append(after.time - place.time)
            self._lengths = np.maximum(found, 0)
        return self._lengths


_kept_table: Any = lru_cache(maxsize=32)(FormTable)  # encodings and options are told apart by their values


def table_of(
    encoding: MelodyEncoding,
    options: GenerateOptions,
    pitch_range: tuple[int, int],
    metre: str | None = None,
    places: tuple[int, ...] = (),
) -> FormTable:
    """Find the table of a request among the last ones, or make it.

    An encoding of one's own may have no hash (a dataclass that holds a list): its table is made for each request.
    """
    try:
        hash(encoding)
    except TypeError:
        return FormTable(encoding, options, pitch_range, metre, places)
    table: FormTable = _kept_table(encoding, options, pitch_range, metre, places)
    return table


class Form:
    """Biases for one tune: any legal token, until the network ends the tune. named: biases of each part."""

    def __init__(self, named: list[np.ndarray], rules: Any):
        self._named, self._rules, self._length = named, rules, 0

    def observe(self) -> None:
        """Count the token that comes next."""
        self._length += 1

    def bias(self) -> np.ndarray:
        """Compute what to add to the logits of the due part, (ids,): -inf, or small numbers.

        -inf for what must not come.
        """
        return np.where(self._rules.legal(), self._named[self._rules.part], -np.inf)

    def stale(self) -> np.ndarray | None:
        """Mask what would go round once more, (ids of the due part,) of bool; None for nothing."""
        return None

    def progress(self) -> float:
        """Estimate the share of the tune that is drawn, 0 to 1."""
        return min(1.0, self._length / MOST_TOKENS)

    def is_over(self) -> bool:
        """Tell whether the tune is over."""
        return self._rules.done or self._length >= MOST_TOKENS


class TextForm(Form):
    """A tune of letters that has grown too long for `Form` is led to the end of its bar."""

    def observe(self) -> None:
        """Count the token that comes next."""
        super().observe()
        if self._length == MOST_TOKENS - LONGEST_BAR and not self._rules.last_bar:
            self._rules.last_bar = self._rules.bars + 1


class BarForm(Form):
    """Biases for one tune of so many bars; `place` is where it stands.

    key: drawn for it, None for none. chart: the `Chart` that the network is to know, None for none. last_note: draws
    the last note for a metre (see `Heading.last_note`), None for any.
    """

    def __init__(
        self,
        table: FormTable,
        place: Place,
        key: Key | None = None,
        chart: Any = None,
        last_note: Callable[[Fraction, Fraction], Any] | None = None,
    ):
        super().__init__(table.named[0], place)
        self._table, self._place, self._key = table, place, key
        is_drawn = last_note is not None and table.options.bar_count > 1  # else a bar may be a single note
        self._last_note = last_note if is_drawn else None
        self._last_ticks: dict[tuple[int, int], tuple[int, int] | None] = {}  # place and length by bar and beat
        self._end = self._since = 0  # settled by the first note, and anew where another metre begins
        self._notes = self._pitch = self._repeats = 0
        self._has_pickup = False  # settled by the first note
        self._chart = chart
        self._harmonies: dict[tuple[int, bool], Harmony] = {}  # by bar, and whether there is a pick-up
        self._circles = None if table.options.unguarded else Circles()

    def observe(self) -> None:
        """Take note of where the tune stands, and count down its bars.

        To be called before each token; inside a group nothing has changed.
        """
        place = self._place
        if place.part:
            return
        if place.notes > self._notes:
            if not self._notes:
                self._has_pickup = self.has_pickup()
            self._repeats = self._repeats + 1 if place.sounding == self._pitch else 1
            self._pitch, self._notes = place.sounding, place.notes
        if self._circles:
            self._circles.observe(place)
        place.until = self.end()
        if self._chart is not None and place.begun:
            place.harmony = self._harmony(self._chart)

    def _harmony(self, chart: Any) -> Harmony:
        """Lay the chords on the bars as they are now known."""
        bar, has_pickup = self._place.bar, self.has_pickup()
        if (bar, has_pickup) not in self._harmonies:
            bars = self._table.options.bar_count
            self._harmonies[bar, has_pickup] = chart.on_ticks(bar, self._place.beat, bars, has_pickup)
        return self._harmonies[bar, has_pickup]

    @property
    def harmony(self) -> Harmony | None:
        """The chords that the tune has followed, None for none."""
        return self._place.harmony

    def bias(self) -> np.ndarray:
        """Compute what to add to the logits of the due part, (ids,): -inf, or small numbers.

        -inf for what must not come.
        """
        place, table = self._place, self._table
        if not self._end or not place.notes or place.since != self._since:
            self._end, self._since = self.end(), place.since
        possible = self._possible()
        heading = None if place.notes else place.heading(table.allowed, self._key or table.key, self._key is not None)
        if place.part:
            fitting = table.on_grid(place, possible) if heading is None else heading
            return table.row(possible, None, fitting, phase=(place.begun, place.part))
        bias = table.row(
            possible,
            place.pitches(),
            heading,
            self._pitch if self._repeats >= LONG_REPEAT and self._circles else -1,
            (place.begun, 0),
        )
        return bias if self._chart is None else bias + toward_chord(place)

    def _possible(self) -> np.ndarray:
        """Tell which ids of the due part lead to an end, and to the last note that is drawn.

        (ids,) of bool.
        """
        place, least = self._place, min(self._place.beat, self._table.quarter)
        possible = self._before_last_note(least) if self._last_note and place.begun else None
        if possible is None or not possible.any():
            return place.finishable(self._end - place.bar, self._end, least)
        return possible

    def _before_last_note(self, least: int) -> np.ndarray | None:
        """Tell which ids of the due part lead to the last note that is drawn.

        Or begin it, or end after it, (ids,) of bool; None where none is drawn, or it is too late. least: ticks that a
        last note lasts.
        """
        place = self._place
        metre = place.bar, place.beat
        if metre not in self._last_ticks:
            self._last_ticks[metre] = self._drawn_last_note(*metre)
        drawn = self._last_ticks[metre]
        if drawn is None:
            return None
        start = self._end - place.bar + drawn[0]
        if place.time < start:  # a note may begin there, so that nothing sounds across that place
            return place.finishable(start + least, start + least, least)
        if place.time > start and place.onset != start:
            return None
        possible = place.finishable(start, start + drawn[1], drawn[1])
        return possible & (place.pitches() >= 0) if place.time == start and not place.part else possible

    def _drawn_last_note(self, bar: int, beat: int) -> tuple[int, int] | None:
        """Draw the last note for a metre: its place in the bar and its length, in ticks.

        None where it is free.
        """
        ticks = self._table.quarter
        drawn = self._last_note(Fraction(bar, ticks), Fraction(beat, ticks)) if self._last_note else None
        return (int(drawn.place * ticks), int(drawn.length * ticks)) if drawn else None

    def stale(self) -> np.ndarray | None:
        """Mask what would go round once more, (ids of the due part,) of bool; None for nothing."""
        place = self._place
        pitches = self._circles.next_pitches(place) if self._circles and not place.part else None
        if not pitches:
            return None
        is_stale = np.zeros(129, bool)  # the last for ids that start no note
        is_stale[list(pitches)] = True
        return is_stale[place.pitches()]

    def progress(self) -> float:
        """Estimate the share of the tune that is drawn, 0 to 1."""
        return min(1.0, self._place.time / self._end) if self._end else 0.0

    def is_over(self) -> bool:
        """Tell whether the tune is over: it has ended, or without an `end` it is full."""
        place = self._place
        return place.done or (self._table.encoding.end is None and place.begun and place.time >= self.end())

    def end(self) -> int:
        """Return the tick by which the tune must be over; the bar of a pick-up is not counted.

        A pick-up is what enters after its barline, or opens with half a bar of rest or more.
        """
        place = self._place
        return place.since + (self._table.options.bar_count + self.has_pickup() - place.bars_before) * place.bar

    def has_pickup(self) -> bool:
        """Tell whether the tune begins with a pick-up."""
        place = self._place
        if self._notes:
            return self._has_pickup
        opening = place.opening if place.notes else place.time
        return place.entry > 0 or (place.begun and is_pickup(opening, place.bar))


def is_strong(time: int, place: Place) -> bool:
    """Tell whether a tick is a barline or the middle of a bar, in the metre in force at a place."""
    in_bar = (time - place.since) % place.bar
    return bool(not in_bar or 2 * in_bar == place.bar)


def toward_chord(place: Place) -> np.ndarray | float:
    """Compute what is added where the chords are known.

    Chord tones are made likelier, most of all on strong beats. The pitch that sounds is made a little less likely to
    come again, else it is too often what fits best.
    """
    chord = place.harmony.at(place.time) if place.harmony else None
    if chord is None or place.part or chord.quality == "none":
        return 0.0
    pitches = place.pitches()
    tone = STRONG_TONE if is_strong(place.time, place) else WEAK_TONE
    nats: np.ndarray = np.where((pitches >= 0) & np.isin(pitches % 12, list(chord.pitch_classes)), tone, 0.0)
    nats += np.where((pitches >= 0) & (pitches == place.sounding), SAME_PITCH, 0.0)
    return nats


def forms_of(
    encoding: Any,
    options: GenerateOptions,
    trackers: list[Any],
    pitch_range: tuple[int, int],
    headings: Sequence[Any] | None = None,
    charts: Sequence[Any] | None = None,
    places: tuple[int, ...] = (),
) -> list[Form]:
    """Make the biases of each tune.

    headings: the `Heading` that each begins with, where that is drawn. charts: the `Chart` of each, with its key.
    places: see `FormTable`.
    Raises ValueError for options that the encoding cannot keep to.
    """
    metres = [heading.metre for heading in headings] if headings else [None for _ in trackers]
    keys = [heading.key() for heading in headings] if headings else [None for _ in trackers]
    ends = [heading.last_note for heading in headings] if headings else [None for _ in trackers]
    if counts_bars(encoding):
        followed: Sequence[Any] = charts if charts is not None else [None] * len(keys)
        if charts is not None:
            keys = [None if options.tonality or chart is None else chart.key for chart in charts]
        return [
            BarForm(table_of(encoding, options, pitch_range, metre, places), place, key, chart, last_note)
            for place, metre, key, chart, last_note in zip(trackers, metres, keys, followed, ends, strict=True)
        ]
    if hasattr(encoding, "grammar"):
        return text_forms(encoding, options, trackers)
    asked = {
        "a number of bars": options.bars not in (None, BARS),
        "a range": options.is_ranged,
        "a locked scale": options.is_steered,
    }
    if any(asked.values()):
        raise ValueError(
            f"a model in the encoding {encoding.name!r} composes without form, each tune as long as it likes: "
            f"leave out what asks for {' and '.join(words for words, is_asked in asked.items() if is_asked)}"
        )
    begins = {metre: begin_bias(encoding, options, metre) for metre in metres}
    named = {metre: split_parts(encoding, bias) for metre, bias in begins.items()}
    return [Form(named[metre], rules) for rules, metre in zip(trackers, metres, strict=True)]


def text_forms(encoding: Any, options: GenerateOptions, trackers: list[Any]) -> list[Form]:
    """Ask the grammar of each tune for the bars, metre and key of the options.

    Raises ValueError for what a text cannot keep to.
    """
    tonality = options.tonality
    is_scale = options.scale_lock or (tonality is not None and tonality[1] != scale_pitch_classes(tonality[0]))
    refused = {option("pitch_range"): options.is_ranged, "a scale": is_scale}
    if not encoding.grammar:
        refused |= {option("bars"): options.bars not in (None, GenerateOptions.bars)}
        refused |= {option("metre"): bool(options.metre), option("key"): tonality is not None}
    if any(refused.values()):
        names = " and ".join(name for name, is_asked in refused.items() if is_asked)
        how = "" if encoding.grammar else f" without its grammar ({option('unguarded', True)})"
        raise ValueError(f"a model that writes text{how} cannot be asked for {names}: leave that out")
    if encoding.grammar:
        for rules in trackers:
            rules.ask(options.bars, options.metre, tonality[0] if tonality else None)
    kind = TextForm if encoding.grammar else Form
    return [kind([np.zeros(encoding.vocabulary.size)], rules) for rules in trackers]


def is_pickup(opening: Any, bar: Any) -> Any:
    """Tell whether an opening rest of half a bar or more makes the first bar a pick-up.

    That bar is not counted.
    opening, bar: steps or ticks.
    """
    return 2 * opening >= bar


def steering_key(options: GenerateOptions) -> Key | None:
    """Return the key whose scale drawing keeps to, if any; C major where none is asked for."""
    if not options.is_steered:
        return None
    return options.tonality[0] if options.tonality else Key(0, 0)


def with_lock(options: GenerateOptions, names_key: bool) -> GenerateOptions:
    """Lock the scale where a range may leave no room to transpose the tune afterwards.

    names_key: the tune's header may name that key; then nothing is locked.
    """
    is_tight = options.key is not None and options.is_ranged
    return replace(options, scale_lock=options.scale_lock or (is_tight and not names_key))


def names_key(encoding: MelodyEncoding) -> bool:
    """Tell whether the header of a tune names its key."""
    return encoding.is_keyed or getattr(encoding, "names_key", False)


def begin_bias(encoding: MelodyEncoding, options: GenerateOptions, drawn: str | None = None) -> np.ndarray:
    """Mark the metres that a tune must not begin with, (vocabulary,), by -inf; 0 elsewhere.

    drawn: the metre of a tune for which none is asked. Raises ValueError where the metre does not exist.
    """
    named = metre_rows(encoding)
    allowed = [token for name, token in named.items() if name not in OTHERS]
    metre = options.metre or drawn
    allowed = list(encoding.begin(metre)) if metre else allowed
    bias = np.zeros(encoding.vocabulary.size)
    bias[[token for token in named.values() if token not in allowed]] = -np.inf
    return bias


def later_bias(encoding: MelodyEncoding, options: GenerateOptions) -> np.ndarray:
    """Mark the metres that must not begin inside a tune by -inf, (vocabulary,)."""
    bias = begin_bias(encoding, options)
    if options.metre or options.chords:
        bias[list(metre_rows(encoding).values())] = -np.inf
    return bias


def split_parts(encoding: MelodyEncoding, bias: np.ndarray) -> list[np.ndarray]:
    """Split the biases of a vocabulary by the parts of its groups."""
    return np.split(bias, np.cumsum(encoding.parts)[:-1])


def metre_rows(encoding: MelodyEncoding) -> dict[str, int]:
    """Find the ids that name a metre, or a figure of one, by the names of their rows."""
    rows = encoding.vocabulary.rows
    return {row.name: row.first for row in rows if row.name.startswith(("begin_", "metre_", "over_"))}


def allowed_pitches(options: GenerateOptions, pitch_range: tuple[int, int]) -> np.ndarray:
    """Mask the pitches within the range and, where it is locked, the scale, (128,) of bool.

    Raises ValueError where there is none.
    """
    pitches, span = np.arange(128), options.within(pitch_range)
    allowed = (pitches >= span[0]) & (pitches <= span[1])
    key = steering_key(options)
    if key is not None:
        scale = options.tonality[1] if options.tonality else scale_pitch_classes(key)
        allowed &= np.isin(pitches % 12, list(scale))
    if not allowed.any():
        where = "" if key is None else " in the key's scale"
        raise ValueError(f"no pitch is left between {span[0]} and {span[1]}{where}: widen the range")
    return allowed
