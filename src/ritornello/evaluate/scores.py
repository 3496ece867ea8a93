"""Score a model on one split of a corpus, alone, against the baselines, or against other models."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ritornello.corpus.exact import reproduced_exactly
from ritornello.corpus.store import Corpus
from ritornello.corpus.tokens import check_kept, corpus_harmonies, corpus_tokens
from ritornello.encoding import Encoding, MelodyEncoding, is_melodic, kept_by
from ritornello.encoding.features import COUNTDOWN, Harmony
from ritornello.encoding.options import encoding_in_words
from ritornello.evaluate import baselines
from ritornello.evaluate.intervals import bootstrap
from ritornello.evaluate.likelihood import Likelihood, measure, melody_nats
from ritornello.model.file import ModelFile
from ritornello.wording import call, option


@dataclass(frozen=True)
class TuneScore:
    """What a melody of a corpus cost.

    source, title, family: of its piece. tokens: (length,), as they were scored. harmony: its chords, which were not
    known then, None where it has none or the model knows none.
    """

    source: str
    title: str
    family: str
    score: Likelihood
    tokens: np.ndarray = field(repr=False, compare=False)
    harmony: Harmony | None = field(default=None, repr=False, compare=False)

    def to_dict(self) -> dict[str, Any]:
        """List source, title, family, sums and rates by name."""
        return {"source": self.source, "title": self.title, "family": self.family, **self.score.to_dict()}


def score_model(
    model: ModelFile, corpus: Corpus, split: str | None = "test", only: Sequence[int] | None = None
) -> tuple[Likelihood, dict[str, int]]:
    """Score a split's melodies (all where None), each from its beginning.

    Returns their likelihood, and how many notes the encoding could not keep (see `corpus_tokens`).
    only: score these alone, by their places among the split's melodies that have notes.
    Raises ValueError where there are none, CorpusError where model and corpus do not match.
    """
    scores, losses = score_tunes(model, corpus, split, only)
    return total(scores), losses


def score_tunes(
    model: ModelFile, corpus: Corpus, split: str | None = "test", only: Sequence[int] | None = None
) -> tuple[list[TuneScore], dict[str, int]]:
    """Score each melody of a split by itself.

    Arguments, losses and errors are those of `score_model`.
    """
    losses: Counter[str] = Counter()
    melodies = corpus_tokens(corpus, model.encoding, split, only, losses)
    if not melodies:
        raise _nothing_to_score(corpus, split)
    pieces = [piece for piece, part in corpus.slices(split) if part.notes]
    scored = pieces if only is None else [pieces[n] for n in only]
    nats = melody_nats(model.build(), melodies, model.encoding)
    harmonies = corpus_harmonies(corpus, model.encoding, split, only) or [None] * len(melodies)
    found = [
        TuneScore(piece.source, piece.title, piece.family, measure([cost], [tokens], model.encoding), tokens, harmony)
        for piece, cost, tokens, harmony in zip(scored, nats, melodies, harmonies, strict=True)
    ]
    return found, dict(losses)


def with_countdown(model: ModelFile, scores: Sequence[TuneScore]) -> dict[str, float]:
    """Score the same melodies by a network that knows how many bars are left.

    Returns `bits_per_note_with_countdown`; nothing for a model that does not count down.
    """
    if COUNTDOWN not in [feature.name for feature in model.encoding.features]:
        return {}
    nats = melody_nats(model.build(), [tune.tokens for tune in scores], model.encoding, with_countdown=True)
    return {"bits_per_note_with_countdown": float(nats.sum()) / math.log(2) / total(scores).notes}


def with_chords(model: ModelFile, scores: Sequence[TuneScore]) -> dict[str, float]:
    """Score the melodies that have chords by a network that knows them.

    Returns `bits_per_note_with_chords`, `bits_per_note_without_chords` of the same melodies, and how many these are,
    `tunes_with_chords`; nothing where there is none, or for a model that knows no chords.
    """
    known = [tune for tune in scores if tune.harmony]
    if not known:
        return {}
    harmonies = [tune.harmony for tune in known]
    nats = melody_nats(model.build(), [tune.tokens for tune in known], model.encoding, harmonies=harmonies)
    whole = total(known)
    return {
        "bits_per_note_with_chords": float(nats.sum()) / math.log(2) / whole.notes,
        "bits_per_note_without_chords": whole.bits_per_note,
        "tunes_with_chords": len(known),
    }


def total(scores: Sequence[TuneScore]) -> Likelihood:
    """Sum the scores of melodies."""
    each = [tune.score for tune in scores]
    nats = float(np.sum([score.nats for score in each]))
    counts = (sum(getattr(score, name) for score in each) for name in ("tokens", "notes", "quarters"))
    return Likelihood(nats, *counts)


def _nothing_to_score(corpus: Corpus, split: str | None) -> ValueError:
    """Make the error for a split without a melody that has notes."""
    others = [name for name in corpus.splits if name != split]
    families = len({piece.family for piece in corpus.pieces})
    ways = [f"score {' or '.join([*others, 'all'])} ({option('split')})"] if split and others else []
    ways += (
        [f"have each tune scored by a model that never saw it ({option('folds', min(5, families))})"]
        if families > 1
        else []
    )
    return ValueError(
        f"the corpus has no melody with notes to score ({split or 'all'}); see {call('show')}"
        + "".join(f", or {way}" for way in ways)
    )


def figures(scores: Sequence[Sequence[TuneScore]], encodings: Sequence[Encoding]) -> list[dict[str, Any]]:
    """Convert the scores of models on the same melodies to plain values.

    pays_for: what the tokens of each say; bits that pay for different things cannot be compared.
    bits_per_note_interval: by bootstrap over families (see `intervals`), None for one family.
    bits_per_note_of_tunes: the mean over melodies, not over notes. per_tune: each melody. For all but the first also
    difference: its bits per note minus the first model's, and the interval of that.
    """
    notes = [tune.score.notes for tune in scores[0]]
    bits = [[tune.score.nats / math.log(2) for tune in of_model] for of_model in scores]
    found = bootstrap(bits, notes, [tune.family for tune in scores[0]])
    values: list[dict[str, Any]] = []
    for n, (of_model, encoding) in enumerate(zip(scores, encodings, strict=True)):
        value = {**total(of_model).to_dict(), "pays_for": pays_for(encoding)}
        value["bits_per_note_interval"] = found.rates[n] and list(found.rates[n] or ())
        value["bits_per_note_of_tunes"] = float(np.mean([tune.score.bits_per_note for tune in of_model]))
        value["per_tune"] = [tune.to_dict() for tune in of_model]
        if n:
            interval = found.differences[n - 1]
            difference = value["bits_per_note"] - values[0]["bits_per_note"]
            value["difference"] = {"bits_per_note": difference, "interval": interval and list(interval)}
        values.append(value)
    return values


def pays_for(encoding: Encoding) -> list[str]:
    """List what the tokens of a melody say, and so cost.

    That is "notes", and "metre", "key" and "end" where there are such tokens.
    """
    if encoding.end is None:
        return ["notes"]
    if not is_melodic(encoding):
        return ["notes", *getattr(encoding, "also_says", ()), "end"]
    is_keyed = getattr(encoding, "names_key", getattr(encoding, "is_keyed", False))
    return ["notes", "metre", *(["key"] if is_keyed else []), "end"]


def compare(
    models: Sequence[ModelFile], corpus: Corpus, split: str | None = "test"
) -> tuple[list[list[TuneScore]], list[int], int]:
    """Score models on the melodies that the encodings of all reproduce exactly.

    Each pays for whatever its tokens say. Returns for each model the scores of these melodies, the places of these,
    and how many melodies of the split have notes. Raises ValueError where there is no such melody.
    """
    places, count = find_common(corpus, [model.encoding for model in models], split)
    return [score_tunes(model, corpus, split, places)[0] for model in models], places, count


def find_common(corpus: Corpus, encodings: Sequence[Any], split: str | None = "test") -> tuple[list[int], int]:
    """Find the melodies with notes of a split that all encodings reproduce exactly.

    Returns their places, and how many there are with notes. Raises ValueError where there is none to compare on, or
    to score.
    """
    for encoding in encodings:
        check_kept(corpus, encoding)  # refuses what it does not write
    count = sum(part.notes > 0 for _, part in corpus.slices(split))
    if not count:
        raise _nothing_to_score(corpus, split)
    different = [encoding for n, encoding in enumerate(encodings) if encoding not in encodings[:n]]
    if any(kept_by(encoding) != "melody" for encoding in different):
        if len(different) == 1:
            return list(range(count)), count
        names = "; ".join(encoding_in_words(encoding.to_dict()) for encoding in encodings)
        raise ValueError(f"these encodings ({names}) keep different things of the same music: nothing to compare")
    melodies = [melody for melody in corpus.melodies(split) if melody.notes]
    common = [n for n, m in enumerate(melodies) if all(reproduced_exactly(encoding, m) for encoding in different)]
    if not common:
        every = "both" if len(encodings) == 2 else f"all {len(encodings)}"
        names = "; ".join(encoding_in_words(encoding.to_dict()) for encoding in encodings)
        raise ValueError(
            f"none of the {len(melodies)} tunes ({split or 'all'}) is reproduced exactly by {every} encodings "
            f"({names}); they cannot be compared on this corpus"
        )
    return common, count


def score_baselines(
    corpus: Corpus, encoding: Any, split: str = "test", only: Sequence[int] | None = None
) -> dict[str, Likelihood]:
    """Score uniform, unigram and the two n-grams, learned from the training split.

    split, only: as `score_model` takes them.
    """
    train, validation, test = _three_splits(corpus, encoding, split, only)
    scores = {"uniform": baselines.uniform(test, encoding)}
    if train:
        scores["unigram"] = baselines.unigram(train, test, encoding)
        scores["ngram_tokens"], _ = baselines.ngram_on_tokens(train, validation, test, encoding)
    if train and is_melodic(encoding):
        scores["ngram_pairs"], _ = baselines.ngram_on_pairs(train, validation, test, encoding)
    return scores


def score_ngram(corpus: Corpus, encoding: MelodyEncoding, split: str = "test") -> Likelihood:
    """Score the n-gram over (pitch, duration) alone, the same baseline for every encoding."""
    return baselines.ngram_on_pairs(*_three_splits(corpus, encoding, split, None), encoding)[0]


def _three_splits(
    corpus: Corpus, encoding: Encoding, split: str, only: Sequence[int] | None
) -> tuple[list[np.ndarray], list[np.ndarray], list[np.ndarray]]:
    """Encode what the baselines learn, what their order is chosen on, and what is scored."""
    train, validation = (corpus_tokens(corpus, encoding, s) for s in ("train", "validation"))
    return train, validation, corpus_tokens(corpus, encoding, split, only)
