"""Compose music of any encoding: legal tokens until the network ends the piece, or its time is over.

Nothing here knows what a token means. Where the rules of an encoding count `seconds`, a piece goes on for as many as
are asked for: `end` waits, and what then still sounds is ended by `decode`. Where they count bars (`after`), a piece
has as many as are asked for: the rules are told when it is to be over.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ritornello.encoding import Encoding, Rules, kept_by
from ritornello.generate.compose import Composition, sample
from ritornello.generate.constraints import Form
from ritornello.generate.draw import Dice
from ritornello.generate.options import BARS, QPM, SECONDS, GenerateOptions
from ritornello.model.network import Network
from ritornello.model.players import Players
from ritornello.wording import option, options_named

MOST_TOKENS = 100_000  # of a piece whose time is counted
MOST_UNTIMED = 4_096  # of a piece without time
OF_MELODIES = ("metre", "key", "scale", "scale_lock", "lowest", "highest")  # options that are about a single line


class FreeForm(Form):
    """The form of a piece: any legal token until `end`, or until its seconds or bars are over; None for any."""

    def __init__(
        self,
        encoding: Encoding,
        rules: Rules,
        most_tokens: int,
        seconds: float | None = None,
        bars: int | None = None,
    ):
        super().__init__([np.zeros(size) for size in encoding.parts], rules)
        self._end, self._most, self._seconds, self._bars = encoding.end, most_tokens, seconds, bars

    def observe(self) -> None:
        """Count the token that comes next, and tell the rules when the piece is to be over."""
        super().observe()
        if self._bars is not None:
            self._rules.until = self._rules.after(self._bars)

    def bias(self) -> np.ndarray:
        """Compute what to add to the logits of the due part, (ids,): -inf for what must not come."""
        possible = self._rules.legal()
        if self._seconds is not None and self._end is not None and self._rules.part == 0 and possible[self._end]:
            possible = possible.copy()
            possible[self._end] = False
            if not possible.any():
                possible[self._end] = True
        return np.where(possible, 0.0, -np.inf)

    def progress(self) -> float:
        """Estimate the share of the piece that is drawn, 0 to 1."""
        if self._bars is not None:
            return min(1.0, float(self._rules.time) / max(1, self._rules.until))
        if self._seconds is None:
            return min(1.0, self._length / self._most)
        return min(1.0, float(self._rules.seconds) / self._seconds)

    def is_over(self) -> bool:
        """Tell whether the piece is over, between two note groups."""
        rules = self._rules
        if rules.done:
            return True
        is_full = self._length >= self._most or (self._seconds is not None and rules.seconds >= self._seconds)
        return is_full and rules.part == 0


def compose_freely(
    network: Network,
    encoding: Encoding,
    options: GenerateOptions,
    seed: int,
    indices: Sequence[int],
    on_progress: Callable[[float], None] | None = None,
) -> list[Composition]:
    """Compose one piece per index; it depends on network, options, seed and index alone.

    on_progress: called now and then with the share that is drawn, 0 to 1. Notes a second and a scale are features of
    networks that learned them: the rules' `steer` sets them. A metre is begun with where tokens name one.
    Raises ValueError for options that such an encoding cannot keep to.
    """
    check_free(encoding, options)
    players = Players(network, encoding, len(indices), True, options.memory, options.quote)
    length = length_of_piece(encoding, options)
    for rules in players.trackers:
        if options.densities or options.scale:
            classes = options.tonality[1] if options.tonality else ()
            rules.steer(options.densities, length.get("seconds", SECONDS), classes)
    forms = [
        FreeForm(encoding, rules, MOST_TOKENS if length else MOST_UNTIMED, **length) for rules in players.trackers
    ]
    opening: Sequence[int] = encoding.begin(options.metre) if options.metre else ()  # type: ignore[attr-defined]
    dice, given = Dice(seed, np.asarray(indices)), np.tile(np.array(opening, np.int64), (len(indices), 1))
    drawn, _ = sample(players, forms, options, dice, given, on_progress)
    qpm = QPM if options.qpm is None else options.qpm
    made = [encoding.decode(tokens, qpm=qpm) for tokens in drawn]
    return [
        Composition(music, tokens, np.zeros(0), seed, index)
        for music, tokens, index in zip(made, drawn, indices, strict=True)
    ]


def length_of_piece(encoding: Encoding, options: GenerateOptions) -> dict[str, Any]:
    """Return how long a piece is to be, `seconds` or `bars`; nothing where the model ends it."""
    rules = encoding.tracker()
    if hasattr(rules, "after"):
        return {"bars": BARS if options.bars is None else options.bars}
    if hasattr(rules, "seconds"):
        return {"seconds": SECONDS if options.seconds is None else options.seconds}
    return {}


def check_free(encoding: Encoding, options: GenerateOptions) -> None:
    """Raise ValueError for an option that music of this encoding cannot keep to."""
    named, own = f"a model in the encoding {encoding.name!r}", length_of_piece(encoding, options)
    if options.bars is not None and "bars" not in own:
        length = option("seconds") if own else "nothing, it ends its tunes itself"
        raise ValueError(f"{named} does not compose in bars: instead of {option('bars')} write {length}")
    if options.seconds is not None and "seconds" not in own:
        raise ValueError(
            f"{named} composes in bars: instead of {option('seconds')} write {option('bars')}"
            if own
            else f"{named} ends its pieces itself: leave {option('seconds')} out"
        )
    inputs = getattr(encoding, "inputs", ())
    for name, known in (("notes_per_second", "density"), ("scale", "pitches")):
        if getattr(options, name) is not None and hasattr(encoding, "is_steered") and known not in inputs:
            raise ValueError(f"{option(name)}: this model was trained without the input {known}; leave it out")
    asked = [name for name in OF_MELODIES if getattr(options, name) != getattr(GenerateOptions, name)]
    possible = [*(["scale"] if "pitches" in inputs else []), *(["metre"] if "bars" in own else [])]
    asked = [name for name in asked if name not in possible]
    if options.densities and "density" not in inputs:
        raise ValueError(
            f"{option('notes_per_second')} is for models of performances, and this is {named}: leave it out"
        )
    if asked:
        names = dict.fromkeys("pitch_range" if name in ("lowest", "highest") else name for name in asked)
        words = options_named(names)
        raise ValueError(
            f"{words} is for models of melodies; this one, in the encoding {encoding.name!r}, writes "
            f"{'text' if kept_by(encoding) == 'melody' else 'several notes at a time'}: leave it out"
        )
