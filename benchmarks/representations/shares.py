"""What a model spends its bits on: each kind of token's share of the tokens and of the bits, on test tunes.

    python -m benchmarks.representations.shares grid --write docs/representations.md

A representation that repeats one token very often does not waste bits on it: a network soon learns to expect it. It
wastes steps: each of them costs as much time as a note, and puts the bar before so much further away.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from benchmarks.report import arguments, tell, write_between_marks
from benchmarks.representations.tables import table

from ritornello.encoding import Encoding
from ritornello.model.network import Network
from ritornello.model.players import Player

MARKS = ("<!-- shares -->", "<!-- /shares -->")


class Share(NamedTuple):
    """Tokens of one kind: their number, and the bits that they cost."""

    tokens: int
    bits: float


def shares(network: Network, encoding: Encoding, melodies: Sequence[np.ndarray]) -> dict[str, Share]:
    """Sum tokens and bits by kind, in order of the table; metres are one kind, so are durations."""
    kinds = [kind_of(encoding.vocabulary.name_of(token)) for token in range(encoding.vocabulary.size)]
    found = dict.fromkeys(kinds, Share(0, 0.0))
    for tokens in melodies:
        for token, bits in zip(tokens.tolist(), token_bits(network, encoding, tokens), strict=True):
            tokens_so_far, bits_so_far = found[kinds[token]]
            found[kinds[token]] = Share(tokens_so_far + 1, bits_so_far + float(bits))
    return {kind: share for kind, share in found.items() if share.tokens}


def token_bits(network: Network, encoding: Encoding, tokens: np.ndarray) -> np.ndarray:
    """Compute the bits that each token of a tune costs, (T,)."""
    player, bits = Player(network, encoding), np.zeros(len(tokens))
    for place, token in enumerate(tokens.tolist()):
        bits[place] = -np.log2(player.ask()[token])
        player.feed(token)
    return bits


def kind_of(name: str) -> str:
    """Return "metre" for "metre_3" and "over_4", "note_on" for "note_on 60", "quarters" for "quarters_1/2"."""
    return re.sub(r"^(begin|metre|over)_.*", "metre", re.sub(r"(?<=^quarters)_.*| .*", "", name))


def main() -> None:
    parser = arguments(__doc__.split("\n")[0])
    parser.add_argument("model", nargs="?", default="grid")
    parser.add_argument("--corpus", default="all")
    parser.add_argument("--write", type=Path, metavar="FILE", help="put the table between the marks of this page")
    options = parser.parse_args()
    from ritornello import api
    from ritornello.corpus.tokens import corpus_tokens

    model = api.load_model(options.model)
    encoding = model.file.encoding
    melodies = corpus_tokens(api.load_corpus(options.corpus), encoding, "test")
    found = shares(model.network, encoding, melodies)
    tokens, bits = (sum(column) for column in zip(*found.values(), strict=True))
    notes = sum(len(encoding.pitches(m)) for m in melodies)
    rows = [
        {
            "kind": kind,
            "tokens": f"{100 * share.tokens / tokens:.1f} %",
            "bits": f"{100 * share.bits / bits:.1f} %",
            "bits each": share.bits / share.tokens,
            "bits per note": share.bits / notes,
        }
        for kind, share in found.items()
    ]
    if options.write:
        wide = [
            {name: value if isinstance(value, str) else f"{value:.3f}" for name, value in r.items()} for r in rows
        ]
        write_between_marks(options.write, table(wide), MARKS)
    tell(rows, options.json, model=options.model, tunes=len(melodies), bits_per_note=round(bits / notes, 3))


if __name__ == "__main__":
    main()
