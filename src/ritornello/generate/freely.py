"""Compose music of any encoding: legal tokens until the network ends the piece, or its time is over.

Nothing here knows what a token means. Where the rules of an encoding count `seconds`, a piece goes on for as many as
are asked for: `end` waits, and what then still sounds is ended by `decode`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from ritornello.encoding import Encoding, Rules, kept_by
from ritornello.generate.compose import Composition, sample
from ritornello.generate.constraints import Form
from ritornello.generate.draw import Dice
from ritornello.generate.options import QPM, SECONDS, GenerateOptions
from ritornello.model.network import Network
from ritornello.model.players import Players

MOST_TOKENS = 100_000  # of a piece whose time is counted
MOST_UNTIMED = 4_096  # of a piece without time
OF_MELODIES = ("metre", "key", "scale", "scale_lock", "lowest", "highest")  # options that are about a single line


class FreeForm(Form):
    """The form of a piece: any legal token until `end`, or until its seconds are over. seconds: None for any."""

    def __init__(self, encoding: Encoding, rules: Rules, seconds: float | None, most_tokens: int):
        super().__init__([np.zeros(size) for size in encoding.parts], rules)
        self._end, self._seconds, self._most = encoding.end, seconds, most_tokens

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
    networks that learned them: the rules' `steer` sets them.
    Raises ValueError for options that such an encoding cannot keep to.
    """
    check_free(encoding, options)
    players = Players(network, encoding, len(indices), True, options.memory, options.quote)
    is_timed = hasattr(players.trackers[0], "seconds")
    if options.seconds is not None and not is_timed:
        raise ValueError(f"a model in the encoding {encoding.name!r} ends its pieces itself: leave --seconds out")
    seconds = (SECONDS if options.seconds is None else options.seconds) if is_timed else None
    for rules in players.trackers:
        if options.densities or options.scale:
            rules.steer(options.densities, seconds or SECONDS, options.tonality[1] if options.tonality else ())
    most = MOST_TOKENS if is_timed else MOST_UNTIMED
    forms = [FreeForm(encoding, rules, seconds, most) for rules in players.trackers]
    dice, nothing = Dice(seed, np.asarray(indices)), np.zeros((len(indices), 0), np.int64)
    drawn, _ = sample(players, forms, options, dice, nothing, on_progress)
    qpm = QPM if options.qpm is None else options.qpm
    made = [encoding.decode(tokens, qpm=qpm) for tokens in drawn]
    return [
        Composition(music, tokens, np.zeros(0), seed, index)
        for music, tokens, index in zip(made, drawn, indices, strict=True)
    ]


def check_free(encoding: Encoding, options: GenerateOptions) -> None:
    """Raise ValueError for an option that music without bars cannot keep to."""
    if options.bars is not None:
        length = "--seconds" if hasattr(encoding.tracker(), "seconds") else "nothing, it ends its tunes itself"
        raise ValueError(
            f"a model in the encoding {encoding.name!r} does not compose in bars: instead of --bars write {length}"
        )
    inputs = getattr(encoding, "inputs", ())
    for name, known in (("notes_per_second", "density"), ("scale", "pitches")):
        if getattr(options, name) is not None and hasattr(encoding, "is_steered") and known not in inputs:
            raise ValueError(
                f"--{name.replace('_', '-')}: this model was trained without the input {known}; leave it out"
            )
    asked = [name for name in OF_MELODIES if getattr(options, name) != getattr(GenerateOptions, name)]
    asked = [name for name in asked if name != "scale" or "pitches" not in inputs]
    asked += ["notes_per_second"] if options.densities and "density" not in inputs else []
    if asked:
        names = dict.fromkeys("range" if name in ("lowest", "highest") else name.replace("_", "-") for name in asked)
        words = " and ".join(f"--{name}" for name in names)
        raise ValueError(
            f"{words} is for models of melodies in bars; this one, in the encoding {encoding.name!r}, writes "
            f"{'text' if kept_by(encoding) == 'melody' else 'several notes at a time'}: leave it out"
        )
