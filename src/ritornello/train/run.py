"""One training run: a corpus in, a run folder out.

The folder holds `model.safetensors` (the best so far), `log.jsonl` (the plan, then one line per check) and is
usable at any moment: each file is written beside itself and renamed.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from ritornello.corpus.store import Corpus
from ritornello.corpus.tokens import corpus_tokens
from ritornello.encoding import Grid
from ritornello.model.file import ModelFile, save_model
from ritornello.model.options import NetworkOptions
from ritornello.music import atomic
from ritornello.train.loop import Check, Engine, run_updates
from ritornello.train.plan import Plan, TrainOptions, make_plan
from ritornello.train.streams import Streams
from ritornello.version import VERSION

MODEL_NAME = "model.safetensors"
LOG_NAME = "log.jsonl"


@dataclass(frozen=True)
class Training:
    """A run that is ready to go: its plan can be shown before the first update."""

    plan: Plan
    network: NetworkOptions
    encoding: Grid
    corpus_facts: dict
    train_tokens: int
    _engine: Engine
    _streams: Streams
    _held_out: list

    @property
    def has_held_out(self) -> bool:
        """Whether there are validation melodies to check; without them the training likelihood is watched."""
        return bool(self._held_out)

    def checks(
        self, out: str | Path, on_update: Callable[[int, float], None] = lambda update, nll: None
    ) -> Iterator[Check]:
        """Train, yielding each check; the best weights and the log are in the folder `out` by then.

        Raises OSError, naming the file, where `out` cannot be written.
        """
        out = Path(out)
        lines = [{"plan": self.plan.described(), "network": self.network.options(), "corpus": self.corpus_facts}]
        atomic.write_text(out / LOG_NAME, _jsonl(lines))
        for check in run_updates(self._engine, self._streams, self._held_out, self.plan, on_update):
            if check.is_best:
                save_model(out / MODEL_NAME, self.model_at(check))
            lines.append(asdict(check))
            atomic.write_text(out / LOG_NAME, _jsonl(lines))
            yield check

    def model_at(self, check: Check) -> ModelFile:
        """The network as it is now, with the facts of this check."""
        facts = {
            "ritornello": VERSION,
            "corpus": self.corpus_facts,
            "plan": self.plan.described(),
            "seed": self.plan.seed,
            "update": check.update,
            "validation_nll": check.validation_nll,
        }
        return ModelFile(self._engine.tensors(), self.network, self.encoding, facts)


def prepare_training(corpus: Corpus, network: NetworkOptions, encoding: Grid, options: TrainOptions) -> Training:
    """Encode the corpus, measure the machine where time is the limit, and fix the plan.

    Raises ValueError for a corpus without training melodies, ImportError naming the extra where torch is missing.
    """
    require_torch()
    from ritornello.train.engine import TorchEngine
    from ritornello.train.measure import default_setting, fastest_setting

    melodies = corpus_tokens(corpus, encoding, "train")
    if not melodies:
        raise ValueError("the corpus has no melody with notes in its training split; see `ritornello corpus show`")
    held_out = corpus_tokens(corpus, encoding, "validation")
    tokens = sum(len(m) for m in melodies)
    if options.updates is None:
        dtype, threads, rate = fastest_setting(network, encoding, options)
    else:
        (dtype, threads), rate = default_setting(options), 1.0
    plan = make_plan(options, tokens, dtype, threads, rate)
    network = replace(network, dropout=plan.dropout)
    facts = corpus_facts(corpus)
    streams = Streams(melodies, encoding, plan.streams, plan.seed, *facts["compass"])
    engine = TorchEngine(network, encoding, plan, before=melodies[0])
    return Training(plan, network, encoding, facts, tokens, engine, streams, held_out)


def corpus_facts(corpus: Corpus) -> dict:
    """What a model file says of the corpus that it learned: fingerprint, size, licences, metres, range of pitches."""
    metres: dict[str, int] = {}
    for _, part in corpus.slices("train"):
        metres[part.timeline.metre.name] = metres.get(part.timeline.metre.name, 0) + 1
    heard = [corpus.notes["pitch"][part.first : part.stop] for _, part in corpus.slices("train") if part.notes]
    lowest, highest = zip(*((int(pitches.min()), int(pitches.max())) for pitches in heard), strict=True)
    licences = sorted({piece.licence for piece in corpus.pieces if piece.licence})
    return {
        "fingerprint": corpus.fingerprint,
        "pieces": len(corpus.pieces),
        "notes": len(corpus.notes),
        "licences": licences[:8],
        "metres": metres,
        "compass": [min(lowest), max(highest)],
    }


def require_torch() -> None:
    """Raise ImportError with the way to get PyTorch where it is missing."""
    try:
        import torch  # noqa: F401
    except ImportError:
        raise ImportError(
            'training needs PyTorch: pip install "ritornello[train]" (on Linux without a GPU add '
            "--extra-index-url https://download.pytorch.org/whl/cpu to spare several gigabytes)"
        ) from None


def _jsonl(lines: list[dict]) -> str:
    return "".join(json.dumps(line, sort_keys=True) + "\n" for line in lines)
