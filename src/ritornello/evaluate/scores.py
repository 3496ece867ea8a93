"""Score a model, and the baselines beside it, on one split of a corpus."""

from __future__ import annotations

from ritornello.corpus.store import Corpus
from ritornello.corpus.tokens import corpus_tokens
from ritornello.encoding import Grid
from ritornello.evaluate import baselines
from ritornello.evaluate.likelihood import Likelihood, measure, melody_nats
from ritornello.model.file import ModelFile
from ritornello.model.lstm import NumpyLstm


def score_model(model: ModelFile, corpus: Corpus, split: str | None = "test") -> Likelihood:
    """Likelihood of a split's melodies (of all where None), whole history each. Raises ValueError for none."""
    melodies = corpus_tokens(corpus, model.encoding, split)
    if not melodies:
        raise ValueError(
            f"the corpus has no melody with notes to score ({split or 'all'}); see `ritornello corpus show`"
        )
    return measure(melody_nats(NumpyLstm(model.tensors), melodies, model.encoding), melodies, model.encoding)


def score_baselines(corpus: Corpus, encoding: Grid, split: str = "test") -> dict[str, Likelihood]:
    """What uniform, unigram and the two n-grams, learned from the training split, make of the same melodies."""
    train, validation, test = (corpus_tokens(corpus, encoding, s) for s in ("train", "validation", split))
    scores = {"uniform": baselines.uniform(test, encoding)}
    if train:
        scores["unigram"] = baselines.unigram(train, test, encoding)
        scores["ngram_tokens"], _ = baselines.ngram_on_tokens(train, validation, test, encoding)
        scores["ngram_pairs"], _ = baselines.ngram_on_pairs(train, validation, test, encoding)
    return scores


def score_ngram(corpus: Corpus, encoding: Grid, split: str = "test") -> Likelihood:
    """The better of the two n-grams, the one over (pitch, duration), alone."""
    train, validation, test = (corpus_tokens(corpus, encoding, s) for s in ("train", "validation", split))
    return baselines.ngram_on_pairs(train, validation, test, encoding)[0]
