"""miditok: MidiTok's tokenisers as encodings, to train, to score, and to compose without form (an optional extra).

    metre_3 over_4 | Bar_None | TimeSig_3/4 | Position_24 | Pitch_67 | Duration_1.0.24 | Bar_None | ... | end

The ids are the tokeniser's own; after them come the metres that begin a melody and `end`. Other metres that begin on
a barline are the tokeniser's TimeSig; those within a bar, and all in a tokeniser without TimeSig (Structured), are
not kept. Version 1, of older models, names one of METRES (begin_3/4) and no changes. MidiTok (Fradet et al. 2021,
"MidiTok: A Python package for MIDI file tokenization") reads and writes them; this module adds the frame and keeps to
one melody in one vocabulary. It does not follow the time that the tokens spell, so there are no features (side
inputs) and no copy gates, and a tune is composed without form: it ends where the network ends it.

Onsets and durations are rounded to the tokeniser's finest step of a beat, by default a 24th of the metre's lower
figure, durations to at most 12 beats.
"""

from __future__ import annotations

import inspect
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from copy import copy
from dataclasses import dataclass, field
from fractions import Fraction
from functools import cached_property, lru_cache
from typing import Any, ClassVar, Self

import numpy as np

from ritornello.encoding.features import Feature
from ritornello.encoding.protocol import Encoded
from ritornello.encoding.rounding import from_barline, rounded, staying, stepped
from ritornello.encoding.vocabulary import (
    LATEST,
    LOWER_FIGURES,
    MOST_BEATS,
    MetreTable,
    Vocabulary,
    later_metres,
    metre_table,
)
from ritornello.music.values import DEFAULT_VELOCITY, Melody, Metre, Note, Tempo, Timeline

DEFAULTS: dict[str, Any] = {
    "pitch_range": [0, 127],
    "beat_res": {"0_12": 24},
    "use_velocities": False,
    "use_pitchdrum_tokens": False,
    "use_time_signatures": True,
    "special_tokens": ["PAD"],
    "programs": [0],  # no token names it, but MIDILike's decoder allocates 128 lists for each
}
LISTED = {"time_signature_range": {"2": [2, 3, 4], "4": [2, 3, 4, 5, 6, 9], "8": [3, 6, 9, 12]}}  # of version 1
SPECIAL = {"PAD", "BOS", "EOS", "MASK"}
STARTS = {"Pitch", "NoteOn"}
ONE_LINE = STARTS | {"NoteOff", "Velocity", "Duration", "Bar", "Position", "TimeSig", "TimeShift", "Rest"}
TOKENIZERS: dict[str, set[str]] = {  # that write one line in one vocabulary; keys that only their configuration has
    "REMI": {"max_bar_embedding", "use_bar_end_tokens", "add_trailing_bars"},
    "TSD": set(),
    "MIDILike": {"max_duration"},
    "Structured": set(),
}


@dataclass(frozen=True)
class MidiTokEncoding:
    """One of MidiTok's tokenisers. tokenizer: its class there. config: its TokenizerConfig as JSON, over DEFAULTS.

    Keys of `beat_res` are written "0_4" and those of `time_signature_range` "4", as MidiTok writes them to files.
    Without the latter there are all metres of the version that its steps can write.
    Raises ImportError without MidiTok, ValueError for what MidiTok or this adapter refuses.
    """

    tokenizer: str = "REMI"
    config: Mapping[str, Any] = field(default_factory=dict)
    version: int = LATEST
    name = "miditok"
    keeps = "melody"
    is_keyed = False
    features: ClassVar[tuple[Feature, ...]] = ()
    memory: ClassVar[tuple[str, ...]] = ()

    def __post_init__(self) -> None:
        kinds = {row.name.split("_")[0] for row in self.vocabulary.rows[: self._begin]}
        unfit = kinds - ONE_LINE - SPECIAL
        if unfit or not kinds & STARTS:
            written = ", ".join(sorted(unfit)) or "no pitches"
            raise ValueError(f"miditok: {self.tokenizer} as configured writes {written}: of no use to one melody")
        # MidiTok cannot write a tune whose beats have no whole step.
        figure = min(metre[1] for metre, known in zip(self.metres.numbers, self.is_known, strict=True) if known)
        if self._midi.config.use_time_signatures and self._midi.config.max_num_pos_per_beat * figure < 4:
            raise ValueError(
                f"miditok: the config is too coarse for tunes in x/{figure}: have {-(-4 // figure)} or more steps "
                f"of a beat in beat_res, or leave {figure} out of time_signature_range"
            )

    def __hash__(self) -> int:
        return hash((self.tokenizer, self._config, self.version))

    @cached_property
    def metres(self) -> MetreTable:
        """The metres that may begin a melody, as far as the tokeniser knows them."""
        return metre_table(self.version)

    @cached_property
    def vocabulary(self) -> Vocabulary:
        """The tokeniser's ids by its own names, then the metres and end."""
        names = sorted(self._midi.vocab, key=self._midi.vocab.get)
        rows = [(name, 1, f"MidiTok's {name}") for name in names]
        metres = (*self.metres.first_rows, *self.metres.second_rows)
        return Vocabulary.of(*rows, *metres, ("end", 1, "the tune is over"))

    @property
    def end(self) -> int:
        """Id of the `end` token."""
        return self.vocabulary.size - 1

    @property
    def parts(self) -> tuple[int, ...]:
        """One part: every token is a group."""
        return (self.vocabulary.size,)

    @property
    def pitch_range(self) -> tuple[int, int]:
        """Lowest and highest pitch that a token starts."""
        started = self.started[self.started >= 0]
        return int(started.min()), int(started.max())

    @property
    def ticks_per_quarter(self) -> int:
        """Resolution of the tokeniser's time."""
        return int(self._midi.time_division)

    @cached_property
    def started(self) -> np.ndarray:
        """(vocabulary,) int16: the pitch that each token starts, -1 for none."""
        return self._values(STARTS)

    @cached_property
    def is_own(self) -> np.ndarray:
        """(vocabulary,) of bool: the tokeniser's tokens that tunes are written with."""
        kinds = [row.name.split("_")[0] for row in self.vocabulary.rows]
        return np.array([n < self._begin and kind not in SPECIAL for n, kind in enumerate(kinds)])

    @cached_property
    def is_known(self) -> list[bool]:
        """Whether the tokeniser can write each metre of the table; as "other" it writes 4/4, and that always."""
        if not self._midi.config.use_time_signatures:
            return [True] * len(self.metres.numbers)
        names = {row.name for row in self.vocabulary.rows[: self._begin]}
        return [*(f"TimeSig_{upper}/{lower}" in names for upper, lower in self.metres.numbers[:-1]), True]

    @cached_property
    def may_follow(self) -> dict[int, np.ndarray]:
        """(vocabulary,) of bool for each token that may begin a metre: what completes it; of -1 those themselves."""
        follow = {-1: np.zeros(self.vocabulary.size, bool)}
        for index in np.flatnonzero(self.is_known).tolist():
            first, *second = self.metre_tokens(index)
            follow[-1][first] = True
            follow.setdefault(first, np.zeros(self.vocabulary.size, bool))[second] = True
        return follow

    def to_dict(self) -> dict[str, Any]:
        """Return what `make_encoding` needs to build this encoding again."""
        plain = {"name": self.name, "tokenizer": self.tokenizer, "config": dict(self.config)}
        return plain | ({} if self.version == 1 else {"version": self.version})

    def encode(self, melody: Melody) -> Encoded:
        """Encode a melody: its metre, the tokeniser's tokens, end.

        Raises ValueError where the tokeniser cannot write it.
        """
        import symusic

        timeline, metres = melody.timeline, self._kept_metres(melody)
        changes = [(tick, 0, 0) for tick, *_ in metres[1:]]
        notes, per_quarter = from_barline(
            np.array([*(n[:3] for n in melody.notes), *changes], np.int64).reshape(-1, 3), timeline
        )
        step = max(self._step(metre[2]) for metre in metres)
        notes, later = notes[: len(melody.notes)], notes[len(melody.notes) :, 0]
        starts, ends, pitches, _ = stepped(notes, self.ticks_per_quarter // step, per_quarter)
        places = rounded(later, self.ticks_per_quarter // step, per_quarter) * step
        score: Any = symusic.Score(self.ticks_per_quarter)
        for place, (_, numerator, denominator, *_) in zip([0, *places.tolist()], metres, strict=True):
            score.time_signatures.append(symusic.TimeSignature(place, numerator, denominator))
        track: Any = symusic.Track()
        for start, end, pitch in zip((starts * step).tolist(), (ends * step).tolist(), pitches.tolist(), strict=True):
            track.notes.append(symusic.Note(start, end - start, pitch, DEFAULT_VELOCITY))
        score.tracks.append(track)
        try:
            tracks = self._midi.encode(score) if melody.notes else []
        except (KeyError, IndexError, ValueError) as error:
            raise ValueError(f"MidiTok's {self.tokenizer} cannot write this tune: {error}") from None
        ids = tracks[0].ids if tracks else []  # none where the tokeniser leaves out every note
        known = self.metres.index_of(*timeline.metre[1:3])
        header = self.metre_tokens(known if self.is_known[known] else self.metres.other)
        tokens = np.array([*header, *ids, self.end], np.int16)
        losses = self._losses(notes, per_quarter, step, self.decode(tokens))
        unnamed = (
            1 + len(later_metres(timeline)) - len(metres) + (not self.is_known[known] or known == self.metres.other)
        )
        return Encoded(tokens, losses + Counter(metres=unnamed))

    def _kept_metres(self, melody: Melody) -> list[Metre]:
        """List the metres that the tokens name: the first, and known ones that begin on a barline."""
        timeline, table = melody.timeline, self.metres
        first = table.index_of(*timeline.metre[1:3])
        kept = [Metre(0, *table.numbers[first if self.is_known[first] else table.other])]
        since = Fraction(timeline.pickup - timeline.bar_ticks(kept[0]) if timeline.pickup else 0)
        if table.is_listed or not any(row.name.startswith("TimeSig") for row in self.vocabulary.rows):
            return kept
        last = max((note.start for note in melody.notes), default=0)
        for metre in later_metres(timeline):
            index = table.index_of(*metre[1:3])
            is_new = index != table.other and metre[1:3] != kept[-1][1:3] and self.is_known[index]
            if is_new and metre.tick <= last and (metre.tick - since) % timeline.bar_ticks(kept[-1]) == 0:
                kept.append(metre)
                since = Fraction(metre.tick)
        return kept

    def headings(self, melody: Melody) -> list[np.ndarray]:
        """Return the tokens of `encode` alone: no header names an octave (see `protocol.Encoding`)."""
        return [self.encode(melody).tokens]

    def decode(self, tokens: Sequence[int] | np.ndarray, title: str = "", qpm: float = 120.0) -> Melody:
        """Read tokens as the tokeniser does, as one melody; begin and end may be missing.

        Of notes that start together the highest stays, and a note ends where the next begins.
        Raises ValueError for an id outside the vocabulary, or tokens that the tokeniser cannot read.
        """
        tokens = np.asarray(tokens, np.int64)
        self.vocabulary.check(tokens)
        ids = tokens[self.is_own[tokens]]
        try:
            score = self._midi.decode([ids.tolist()]) if len(ids) else None
        except (KeyError, IndexError, ValueError, TypeError, AttributeError) as error:
            raise ValueError(f"MidiTok's {self.tokenizer} cannot read these tokens: {error}") from None
        notes = _line([note for track in score.tracks for note in track.notes]) if score else ()
        length = max((note.end for note in notes), default=0)
        metres = {0: Metre(0, *self.metre_of(tokens))}
        if score and not self.metres.is_listed:
            later = ((s.time, s.numerator, s.denominator) for s in score.time_signatures if 0 < s.time < length)
            metres |= {metre[0]: Metre(*metre) for metre in later}
        per_quarter = score.ticks_per_quarter if score else 1
        timeline = Timeline(per_quarter, length, tuple(metres[tick] for tick in sorted(metres)), (), (Tempo(0, qpm),))
        return Melody(notes, timeline, title)

    def tracker(self) -> MidiTokTracker:
        """Start the rules of one melody."""
        return MidiTokTracker(self)

    def transpose(self, tokens: np.ndarray, semitones: int) -> np.ndarray:
        """Move a tune up by `semitones`. Raises ValueError if a pitch leaves those of the tokeniser."""
        pitch = self._values({*STARTS, "NoteOff"})
        moved = np.where(pitch[tokens] >= 0, np.asarray(tokens, np.int64) + semitones, tokens)  # ids go by pitch
        if (pitch[np.clip(moved, 0, self.end)] != pitch[tokens] + semitones)[pitch[tokens] >= 0].any():
            raise ValueError(f"{semitones} semitones take a pitch out of the tokeniser's range")
        return moved.astype(tokens.dtype)

    def pitches(self, tokens: np.ndarray) -> np.ndarray:
        """Return the pitches of the tune's notes in order, (notes,)."""
        return self.started[tokens][self.onsets(tokens)]

    def onsets(self, tokens: np.ndarray) -> np.ndarray:
        """Return the indices of the tokens that start a note, (notes,)."""
        return np.flatnonzero(self.started[tokens] >= 0)

    def metre_of(self, tokens: Sequence[int] | np.ndarray) -> tuple[int, int]:
        """Return the metre that a token sequence begins with, (4, 4) where it says none or "other"."""
        first, second = (int(token) - self._begin for token in [*tokens[:2], -1, -1][:2])
        uppers, is_listed = len(self.metres.first_rows), self.metres.is_listed
        is_named = 0 <= first < uppers and (is_listed or 0 <= second - uppers < len(LOWER_FIGURES))
        return self.metres.numbers[self.metres.index(first, second - uppers) if is_named else -1]

    def metre_tokens(self, index: int) -> tuple[int, ...]:
        """List the tokens of a metre by its index."""
        firsts = (self._begin, self._begin + len(self.metres.first_rows))
        return tuple(first + place for first, place in zip(firsts, self.metres.tokens(index), strict=False))

    def begin(self, metre: str) -> tuple[int, ...]:
        """Return the tokens that name `metre`. Raises ValueError if the tokeniser has none."""
        index = self.metres.named(metre)
        if not self.is_known[index]:
            known = [f"{a}/{b}" for (a, b), is_known in zip(self.metres.numbers[:-1], self.is_known) if is_known]
            raise ValueError(f"miditok's {self.tokenizer} as configured has no {metre}; it has {', '.join(known)}")
        return self.metre_tokens(index)

    @cached_property
    def _config(self) -> str:
        """The whole configuration as JSON."""
        listed = LISTED if self.metres.is_listed else {}
        return json.dumps({**DEFAULTS, **listed, **self.config}, sort_keys=True)

    @property
    def _midi(self) -> Any:
        """MidiTok's tokeniser."""
        return _tokenizer(self.tokenizer, self._config)

    @cached_property
    def _begin(self) -> int:
        """First id of the metres: the size of the tokeniser's own vocabulary."""
        return self.vocabulary[self.metres.first_rows[0][0]]

    def _values(self, kinds: set[str]) -> np.ndarray:
        """Return the number that each token of these kinds names, (V,) int16; -1 for other tokens."""
        names = [row.name.partition("_") for row in self.vocabulary.rows]
        return np.array([int(value) if kind in kinds else -1 for kind, _, value in names], np.int16)

    def _step(self, denominator: int) -> int:
        """Return the ticks of the finest step: a share of the metre's lower figure, or a quarter."""
        signed = denominator if self._midi.config.use_time_signatures else 4
        return max(1, self.ticks_per_quarter * 4 // signed // self._midi.config.max_num_pos_per_beat)

    def _losses(self, notes: np.ndarray, per_quarter: int, step: int, again: Melody) -> Counter[str]:
        """Count the notes that come back changed (see `protocol.Encoded`).

        notes: (notes, 3) of start, duration and pitch, in ticks from the barline.
        """
        low, high = self.pitch_range
        per_step = self.ticks_per_quarter // step
        stays = staying(notes[:, 0], rounded(notes[:, 0], per_step, per_quarter), per_step, per_quarter)
        kept = notes[stays & (notes[:, 2] >= low) & (notes[:, 2] <= high), :2] * again.timeline.ticks_per_quarter
        found = np.array([n[:2] for n in again.notes], np.int64).reshape(-1, 2) * per_quarter
        moved, resized = (kept[: len(found)] != found[: len(kept)]).sum(0).tolist()
        return Counter(moved=moved, resized=resized, lost=len(notes) - len(found))


class MidiTokTracker:
    """The rules that keep tokens readable: a metre first, then the tokeniser's tokens, `end` after a note."""

    part = 0

    def __init__(self, encoding: MidiTokEncoding):
        self._encoding = encoding
        self.begun = self.done = self._has_note = False
        self._first = -1  # of a metre's two tokens

    def legal(self) -> np.ndarray:
        """Tell which ids may come next, (vocabulary,) of bool."""
        if self.done:
            return np.zeros(len(self._encoding.is_own), bool)
        if not self.begun:
            return self._encoding.may_follow[self._first]
        mask = self._encoding.is_own.copy()
        mask[self._encoding.end] = self._has_note
        return mask

    def features(self) -> list[int]:
        """Return no features."""
        return []

    def advance(self, token: int) -> None:
        """Go on by one token."""
        if not self.begun:
            follow = self._encoding.may_follow
            self.begun = bool(follow[self._first][token]) and not (token in follow and follow[token].any())
            self._first = token if token in follow else self._first
        self.done = self.done or token == self._encoding.end
        self._has_note = self._has_note or self._encoding.started[token] >= 0

    def copy(self) -> Self:
        """Return rules that go on from here by themselves."""
        return copy(self)


def _line(notes: Sequence[Any]) -> tuple[Note, ...]:
    """Return MidiTok's notes as one line: the highest of each onset, cut where the next begins."""
    highest = {n.start: n for n in sorted(notes, key=lambda n: (n.start, n.pitch)) if n.duration > 0}
    ends = [*list(highest)[1:], max((n.end for n in notes), default=0)]
    return tuple(
        Note(n.start, min(n.end, end) - n.start, n.pitch, DEFAULT_VELOCITY)
        for n, end in zip(highest.values(), ends, strict=False)
    )


@lru_cache(maxsize=8)
def _tokenizer(name: str, written: str) -> Any:
    """Make the tokeniser of a class and a whole configuration in JSON.

    Raises ImportError and ValueError as `MidiTokEncoding` does.
    """
    try:
        import miditok
    except ImportError:
        raise ImportError('the encoding "miditok" needs MidiTok: pip install miditok') from None
    if name not in TOKENIZERS:
        raise ValueError(f"miditok: no such tokenizer here: {name!r}; there are {', '.join(TOKENIZERS)}")
    config = json.loads(written)
    config |= config.pop("additional_params", {})  # so MidiTok writes them to files
    named = inspect.signature(miditok.TokenizerConfig).parameters.values()
    known = {each.name for each in named if each.kind != each.VAR_KEYWORD} | TOKENIZERS[name]
    try:
        if unknown := sorted(config.keys() - known):  # MidiTok would take it without a word
            raise ValueError(f"there is no {', '.join(unknown)}; see TokenizerConfig in MidiTok's documentation")
        for key in {"beat_res", "beat_res_rest"} & config.keys():
            config[key] = {tuple(int(n) for n in beats.split("_")): res for beats, res in config[key].items()}
        if (given := config.get("time_signature_range")) is None:
            finest = max(config["beat_res"].values())
            given = {n: range(1, MOST_BEATS + 1) for n in LOWER_FIGURES if n * finest >= 4}
        config["time_signature_range"] = {int(n): list(r) for n, r in given.items()}
        config["pitch_range"] = tuple(config["pitch_range"])
        return getattr(miditok, name)(miditok.TokenizerConfig(**config))
    except (ValueError, TypeError, LookupError, AttributeError) as error:
        raise ValueError(f"miditok: {name} does not take this config: {' '.join(str(error).split())}") from None
