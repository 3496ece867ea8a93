"""Estimate what a run will need before it begins: sizes, memory, time.

Memory is what the process has held when one update was tried, and what is known to be needed later: for validation,
and then either for counting the n-gram or for saving.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import Any, cast

from ritornello.corpus.tokens import TRANSPOSITIONS, pitch_range_of, shifts_within
from ritornello.encoding import is_melodic
from ritornello.model.alphabet import Alphabet
from ritornello.training.data import KEPT_BYTES
from ritornello.training.loop import check_sample
from ritornello.training.run.training import Training

SAVED = 6  # numbers for each weight while saving: itself and two moments of the optimiser, as arrays and in the file
NGRAM_ARRAYS = 16  # numbers of 8 bytes for each symbol: hashes of six contexts, twice while they are joined; sorting
MAX_NGRAM_NOTES = 200_000  # of training that an n-gram counts in a few seconds: 138,000 take two of a processor
SYMBOLS_PER_NOTE = 1.1  # the n-gram's, with rests, metres and ends


@dataclass(frozen=True)
class Sizes:
    """weights: numbers in the network. old_style_tokens: in the style of a base, read among the user's own.

    program_bytes: held so far, with the network, its optimiser and an update; 0 where the system does not say.
    check_bytes, ngram_bytes, save_bytes: needed for a moment. kept_bytes: rows of melodies that the streams keep.
    seconds: 0 where nothing was measured.
    """

    weights: int
    train_melodies: int
    train_tokens: int
    old_style_tokens: int
    held_out_melodies: int
    tokens_per_update: int
    updates_per_epoch: float
    epochs: float
    program_bytes: int
    check_bytes: int
    ngram_bytes: int
    save_bytes: int
    kept_bytes: int
    updates_per_second: float
    seconds: float

    @property
    def memory_bytes(self) -> int:
        """The most memory held at a time. The n-gram is counted at the first check, when few rows are kept."""
        return self.program_bytes + self.check_bytes + max(self.ngram_bytes, self.save_bytes + self.kept_bytes)


def sizes(training: Training, updates_per_second: float) -> Sizes:
    """Estimate the sizes of a run before it begins. updates_per_second: as measured."""
    plan, material = training.plan, training.material
    weights = sum(v.size for name, v in training.engine.tensors().items() if not name.startswith("start."))
    tokens = plan.tokens_per_update
    epoch = training.ranks.size * training.streams.tokens  # about, where several ranks share the melodies
    return Sizes(
        weights=weights,
        train_melodies=len(material.train),
        train_tokens=material.tokens,
        old_style_tokens=epoch - material.tokens if training.base else 0,
        held_out_melodies=len(material.validation),
        tokens_per_update=tokens,
        updates_per_epoch=epoch / tokens,
        epochs=plan.updates * tokens / epoch,
        program_bytes=_resident(),
        check_bytes=check_bytes(training),
        ngram_bytes=ngram_bytes(training),
        save_bytes=4 * SAVED * weights,
        kept_bytes=_kept_bytes(training, plan.updates * tokens / epoch),
        updates_per_second=updates_per_second,
        seconds=plan.updates / updates_per_second if updates_per_second else 0.0,
    )


def check_bytes(training: Training) -> int:
    """Count a block of validation steps.

    Embeddings, the gates of a layer, the outputs of all layers, three times the logits; of a transformer the hidden
    units of a block and its scores, twice.
    """
    network, encoding = training.metadata.network, training.encoding
    groups = sum(map(len, check_sample(training.material.validation))) // len(encoding.parts)
    numbers = network.embedding + (4 + network.layers) * network.width + 3 * encoding.vocabulary.size
    if network.kind == "transformer":
        numbers += 4 * network.heads * network.attention
    return 4 * numbers * min(groups, training.engine.steps_per_check_batch)


def ngram_bytes(training: Training) -> int:
    """Count the n-gram's memory for the training melodies in all keys; 0 without an n-gram."""
    if not is_melodic(training.encoding):
        return 8 * NGRAM_ARRAYS * min(training.material.tokens, MAX_NGRAM_NOTES) if training.has_validation else 0
    pitches = [cast(Any, training.encoding).pitches(m) for m in training.material.train]
    if not training.has_validation or sum(map(len, pitches)) > MAX_NGRAM_NOTES:
        return 0
    lowest, highest = pitch_range_of(pitches)
    notes = sum(len(p) * len(shifts_within(p, lowest, highest)) for p in pitches)
    return int(8 * NGRAM_ARRAYS * SYMBOLS_PER_NOTE * notes)


def _kept_bytes(training: Training, epochs: float) -> int:
    """Count the rows that the streams keep, 2 bytes a column, in every key that was read."""
    alphabet = Alphabet.of(training.encoding)
    rows = training.streams.tokens // len(alphabet.parts) + len(training.material.train)
    columns = len(alphabet.parts) + len(alphabet.features)
    return int(min(KEPT_BYTES, 2 * rows * columns * min(epochs, len(TRANSPOSITIONS))))


def _resident() -> int:
    """Read the most memory that this process has held; 0 where the system does not say."""
    try:
        import resource
    except ImportError:  # Windows
        return 0
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most if sys.platform == "darwin" else most * 1024
