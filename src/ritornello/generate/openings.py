"""What every tune of a batch begins with: nothing, or a primer under one of the headers that it may have.

Where the header names key and octave (`interval`), a primer of a few notes does not say them: "C6 B5 A5" may open a
tune in A minor that stays up there, or one in C major that goes down two octaves. What the primer leaves open the
model weighs, by Bayes' rule: a header is drawn in proportion to the likelihood of header and primer together.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from ritornello.encoding import Encoding, Tracker
from ritornello.generate.constraints import steering_key
from ritornello.generate.options import GenerateOptions
from ritornello.model.lstm import NumpyLstm
from ritornello.music.keys import key_of, parse_key
from ritornello.music.values import Key, Melody

MODES = ("major", "minor")


@dataclass(frozen=True)
class Openings:
    """Ways to begin. tokens: (ways, length), of which one is drawn for each tune. nats: log likelihoods, (ways,)."""

    tokens: np.ndarray
    nats: np.ndarray


def no_opening() -> Openings:
    """A tune begins with nothing."""
    return Openings(np.zeros((1, 0), np.int64), np.zeros(1))


def openings_of(
    network: NumpyLstm, encoding: Encoding, options: GenerateOptions, primer: Melody, allowed: np.ndarray
) -> Openings:
    """The primer's tokens without their end, under each header that it may have.

    allowed: pitches that the tune may have, (128,) of bool: an octave that leaves the tune less room among them than
    another of the same key is left out.
    """
    told = [encoding.headings(melody) for melody in _in_its_keys(encoding, options, primer)]
    key = np.repeat(np.arange(len(told)), [len(ways) for ways in told])
    tokens = np.stack([without_end(encoding, tokens) for ways in told for tokens in ways])
    if len(tokens) == 1:
        return Openings(tokens, np.zeros(1))
    passes = _roomy(encoding, tokens, allowed)
    tokens = tokens[passes | ~np.isin(key, key[passes])]  # a key of which no octave passes keeps all
    return Openings(tokens, log_likelihoods(network, encoding, tokens))


def without_end(encoding: Encoding, tokens: np.ndarray) -> np.ndarray:
    """What a tune may go on from, as int64: the tokens of a melody, (length,), but for the end."""
    return tokens.astype(np.int64)[: None if encoding.end is None else -1]


def log_likelihoods(network: NumpyLstm, encoding: Encoding, tokens: np.ndarray) -> np.ndarray:
    """Nats of each of several token sequences of one length, (ways,) of float64. tokens: (ways, length)."""
    ways = len(tokens)
    tracker, state = encoding.tracker(ways), network.start(ways)
    fed, nats = np.full(ways, network.vocabulary_size), np.zeros(ways)
    for column in tokens.T:
        logits, state = network.step(fed, state, beside(tracker))
        exact = logits.astype(np.float64) - logits.max(-1, keepdims=True)
        nats += exact[np.arange(ways), column] - np.log(np.exp(exact).sum(-1))
        tracker.advance(column)
        fed = column
    return nats


def beside(tracker: Tracker) -> np.ndarray | None:
    """What stands beside the tokens, where a group begins: only there does a network read it."""
    return tracker.side() if (tracker.part == 0).all() else None


def _in_its_keys(encoding: Encoding, options: GenerateOptions, primer: Melody) -> list[Melody]:
    """The primer in its key; in every key that it may be taken for where it names none and a header has to."""
    if not encoding.is_keyed or primer.timeline.key is not None:
        return [primer]
    return [replace(primer, timeline=replace(primer.timeline, keys=(key,))) for key in _possible_keys(options)]


def _possible_keys(options: GenerateOptions) -> list[Key]:
    """All 24; of the mode asked for, since the tune can be moved to the key; that key alone where it cannot be."""
    asked = parse_key(options.key) if options.key else steering_key(options)
    if asked is not None and (options.scale_lock or options.is_ranged):
        return [asked]
    return [key_of(tonic, mode) for mode in MODES for tonic in range(12) if asked is None or mode == asked.mode]


def _roomy(encoding: Encoding, tokens: np.ndarray, allowed: np.ndarray) -> np.ndarray:
    """(ways,) of bool: the sequences whose headers `Tracker.heading` lets pass."""
    tracker, passes = encoding.tracker(len(tokens)), np.ones(len(tokens), bool)
    for column in tokens.T:
        if tracker.notes.any():
            break
        passes &= tracker.heading(allowed, None)[np.arange(len(tokens)), column]
        tracker.advance(column)
    return passes
