"""Score a model on one split of a corpus, alone, against the baselines, or against another model."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np

from ritornello.corpus.exact import reproduced_exactly
from ritornello.corpus.store import Corpus
from ritornello.corpus.tokens import corpus_tokens
from ritornello.encoding import MelodyEncoding
from ritornello.encoding.options import encoding_in_words
from ritornello.evaluate import baselines
from ritornello.evaluate.likelihood import Likelihood, measure, melody_nats
from ritornello.model.file import ModelFile


def score_model(
    model: ModelFile, corpus: Corpus, split: str | None = "test", only: Sequence[int] | None = None
) -> tuple[Likelihood, dict[str, int]]:
    """Score a split's melodies (all where None), each from its beginning.

    Returns their likelihood, and how many notes the encoding could not keep (see `corpus_tokens`).
    only: score these alone, by their places among the split's melodies that have notes.
    Raises ValueError where there are none, CorpusError where model and corpus do not match.
    """
    losses: Counter[str] = Counter()
    melodies = corpus_tokens(corpus, model.encoding, split, only, losses)
    if not melodies:
        raise _nothing_to_score(corpus, split)
    nats = melody_nats(model.build(), melodies, model.encoding)
    return measure(nats, melodies, model.encoding), dict(losses)


def _nothing_to_score(corpus: Corpus, split: str | None) -> ValueError:
    """Make the error for a split without a melody that has notes."""
    others = ", ".join(name for name in corpus.splits if name != split)
    other = f", or score another split (--split: {others})" if others else ""
    return ValueError(
        f"the corpus has no melody with notes to score ({split or 'all'}); see `ritornello corpus show`{other}"
    )


def figures(score: Likelihood, encoding: MelodyEncoding) -> dict:
    """Convert a score to plain values, with what the tokens pay for.

    Bits that pay for different things cannot be compared.
    """
    return {**score.to_dict(), "pays_for": pays_for(encoding)}


def pays_for(encoding: MelodyEncoding) -> list[str]:
    """List what the tokens of a melody say, and so cost.

    That is "notes", and "metre", "key" and "end" where there are such tokens.
    """
    if encoding.end is None:
        return ["notes"]
    return ["notes", "metre", *(["key"] if encoding.is_keyed else []), "end"]


def compare(
    one: ModelFile, other: ModelFile, corpus: Corpus, split: str | None = "test"
) -> tuple[Likelihood, Likelihood, list[int], int]:
    """Score two models on the melodies that the encodings of both reproduce exactly.

    Each pays for whatever its tokens say. Returns a likelihood for each model, the places of these melodies, and how
    many melodies of the split have notes. Raises ValueError where there is no such melody.
    """
    places, count = find_common(corpus, one.encoding, other.encoding, split)
    first, second = (score_model(model, corpus, split, places)[0] for model in (one, other))
    return first, second, places, count


def find_common(
    corpus: Corpus, one: MelodyEncoding, other: MelodyEncoding, split: str | None = "test"
) -> tuple[list[int], int]:
    """Find the melodies with notes of a split that both encodings reproduce exactly.

    Returns their places, and how many there are with notes. Raises ValueError where there is none to compare on, or
    to score.
    """
    melodies = [melody for melody in corpus.melodies(split) if melody.notes]
    if not melodies:
        raise _nothing_to_score(corpus, split)
    both = [n for n, m in enumerate(melodies) if reproduced_exactly(one, m) and reproduced_exactly(other, m)]
    if not both:
        names = "; ".join(encoding_in_words(encoding.to_dict()) for encoding in (one, other))
        raise ValueError(
            f"none of the {len(melodies)} tunes ({split or 'all'}) is reproduced exactly by both encodings "
            f"({names}); they cannot be compared on this corpus"
        )
    return both, len(melodies)


def score_baselines(
    corpus: Corpus, encoding: MelodyEncoding, split: str = "test", only: Sequence[int] | None = None
) -> dict[str, Likelihood]:
    """Score uniform, unigram and the two n-grams, learned from the training split.

    split, only: as `score_model` takes them.
    """
    train, validation, test = _three_splits(corpus, encoding, split, only)
    scores = {"uniform": baselines.uniform(test, encoding)}
    if train:
        scores["unigram"] = baselines.unigram(train, test, encoding)
        scores["ngram_tokens"], _ = baselines.ngram_on_tokens(train, validation, test, encoding)
        scores["ngram_pairs"], _ = baselines.ngram_on_pairs(train, validation, test, encoding)
    return scores


def score_ngram(corpus: Corpus, encoding: MelodyEncoding, split: str = "test") -> Likelihood:
    """Score the n-gram over (pitch, duration) alone, the same baseline for every encoding."""
    return baselines.ngram_on_pairs(*_three_splits(corpus, encoding, split, None), encoding)[0]


def _three_splits(
    corpus: Corpus, encoding: MelodyEncoding, split: str, only: Sequence[int] | None
) -> tuple[list[np.ndarray], list[np.ndarray], list[np.ndarray]]:
    """Encode what the baselines learn, what their order is chosen on, and what is scored."""
    train, validation = (corpus_tokens(corpus, encoding, s) for s in ("train", "validation"))
    return train, validation, corpus_tokens(corpus, encoding, split, only)
