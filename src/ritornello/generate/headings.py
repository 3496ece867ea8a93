"""The metre, the key and the last note of each tune, drawn as the training corpus has them.

A network learns tunes in every key, so that by itself it composes in all of them alike. What is counted are the keys
and metres of the corpus before it was transposed (`corpus.keys` and `corpus.metres` in a model's metadata); they are
drawn where none is asked for. A tune has one ending, so that a network learns it from many tunes alone: for one that
learned from few, where in its bar the last note begins and how long it lasts is drawn as well, as `corpus.last_notes`
has it in that metre.

Melody i rolls three dice of its own for them, the first rolls of melody i + 2^30: metre, key and last note. A roll r
of 2^24 takes the first name up to which more than r n / 2^24 of all n melodies are counted, the commonest names
first, equals by name. At temperature 0 the commonest ones are taken.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction

import numpy as np

from ritornello.corpus.last_notes import LastNote, LastNotes
from ritornello.encoding import MelodyEncoding
from ritornello.generate.draw import Dice, drawn_name
from ritornello.generate.options import GenerateOptions
from ritornello.music.keys import parse_key
from ritornello.music.values import Key

STRIDE = 1 << 30  # melody i rolls the dice of melody i + 2^30
FEW = 100  # tunes; from as many a network learns by itself where they end


@dataclass(frozen=True)
class Counts:
    """How many melodies of a corpus stand in each metre, "3/4", and key, "D dorian"; empty for what is not known.

    last_notes, other_last_notes: by metre, of the corpus and of the tunes that come with the program (see
    `corpus.last_notes.Counted`).
    """

    metres: Mapping[str, int] = field(default_factory=dict)
    keys: Mapping[str, int] = field(default_factory=dict)
    last_notes: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    other_last_notes: Mapping[str, Mapping[str, int]] = field(default_factory=dict)


@dataclass(frozen=True)
class Heading:
    """What is drawn for one tune. metre: None for what the network likes. key_roll: -1 where no key is drawn.

    last_notes: None where the network ends the tune as it likes.
    """

    metre: str | None = None
    key_roll: int = -1
    keys: Mapping[str, int] = field(default_factory=dict)
    last_note_roll: int = 0
    last_notes: LastNotes | None = None

    def key(self, accept: Callable[[Key], bool] = lambda key: True) -> Key | None:
        """Draw the key among those that are accepted; None where there is none."""
        possible = {name: count for name, count in self.keys.items() if accept(parse_key(name))}
        return parse_key(drawn_name(possible, self.key_roll)) if possible and self.key_roll >= 0 else None

    def last_note(self, bar: Fraction, beat: Fraction) -> LastNote | None:
        """Draw the last note for a metre; None where it is free. bar, beat: quarters."""
        return self.last_notes.draw(bar, beat, self.last_note_roll) if self.last_notes else None


def draw_headings(
    encoding: MelodyEncoding, options: GenerateOptions, counts: Counts, seed: int, indices: Sequence[int]
) -> list[Heading]:
    """Draw metre and key of each tune; neither where it is asked for, or not counted.

    Its last note too, by the guards of composing, for a network that learned from few tunes.
    """
    metres = {} if options.metre else {name: n for name, n in counts.metres.items() if _is_named(encoding, name)}
    is_free = options.tonality is None and not options.is_steered
    keys = {name: n for name, n in counts.keys.items() if n > 0} if is_free else {}
    dice = Dice(seed, np.asarray(indices) + STRIDE)
    last_notes = LastNotes(counts.last_notes, counts.other_last_notes)
    ends = last_notes if 0 < last_notes.tunes < FEW and not options.unguarded else None
    rolls = np.stack([dice.roll(), dice.roll(), dice.roll()]).astype(np.int64)  # (3, tunes)
    if options.temperature == 0:
        rolls[:] = 0
    return [
        Heading(drawn_name(metres, metre) if metres else None, key if keys else -1, keys, last, ends)
        for metre, key, last in rolls.T.tolist()
    ]


def _is_named(encoding: MelodyEncoding, metre: str) -> bool:
    """Tell whether tunes of the encoding can begin in a metre."""
    try:
        return bool(encoding.begin(metre))
    except ValueError:
        return False
