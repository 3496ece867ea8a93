"""Feed and ask: how anything plays a model, a batch of melodies or one, token by token.

Composing, scoring, samples and instruments are callers of one loop. Source of the interface: notochord's feed and
query (Intelligent Instruments Lab).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ritornello.encoding import Encoding
from ritornello.encoding.memory import Sizes, levels
from ritornello.model.memory import Recalled
from ritornello.model.network import Network, Rows, State, probabilities
from ritornello.model.recall import Recall
from ritornello.wording import option

MAX_BATCH = 512
SOURCE_WORDS = {"own": "the tune so far", "corpus": "its training tunes"}


Snapshot = tuple[State, int, np.ndarray | None, list[Any], Recall | None]
"""A place to return to: state of the network, part due, tokens not yet read, rules and memory of the melodies."""


class Players:
    """A batch of n melodies in the making, fed side by side; all have the same part of a group due.

    trackers: the rules of each melody, where the network has features or memory, or `with_rules` asks for them.
    memory, quote, ending: factors of the weights of a melody's own past, of the corpus and of its endings, 0 to 2; 1
    is as learned.
    part, first: the part that is due, and its lowest id. The network reads tokens when it must, not before: a melody
    that has ended may leave the batch (`keep`) without a step.
    Raises ValueError for a network of another encoding.
    """

    def __init__(
        self,
        network: Network,
        encoding: Encoding,
        n: int,
        with_rules: bool = False,
        memory: float = 1.0,
        quote: float = 1.0,
        ending: float = 1.0,
    ):
        network.alphabet.check(encoding)
        self.network, self._encoding = network, encoding
        sources = network.alphabet.memory
        self._has_features = bool(network.alphabet.features)
        is_tracked = with_rules or self._has_features or bool(sources)
        self.trackers: list[Any] = [encoding.tracker() for _ in range(n)] if is_tracked else []
        self._state = network.start(n)
        self._waiting: np.ndarray | None = np.full(n, network.alphabet.nothing)
        self.part = 0
        self._recall = Recall(Sizes.of(encoding), sources, network.corpus, n) if sources else None
        self._recalled: Recalled | None = None
        self._dials: list[np.ndarray | None] = [None, None]
        factor = {"own": memory, "corpus": quote, "ending": ending}
        for name, source in (("memory", "own"), ("quote", "corpus")):
            if factor[source] != 1 and source not in sources:
                raise ValueError(
                    f"this model was trained without memory of {SOURCE_WORDS[source]}; leave {option(name)} out"
                )
        if any(factor[source] != 1 for source in sources):
            self._dials = [np.array([factor[level.source] for level in levels(sources, part)]) for part in (0, 1)]

    @property
    def first(self) -> int:
        """The lowest id of the part that is due."""
        return self.network.alphabet.firsts[self.part]

    @property
    def logits(self) -> np.ndarray:
        """Logits of the part that is due, (n, parts[part]), unnormalised."""
        self._read()
        recalled = self.recalled
        if recalled is None:
            return self.network.logits(self._state)
        return self.network.logits(self._state, recalled, self._dials[self.part])

    @property
    def recalled(self) -> Recalled | None:
        """What memory recalls for the part that is due; None without memory."""
        if self._recall is None:
            return None
        if self._recalled is None:
            if self.part == 0:
                self._recall.begin([tracker.context() for tracker in self.trackers])
            self._recalled = self._recall.recall()
        return self._recalled

    def suggested(self, least_order: int = 1) -> np.ndarray | None:
        """Mask the ids of the due part that each melody's own past suggests.

        Returns (n, parts[part]) of bool: those that followed a context of this order or a higher one, in any view;
        None for a network without memory of the melody.
        """
        recalled, alphabet = self.recalled, self.network.alphabet
        if recalled is None or "own" not in alphabet.memory:
            return None
        known = [level.source == "own" and level.order >= least_order for level in levels(alphabet.memory, self.part)]
        entries = np.array(known)[recalled.level]
        mask = np.zeros((len(self.trackers), alphabet.parts[self.part]), bool)
        mask[recalled.row[entries], recalled.token[entries]] = True
        return mask

    @property
    def groups(self) -> int:
        """How many complete note groups memory has of each melody, the header among them; 0 without memory."""
        return 0 if self._recall is None else self._recall.groups

    def weigh(self, weights: np.ndarray) -> None:
        """Set how much each note group so far counts in the memory of its melody.

        weights: (n, groups) or (groups,), 0 or more; 0 as if it had never come. Later groups count 1, until
        they are weighed. May be called at any time, as often as wanted; without memory nothing happens.
        Raises ValueError for another shape or a negative weight.
        """
        if self._recall is not None:
            self._recall.weigh(weights)
            self._recalled = None

    def forget(self, kept: int = 0) -> None:
        """Forget all note groups but the last `kept` ones.

        `groups` is no more than that then, and time and room are given back. What came last is still known: the
        corpus is asked with it.
        """
        if self._recall is not None:
            self._recall.forget(kept)
            self._recalled = None

    def set_factors(self, factors: Sequence[np.ndarray | None]) -> None:
        """Set by what the weights of each part's levels are multiplied, (levels,); None for 1."""
        self._dials = list(factors)

    def begin_anew(self) -> None:
        """Begin another melody in each place; what memory has of the one before stays."""
        read = self._waiting if self._waiting is not None else self._state.seen
        assert read is not None
        n = len(read)
        self._state, self.part, self._recalled = self.network.start(n), 0, None
        self._waiting = np.full(n, self.network.alphabet.nothing)
        self.trackers = [self._encoding.tracker() for _ in self.trackers]

    def feed(self, tokens: np.ndarray) -> None:
        """Go on by one token of the due part in each melody, (n,) of int, ids of the vocabulary."""
        self._read()
        if self._recall is not None:
            self._remember(self._recall, tokens)
        if self.trackers:
            for tracker, token in zip(self.trackers, tokens.tolist(), strict=True):
                tracker.advance(token)
        self._waiting = tokens
        self.part = (self.part + 1) % len(self.network.alphabet.parts)

    def keep(self, rows: Rows) -> None:
        """Go on with these melodies alone (indices, a mask or a slice)."""
        self._state = self._state.keep(rows)
        if self._waiting is not None:
            self._waiting = self._waiting[rows]
        if self.trackers:
            self.trackers = [self.trackers[n] for n in np.arange(len(self.trackers))[rows]]
        if self._recall is not None:
            self._recall.keep(rows)
            self._recalled = None

    def fork(self, n: int) -> None:
        """Go on in n ways from where one melody stands."""
        self.keep(np.zeros(n, np.int64))
        self.trackers = [tracker.copy() for tracker in self.trackers]

    def snapshot(self) -> Snapshot:
        """Return the present place, to be restored as often as wanted; only memory is copied."""
        recall = None if self._recall is None else self._recall.copy()
        return self._state, self.part, self._waiting, [tracker.copy() for tracker in self.trackers], recall

    def restore(self, place: Snapshot) -> None:
        """Go back to a snapshot of these players."""
        self._state, self.part, self._waiting, trackers, recall = place
        self.trackers = [tracker.copy() for tracker in trackers]
        self._recalled = None
        if recall is not None:
            self._recall = recall.copy()

    def _remember(self, recall: Recall, tokens: np.ndarray) -> None:
        """Take a token of each melody into memory, before its rules do."""
        if self.part == 0:
            if self._recalled is None:
                recall.begin([tracker.context() for tracker in self.trackers])
            recall.take(tokens)
        else:
            recall.add(tokens - self.first)
        self._recalled = None

    def _read(self) -> None:
        """Feed the tokens that wait to the network, with the features of the group after them."""
        if self._waiting is None:
            return
        features = None
        if self._has_features and self.part == 0:
            features = np.array([tracker.features() for tracker in self.trackers])  # (n, F)
        self._state = self.network.feed(self._waiting, self._state, features)
        self._waiting = None


class Player:
    """A network playing one melody. `feed` a token, `ask` for what may come next, `reset` to begin again.

    Where a note has two tokens (pitch, then duration) they are fed and asked one by one; after `end`, `reset`.
    encoding: the one that the network learned; its rules give the network its features and memory, if it has any.
    Raises ValueError for a network of another encoding.
    """

    def __init__(self, network: Network, encoding: Encoding):
        self._network, self._encoding = network, encoding
        self.reset()

    def __repr__(self) -> str:
        return f"Player({self._encoding})"

    def reset(self) -> None:
        """Reset to the beginning: the next token is the first of a melody."""
        self._players = Players(self._network, self._encoding, 1)

    def feed(self, token: int) -> None:
        """Go on by one token.

        Raises ValueError for an id outside the vocabulary, or of the part that is not next.
        """
        alphabet, part = self._network.alphabet, self._players.part
        if alphabet.part_of(token) != part:
            low, high = alphabet.firsts[part : part + 2]
            raise ValueError(f"token {token} is not of the part of a note that is next ({low} to {high - 1})")
        self._players.feed(np.array([token]))

    def count_down(self, until: int) -> None:
        """Set the tick at which the melody is to be over, for a network that counts down.

        -1 for unknown. It is counted from the barline of the first bar in the encoding's ticks, and may be set at any
        time.
        """
        for tracker in self._players.trackers:
            tracker.until = until

    @property
    def groups(self) -> int:
        """How many complete note groups memory has, those of the header among them; 0 without memory."""
        return self._players.groups

    def weigh(self, weights: np.ndarray) -> None:
        """Set how much each note group so far counts in memory, (groups,) (see `Players.weigh`)."""
        self._players.weigh(weights)

    def forget(self, kept: int = 0) -> None:
        """Forget all note groups but the last `kept` ones (see `Players.forget`)."""
        self._players.forget(kept)

    def ask(self) -> np.ndarray:
        """Compute the probabilities of the next token, (vocabulary,) of float64.

        0 for parts that are not next.
        """
        asked = np.zeros(self._network.alphabet.size)
        logits, first = self._players.logits[0], self._players.first
        asked[first : first + len(logits)] = probabilities(logits)
        return asked
