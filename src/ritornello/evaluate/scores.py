"""Score a model, and the baselines or another model beside it, on one split of a corpus."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ritornello.corpus.exact import reproduced_exactly
from ritornello.corpus.store import Corpus
from ritornello.corpus.tokens import corpus_tokens, tokens_and_losses
from ritornello.encoding import Encoding
from ritornello.evaluate import baselines
from ritornello.evaluate.likelihood import Likelihood, measure, melody_nats
from ritornello.model.file import ModelFile
from ritornello.model.lstm import NumpyLstm


def score_model(
    model: ModelFile, corpus: Corpus, split: str | None = "test", only: Sequence[int] | None = None
) -> Likelihood:
    """Likelihood of a split's melodies (of all where None), whole history each.

    only: score these alone, by their places among the split's melodies that have notes.
    Raises ValueError where there are none, CorpusError where model and corpus do not match.
    """
    return score_and_losses(model, corpus, split, only)[0]


def score_and_losses(
    model: ModelFile, corpus: Corpus, split: str | None = "test", only: Sequence[int] | None = None
) -> tuple[Likelihood, dict[str, int]]:
    """The same, and what the encoding could not keep of the notes (see `tokens_and_losses`)."""
    melodies, losses = tokens_and_losses(corpus, model.encoding, split, only)
    if not melodies:
        raise _nothing_to_score(split)
    nats = melody_nats(NumpyLstm(model.tensors), melodies, model.encoding)
    return measure(nats, melodies, model.encoding), dict(losses)


def _nothing_to_score(split: str | None) -> ValueError:
    return ValueError(
        f"the corpus has no melody with notes to score ({split or 'all'}); see `ritornello corpus show`"
    )


def figures(score: Likelihood, encoding: Encoding) -> dict:
    """A score by name, with what the tokens pay for: bits that pay for different things cannot be compared."""
    return {**score.to_dict(), "pays_for": pays_for(encoding)}


def pays_for(encoding: Encoding) -> list[str]:
    """What the tokens of a melody say, and so cost: "notes", and "metre", "key" and "end" where there are such."""
    if encoding.end is None:
        return ["notes"]
    return ["notes", "metre", *(["key"] if encoding.is_keyed else []), "end"]


@dataclass(frozen=True)
class Comparison:
    """Two models on the same tunes. only: their places among the split's melodies with notes, of so many."""

    only: list[int]
    of_tunes: int
    one: Likelihood
    other: Likelihood

    def told(self, name: str, encoding: Encoding) -> dict:
        """What is added to the first model's figures; name, encoding: the other model's."""
        return {
            "tunes": len(self.only),
            "of_tunes": self.of_tunes,
            "beside": {"model": name, **figures(self.other, encoding)},
        }


def compare(one: ModelFile, other: ModelFile, corpus: Corpus, split: str | None = "test") -> Comparison:
    """Score two models on the tunes that the encodings of both reproduce exactly.

    Each pays for whatever its tokens say. Raises ValueError where there is no such tune.
    """
    only, count = tunes_of_both(corpus, one.encoding, other.encoding, split)
    return Comparison(only, count, *(score_model(model, corpus, split, only) for model in (one, other)))


def tunes_of_both(
    corpus: Corpus, one: Encoding, other: Encoding, split: str | None = "test"
) -> tuple[list[int], int]:
    """Which of a split's melodies with notes both encodings reproduce exactly, by place, and how many there are.

    Raises ValueError where there is none to compare on, or to score.
    """
    melodies = [melody for melody in corpus.melodies(split) if melody.notes]
    if not melodies:
        raise _nothing_to_score(split)
    both = [n for n, m in enumerate(melodies) if reproduced_exactly(one, m) and reproduced_exactly(other, m)]
    if not both:
        raise ValueError(
            f"none of the {len(melodies)} tunes ({split or 'all'}) is reproduced exactly by both encodings "
            f"({described(one)}; {described(other)}); they cannot be compared on this corpus"
        )
    return both, len(melodies)


def described(encoding: Encoding) -> str:
    """An encoding in a few words: "grid: steps_per_quarter 4", "interval: inputs, echoes, relative_to key"."""
    options = {name: value for name, value in encoding.options().items() if name != "name" and value}
    rest = ", ".join(name if isinstance(value, list) else f"{name} {value}" for name, value in options.items())
    return f"{encoding.name}: {rest}" if rest else encoding.name


def score_baselines(
    corpus: Corpus, encoding: Encoding, split: str = "test", only: Sequence[int] | None = None
) -> dict[str, Likelihood]:
    """What uniform, unigram and the two n-grams, learned from the training split, make of the same melodies."""
    train, validation, test = _three_parts(corpus, encoding, split, only)
    scores = {"uniform": baselines.uniform(test, encoding)}
    if train:
        scores["unigram"] = baselines.unigram(train, test, encoding)
        scores["ngram_tokens"], _ = baselines.ngram_on_tokens(train, validation, test, encoding)
        scores["ngram_pairs"], _ = baselines.ngram_on_pairs(train, validation, test, encoding)
    return scores


def score_ngram(corpus: Corpus, encoding: Encoding, split: str = "test") -> Likelihood:
    """The n-gram over (pitch, duration) alone: it is the same one beside every encoding."""
    return baselines.ngram_on_pairs(*_three_parts(corpus, encoding, split, None), encoding)[0]


def _three_parts(
    corpus: Corpus, encoding: Encoding, split: str, only: Sequence[int] | None
) -> tuple[list[np.ndarray], list[np.ndarray], list[np.ndarray]]:
    train, validation = (corpus_tokens(corpus, encoding, s) for s in ("train", "validation"))
    return train, validation, corpus_tokens(corpus, encoding, split, only)
