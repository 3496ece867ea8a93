"""What a run will cost before it begins: sizes, memory, time.

Memory is what the process has held when one update was tried, and what is known to come besides: looking at the
held-out tunes, and, one after the other, counting the n-gram or saving.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass

from ritornello.encoding.transposition import TRANSPOSITIONS, pitch_range_of, shifts_within
from ritornello.model.alphabet import Alphabet
from ritornello.reports.runs.watch import MOST_NOTES
from ritornello.training.data import KEPT_BYTES
from ritornello.training.loop import check_sample
from ritornello.training.run.training import Training

SAVED = 6  # numbers for each weight while saving: itself and two moments of the optimiser, as arrays and in the file
NGRAM_ARRAYS = 16  # numbers of 8 bytes for each symbol: hashes of six contexts, twice while they are joined; sorting
SYMBOLS_PER_NOTE = 1.1  # the n-gram's, with rests, metres and ends


@dataclass(frozen=True)
class Sizes:
    """weights: numbers in the network. old_style_tokens: of a base's style, read beside the own ones.

    program_bytes: held so far, with the network, its optimiser and an update; 0 where the system does not say.
    check_bytes, ngram_bytes, save_bytes: for a while besides. kept_bytes: tunes laid out for the streams.
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
        """Held at most. The n-gram is counted at the first check, when little is kept, and makes room."""
        return self.program_bytes + self.check_bytes + max(self.ngram_bytes, self.save_bytes + self.kept_bytes)


def sizes(training: Training, updates_per_second: float) -> Sizes:
    """The sizes of a run that is ready to go, after an update was tried. updates_per_second: as measured."""
    plan, material = training.plan, training.material
    weights = sum(v.size for name, v in training.tensors().items() if not name.startswith("start."))
    tokens, epoch = plan.tokens_per_update, training.epoch_tokens
    return Sizes(
        weights=weights,
        train_melodies=len(material.melodies),
        train_tokens=material.tokens,
        old_style_tokens=epoch - material.tokens if training.base else 0,
        held_out_melodies=len(material.held_out),
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
    """A block of held-out groups: embeddings, the gates of a layer, the outputs of all, the logits three times."""
    network, encoding = training.network, training.encoding
    if training.plan.engine == "torch":
        from ritornello.training.update import STEPS_PER_CHECK_BATCH as MOST_PLACES
    else:
        from ritornello.training.numpy.engine import STEPS_PER_CHECK_BATCH as MOST_PLACES
    groups = sum(map(len, check_sample(training.material.held_out))) // len(encoding.parts)
    numbers = network.embedding + (4 + network.layers) * network.width + 3 * encoding.vocabulary.size
    return 4 * numbers * min(groups, MOST_PLACES)


def ngram_bytes(training: Training) -> int:
    """What counting the training tunes in all their keys takes; 0 where they are not counted."""
    pitches = [training.encoding.pitches(m) for m in training.material.melodies]
    if not training.has_held_out or sum(map(len, pitches)) > MOST_NOTES:
        return 0
    lowest, highest = pitch_range_of(pitches)
    notes = sum(len(p) * len(shifts_within(p, lowest, highest)) for p in pitches)
    return int(8 * NGRAM_ARRAYS * SYMBOLS_PER_NOTE * notes)


def _kept_bytes(training: Training, epochs: float) -> int:
    """Tunes that were laid out are kept, 2 bytes a column, in each key in which they came by."""
    alphabet = Alphabet.of(training.encoding)
    rows = training.epoch_tokens // training.plan.ranks // len(alphabet.parts) + len(training.material.melodies)
    columns = len(alphabet.parts) + len(alphabet.beside)
    return int(min(KEPT_BYTES, 2 * rows * columns * min(epochs, len(TRANSPOSITIONS))))


def _resident() -> int:
    """Most memory that this process has held so far."""
    try:
        import resource
    except ImportError:  # Windows
        return 0
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most if sys.platform == "darwin" else most * 1024
