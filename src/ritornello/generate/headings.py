"""The metre and the key of each tune, drawn as the training corpus has them where none is asked for.

A network learns tunes in every key, so that by itself it composes in all of them alike. What is counted are the keys
and metres of the corpus before it was transposed (`corpus.keys` and `corpus.metres` in a model's metadata).

Melody i rolls two dice of its own for them, the first two rolls of melody i + 2^30: metre and key. A roll r of 2^24
takes the first name up to which more than r n / 2^24 of all n melodies are counted, the commonest names first, equals
by name. At temperature 0 the commonest ones are taken.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from ritornello.encoding import MelodyEncoding
from ritornello.generate.draw import Dice, drawn_name
from ritornello.generate.options import GenerateOptions
from ritornello.music.keys import parse_key
from ritornello.music.values import Key

STRIDE = 1 << 30  # melody i rolls the dice of melody i + 2^30


@dataclass(frozen=True)
class Counts:
    """How many melodies of a corpus stand in each metre, "3/4", and key, "D dorian"; empty for what is not known."""

    metres: Mapping[str, int] = field(default_factory=dict)
    keys: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Heading:
    """What is drawn for one tune. metre: None for what the network likes. key_roll: -1 where no key is drawn."""

    metre: str | None = None
    key_roll: int = -1
    keys: Mapping[str, int] = field(default_factory=dict)

    def key(self, accept: Callable[[Key], bool] = lambda key: True) -> Key | None:
        """Draw the key among those that are accepted; None where there is none."""
        possible = {name: count for name, count in self.keys.items() if accept(parse_key(name))}
        return parse_key(drawn_name(possible, self.key_roll)) if possible and self.key_roll >= 0 else None


def draw_headings(
    encoding: MelodyEncoding, options: GenerateOptions, counts: Counts, seed: int, indices: Sequence[int]
) -> list[Heading]:
    """Draw metre and key of each tune; neither where it is asked for, or not counted."""
    metres = {} if options.metre else {name: n for name, n in counts.metres.items() if _is_named(encoding, name)}
    is_free = options.tonality is None and not options.is_steered
    keys = {name: n for name, n in counts.keys.items() if n > 0} if is_free else {}
    dice = Dice(seed, np.asarray(indices) + STRIDE)
    rolls = np.stack([dice.roll(), dice.roll()]).astype(np.int64)  # (2, tunes)
    if options.temperature == 0:
        rolls[:] = 0
    return [
        Heading(drawn_name(metres, metre) if metres else None, key if keys else -1, keys)
        for metre, key in rolls.T.tolist()
    ]


def _is_named(encoding: MelodyEncoding, metre: str) -> bool:
    """Tell whether tunes of the encoding can begin in a metre."""
    try:
        return bool(encoding.begin(metre))
    except ValueError:
        return False
