"""The opening of every tune of a batch: nothing, or a primer under one of the headers that it may have.

Where the header names key and octave (`interval`), a primer of a few notes leaves them open: "C6 B5 A5" may open a
tune in A minor that stays up there, or one in C major that goes down two octaves. The model weighs them by Bayes'
rule: a header is drawn in proportion to the likelihood of header and primer together.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ritornello.encoding import MelodyEncoding
from ritornello.generate.constraints import names_key, steering_key
from ritornello.generate.options import GenerateOptions
from ritornello.model.network import Network
from ritornello.model.scoring import sequence_nats
from ritornello.music.keys import key_of, plain_key
from ritornello.music.values import MODES, Key, Melody


def openings_of(
    network: Network, encoding: MelodyEncoding, options: GenerateOptions, primer: Melody, allowed: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Encode a primer without its end, under each header that it may have, and weigh them.

    Returns tokens, (ways, length), of which one row is drawn for each tune, and their log likelihoods, (ways,).
    allowed: pitches that the tune may have, (128,) of bool: an octave that leaves the tune less room among them than
    another of the same key is left out.
    """
    if hasattr(encoding, "opening"):  # an encoding whose music goes on otherwise than from all but its end
        return encoding.opening(primer)[None].astype(np.int64), np.zeros(1)
    primers = [primer]
    if names_key(encoding) and primer.timeline.key is None:
        primers = [replace(primer, timeline=replace(primer.timeline, keys=(k,))) for k in _possible_keys(options)]
    versions = [encoding.headings(melody) for melody in primers]
    key = np.repeat(np.arange(len(versions)), [len(ways) for ways in versions])
    tokens = np.stack([without_end(encoding, tokens) for ways in versions for tokens in ways])
    if len(tokens) == 1:
        return tokens, np.zeros(1)
    passes = np.array([_has_roomy_header(encoding, way, allowed) for way in tokens.tolist()])  # (ways,)
    tokens = tokens[passes | ~np.isin(key, key[passes])]  # a key of which no octave passes keeps all
    return tokens, -sequence_nats(network, encoding, list(tokens))


def without_end(encoding: MelodyEncoding, tokens: np.ndarray) -> np.ndarray:
    """Take the end off the tokens of a melody, (length,), as int64: what a tune may go on from."""
    return tokens.astype(np.int64)[: None if encoding.end is None else -1]


def _possible_keys(options: GenerateOptions) -> list[Key]:
    """List the keys of a primer without one: all of each mode, or those that the options leave.

    Of the mode asked for, as the tune can be transposed; the key asked for alone where it cannot be.
    """
    asked = options.tonality[0] if options.tonality else steering_key(options)
    if asked is not None and (options.is_steered or options.is_ranged):
        return list(dict.fromkeys([asked, plain_key(asked)]))
    return [key_of(tonic, mode) for mode in MODES for tonic in range(12) if asked is None or mode == asked.mode]


def _has_roomy_header(encoding: MelodyEncoding, tokens: list[int], allowed: np.ndarray) -> bool:
    """Tell whether `Place.heading` lets the header of a melody pass."""
    place = encoding.tracker()
    for token in tokens:
        if place.notes:
            break
        heading = place.heading(allowed, None)
        if heading is not None and not heading[token - sum(encoding.parts[: place.part])]:
            return False
        place.advance(token)
    return True
