"""miditok: any of MidiTok's tokenisers of one vocabulary, framed as the other encodings are.

    begin_3/4 | Bar_None | TimeSig_3/4 | Position_24 | Pitch_67 | Duration_1.0.24 | Bar_None | ... | end

The ids are the tokeniser's own; after them come begin_<metre> and `end`. MidiTok (Fradet et al. 2021, "MidiTok: A
Python package for MIDI file tokenization") is an optional extra. One melody, no programs: tokenisers of several
vocabularies at once (CPWord, Octuple, MuMIDI) or of several tracks (MMM, BEAT) are refused. Tunes can be composed
where the tokens say where in its bar a tune stands (`TokenTable.tells_time`): REMI says it, and with TSD, Structured
and MIDILike it follows from adding up the time that passes. With rests, several resolutions of a beat and the like
models can be trained and scored only.

Resolution: onsets and lengths go to the tokeniser's finest step of a beat, by default a 24th of what the metre's
lower figure counts, lengths to at most 12 of them. Of the embedded corpus's 168,549 notes REMI and TSD so lose 1 and
move 18, and 92 are resized (between steps, or longer than 12 beats); MIDILike, which adds longer ones up, resizes 30.
Structured, which has a 24th of a quarter in every metre, moves 819 and resizes 47.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from typing import Any

import numpy as np

from ritornello.encoding.metres import BEGIN_ROWS, METRES, begin_id, metre_numbers
from ritornello.encoding.miditok.shifts import tracker_of
from ritornello.encoding.miditok.side import OFFERED, present_before
from ritornello.encoding.miditok.table import TokenTable
from ritornello.encoding.miditok.tokenizer import CHOICE, tokenizer_of
from ritornello.encoding.miditok.tracker import MidiTokTracker
from ritornello.encoding.protocol import Echo, Encoded, SideInput
from ritornello.encoding.rounding import from_barline, stepped
from ritornello.encoding.side_inputs import checked, side_columns, side_list
from ritornello.encoding.vocabulary import Vocabulary
from ritornello.music.values import DEFAULT_VELOCITY, Melody, Metre, Note, Tempo, Timeline

DEFAULTS: dict[str, Any] = {
    "pitch_range": [0, 127],
    "beat_res": {"0_12": 24},
    "use_velocities": False,
    "use_pitchdrum_tokens": False,
    "use_time_signatures": True,
    "time_signature_range": {"2": [2, 3, 4], "4": [2, 3, 4, 5, 6, 9], "8": [3, 6, 9, 12]},
    "special_tokens": ["PAD"],
    "programs": [0],  # none is told, but MIDILike, when it decodes, lays out 128 lists for each
}
END_ROW = ("end", 1, "the tune is over")
ONE_LINE = {"Pitch", "NoteOn", "NoteOff", "Velocity", "Duration", "Bar", "Position", "TimeSig", "TimeShift", "Rest"}
SPECIAL = {"PAD", "BOS", "EOS", "MASK"}


@dataclass(frozen=True)
class MidiTokEncoding:
    """One of MidiTok's tokenisers. tokenizer: its class there. config: its TokenizerConfig as JSON, over DEFAULTS.

    Keys of `beat_res` are written "0_4" and those of `time_signature_range` "4", as MidiTok writes them to files.
    inputs: of `miditok_side.OFFERED`. Raises ImportError without MidiTok, ValueError for what it or this adapter
    refuses.
    """

    tokenizer: str = "REMI"
    config: Mapping[str, Any] = field(default_factory=dict)
    inputs: tuple[str, ...] = ()
    name = "miditok"
    is_keyed = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "inputs", checked(self.inputs))
        self._check_line()
        self._check_steps()
        self._check_inputs()

    def __hash__(self) -> int:
        return hash((self.tokenizer, self._written, self.inputs))

    @property
    def vocabulary(self) -> Vocabulary:
        """The tokeniser's ids by its own names, then begin_<metre> and end."""
        return self.table.vocabulary

    @property
    def table(self) -> TokenTable:
        """What each id means."""
        return _table(self.tokenizer, self._written)

    @property
    def end(self) -> int:
        """Id of the `end` token."""
        return self.vocabulary.size - 1

    @property
    def parts(self) -> tuple[int, ...]:
        """One part: every token is a group."""
        return (self.vocabulary.size,)

    @property
    def side(self) -> tuple[SideInput, ...]:
        """The side inputs asked for."""
        return side_list(self.inputs, 0, 0)

    @property
    def echoes(self) -> tuple[Echo, ...]:
        """Nothing to copy."""
        return ()

    @property
    def pitch_range(self) -> tuple[int, int]:
        """The lowest and the highest pitch that the tokeniser has."""
        return self.table.pitch_range

    @property
    def ticks_per_quarter(self) -> int:
        """Unit of the tracker's time: the tokeniser's own tick."""
        return self.table.ticks_per_quarter

    def options(self) -> dict[str, Any]:
        """What `make_encoding` needs to build this encoding again."""
        told = {"name": self.name, "tokenizer": self.tokenizer, "config": dict(self.config)}
        return told | ({"inputs": list(self.inputs)} if self.inputs else {})

    def encode(self, melody: Melody) -> Encoded:
        """Melody to tokens: begin_<metre>, the tokeniser's, end. Bars are those of the first metre.

        Raises ValueError where the tokeniser cannot write it.
        """
        import symusic

        table, metre = self.table, self._metre_index(melody.timeline.metre)
        numerator, denominator = metre_numbers(metre)
        score: Any = symusic.Score(table.ticks_per_quarter)
        score.time_signatures.append(symusic.TimeSignature(0, numerator, denominator))
        track: Any = symusic.Track()
        for start, end, pitch in self._spans(melody, denominator):
            track.notes.append(symusic.Note(start, end - start, pitch, DEFAULT_VELOCITY))
        score.tracks.append(track)
        ids = _write(self.tokenizer, self._written, score) if len(track.notes) else []
        tokens = np.array([table.begin + metre, *ids, table.end], np.int16)
        return Encoded(tokens, _losses(melody, self.decode(tokens)))

    def headings(self, melody: Melody) -> list[np.ndarray]:
        """What `encode` says, alone: no header names an octave (see `protocol.Encoding`)."""
        return [self.encode(melody).tokens]

    def decode(self, tokens: Sequence[int] | np.ndarray, title: str = "", qpm: float = 120.0) -> Melody:
        """Tokens to melody, as the tokeniser reads them; begin and end may be missing.

        Of notes that start together the highest stays, and a note ends where the next begins, the last one where the
        tokens do. Raises ValueError for an id outside the vocabulary, or tokens that the tokeniser cannot read.
        """
        tokens, table = np.asarray(tokens, np.int64), self.table
        self._check(tokens)
        ids = table.closed(tokens[(tokens < table.begin) & ~table.is_special[tokens]])
        notes, per_quarter = _read(self.tokenizer, self._written, ids.tolist()) if len(ids) else ([], 1)
        length = max((note.end for note in notes), default=0)
        metres = (Metre(0, *self.metre_of(tokens)),)
        return Melody(tuple(notes), Timeline(per_quarter, length, metres, (), (Tempo(0, qpm),)), title)

    def tracker(self, batch: int) -> MidiTokTracker:
        """Rules for `batch` tunes at once, and where they compose the place in the bar."""
        return tracker_of(self.table, batch, self.inputs)

    def transpose(self, tokens: np.ndarray, semitones: int) -> np.ndarray:
        """The same tune `semitones` higher. Raises ValueError if a pitch leaves those of the tokeniser."""
        return self.table.moved(tokens, semitones)

    def pitches(self, tokens: np.ndarray) -> np.ndarray:
        """Pitches of the tune's notes in order."""
        tokens = np.asarray(tokens, np.int64)
        return self.table.pitch[tokens[self.table.pitch[tokens] >= 0]]

    def onsets(self, tokens: np.ndarray) -> np.ndarray:
        """Indices of the tokens that start a note."""
        return np.flatnonzero(self.table.pitch[np.asarray(tokens, np.int64)] >= 0)

    def metre_of(self, tokens: np.ndarray) -> tuple[int, int]:
        """Metre that a token sequence begins with, (4, 4) where it says none or "other"."""
        return metre_numbers(self._index(tokens))

    def begin(self, metre: str) -> int:
        """Id of the token that begins a tune in `metre`. Raises ValueError for a metre that the tokeniser lacks."""
        token = begin_id(self.vocabulary, metre)
        if not self.table.begins[token]:
            known = [name for name, has in zip(METRES[:-1], self.table.has_metre, strict=False) if has]
            raise ValueError(f"miditok's {self.tokenizer} as configured has no {metre}; it has {', '.join(known)}")
        return token

    def side_inputs(self, tokens: np.ndarray) -> np.ndarray:
        """(tokens, len(side)) int16: what is known before each token (see `protocol.Encoding`)."""
        if not self.inputs:
            return np.zeros((len(tokens), 0), np.int16)
        return side_columns(self.inputs, present_before(self.table, tokens), self.ticks_per_quarter)

    @cached_property
    def _written(self) -> str:
        """The whole configuration as JSON: what tokenisers are kept under."""
        return json.dumps({**DEFAULTS, **self.config}, sort_keys=True)

    def _check_line(self) -> None:
        """Whether the tokeniser writes one line in one vocabulary."""
        kinds = {name.split("_")[0] for name in _names(self.tokenizer, self._written)}
        unfit = kinds - ONE_LINE - SPECIAL
        if unfit or not kinds & {"Pitch", "NoteOn"}:
            raise ValueError(
                f"miditok: {self.tokenizer} as configured writes {', '.join(sorted(unfit)) or 'no pitches'}, which "
                f"is of no use to one melody; leave that out of the config or {CHOICE}"
            )

    def _check_steps(self) -> None:
        """Whether every metre has whole steps, without which MidiTok cannot lay out a tune."""
        table = self.table
        figure = min((metre_numbers(int(n))[1] for n in np.flatnonzero(table.has_metre)), default=4)
        if table.signs_time and table.positions * figure < 4:
            raise ValueError(
                f"miditok: the config is too coarse for tunes in x/{figure}: have {-(-4 // figure)} or more steps "
                f"of a beat in beat_res, or leave {figure} out of time_signature_range"
            )

    def _check_inputs(self) -> None:
        """Whether the inputs are on offer, and follow from the tokens."""
        unfit = [name for name in self.inputs if name not in OFFERED]
        if unfit:
            raise ValueError(f"miditok has the inputs {', '.join(OFFERED)}: not {', '.join(unfit)}")
        if self.inputs and not self.table.tells_time:
            raise ValueError(
                f"miditok: {self.tokenizer} as configured does not say where in its bar a tune stands, which inputs "
                "need: leave them out, or have one resolution and no rests or bar ends in the config"
            )

    def _check(self, tokens: np.ndarray) -> None:
        bad = tokens[(tokens < 0) | (tokens >= self.vocabulary.size)]
        if len(bad):
            raise ValueError(f"token {bad[0]} is outside this vocabulary (0 to {self.vocabulary.size - 1})")

    def _index(self, tokens: Sequence[int] | np.ndarray) -> int:
        """Place in METRES that the tokens begin with, -1 for none."""
        return int(tokens[0]) - self.table.begin if len(tokens) else -1

    def _metre_index(self, metre: Metre) -> int:
        """Place in METRES; "other" where the tokeniser has no such metre."""
        index = METRES.index(metre.name) if metre.name in METRES else len(METRES) - 1
        return index if self.table.has_metre[index] else len(METRES) - 1

    def _spans(self, melody: Melody, denominator: int) -> list[tuple[int, int, int]]:
        """(start, end, pitch) of each note in the tokeniser's ticks, on its steps, from the first barline on."""
        notes, per_quarter = _from_barline(melody)
        step = self.table.step(denominator)
        starts, ends, pitches, _ = stepped(notes, self.table.ticks_per_quarter // step, per_quarter)
        return list(zip((starts * step).tolist(), (ends * step).tolist(), pitches.tolist(), strict=True))


def composes(encoding: Any) -> bool:
    """Whether tunes can be composed in an encoding: not in MidiTok's where tokens do not tell where a tune stands."""
    return not isinstance(encoding, MidiTokEncoding) or encoding.table.tells_time


def _from_barline(melody: Melody) -> tuple[np.ndarray, int]:
    """(notes, 3) of start, duration and pitch from the first barline on, and the ticks per quarter of these."""
    return from_barline(np.array([n[:3] for n in melody.notes], np.int64).reshape(-1, 3), melody.timeline)


def _losses(melody: Melody, again: Melody) -> Counter[str]:
    """What came back otherwise (see `protocol.Encoded`), by comparing notes in order of time."""
    told, per = _from_barline(melody)
    per_again = again.timeline.ticks_per_quarter
    notes = [(start * per_again, length * per_again, pitch) for start, length, pitch in told.tolist()]
    losses: Counter[str] = Counter(moved=0, resized=0, lost=len(notes) - len(again.notes))
    place, spare = 0, losses["lost"]
    for note in again.notes:
        start = note.start * per
        while spare > 0 and (notes[place][2] != note.pitch or _nearer(notes, place, start)):
            place, spare = place + 1, spare - 1
        losses["moved"] += notes[place][0] != start
        losses["resized"] += notes[place][1] != note.duration * per
        place += 1
    return losses


def _nearer(notes: list[tuple[int, int, int]], place: int, start: int) -> bool:
    """Whether the next note of the same pitch lies nearer to `start` than the one at `place`."""
    following = notes[place + 1]
    return following[2] == notes[place][2] and abs(following[0] - start) < abs(notes[place][0] - start)


def _write(name: str, written: str, score: Any) -> list[int]:
    """The tokeniser's ids for a score of one track; none where it leaves out every note."""
    try:
        told = tokenizer_of(name, written).encode(score)
    except (KeyError, IndexError, ValueError) as error:
        raise ValueError(f"MidiTok's {name} cannot write this tune: {error}") from None
    return list(told[0].ids) if told else []


def _read(name: str, written: str, ids: list[int]) -> tuple[list[Note], int]:
    """A single line from what the tokeniser reads, and its ticks per quarter."""
    try:
        score = tokenizer_of(name, written).decode([ids])
    except (KeyError, IndexError, ValueError, TypeError, AttributeError) as error:
        raise ValueError(f"MidiTok's {name} cannot read these tokens: {error}") from None
    sounding = {n.start: n for track in score.tracks for n in sorted(track.notes, key=lambda n: (n.start, n.pitch))}
    line = sorted(sounding.values(), key=lambda n: n.start)
    ends = [following.start for following in line[1:]] + [line[-1].end if line else 0]
    notes = [Note(n.start, min(n.end, end) - n.start, n.pitch, DEFAULT_VELOCITY) for n, end in zip(line, ends)]
    return notes, int(score.ticks_per_quarter)


@lru_cache(maxsize=8)
def _names(name: str, written: str) -> tuple[str, ...]:
    """The tokeniser's tokens in order of their ids. Raises ValueError for several vocabularies."""
    tokenizer = tokenizer_of(name, written)
    if tokenizer.is_multi_voc:
        raise ValueError(
            f"miditok: {name} writes in several vocabularies at once, which the networks here do not read; {CHOICE}"
        )
    return tuple(sorted(tokenizer.vocab, key=tokenizer.vocab.get))


@lru_cache(maxsize=8)
def _table(name: str, written: str) -> TokenTable:
    """What the ids of this tokeniser mean."""
    config = tokenizer_of(name, written).config
    rows = [(token, 1, f"MidiTok's {token}") for token in _names(name, written)]
    return TokenTable(
        Vocabulary.of(*rows, *BEGIN_ROWS, END_ROW),
        name,
        int(tokenizer_of(name, written).time_division),
        int(config.max_num_pos_per_beat),
        bool(config.use_time_signatures),
        _keeps_lengths(config),
    )


def _keeps_lengths(config: Any) -> bool:
    """Whether lengths have one resolution, and those of notes (of program 0) are written and none is cut short."""
    cut = "max_duration" in config.additional_params
    return len(set(config.beat_res.values())) == 1 and 0 in config.use_note_duration_programs and not cut
