"""A mixture of experts on the next pitch: counts, alignments and last notes, weighed anew at every note.

Log-linear: the logit of a pitch is the sum of what the experts add to log p, each with a weight that a small gate
computes from how much there was to count; and a small network on features of the candidate. The gate learns from the
training melodies themselves, each scored with its own group left out of all counts, so that it sees experts as good
as they are on a melody that is new. Pitch alone, no other corpus.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from benchmarks.expectation.alignment import OTHERS, OWN, aligned_with_others, aligned_with_own, expert
from benchmarks.expectation.counts import CorpusCounts, chain, corpus_views, own_counts, own_views
from benchmarks.expectation.features import note_features
from benchmarks.expectation.finals import Finals
from benchmarks.expectation.material import Notes
from torch import Tensor, nn

INTERVAL, BELOW_ORDERS = 1, 3  # alignments are blended with the interval's view up to order 2


@dataclass(frozen=True)
class Settings:
    """How the gate learns; chosen on other corpora than the one that is tested."""

    hidden: int = 16
    dropout: float = 0.5
    epochs: int = 14
    batch: int = 256
    peak_rate: float = 5e-3
    decay: float = 10.0  # of the gate; the weights that it starts from have none
    candidate_hidden: int = 16
    candidate_decay: float = 0.05
    warmup: int = 30  # updates


class Inputs(NamedTuple):
    """What a mixer reads of each note.

    added: (N, E, P), what experts add to log p. features: (N, F), of the gate. candidates: (N, P, Q), features.
    """

    added: np.ndarray
    features: np.ndarray
    candidates: np.ndarray


class Experts:
    """All that is computed once for the folds of a corpus. groups, folds: (M,) of the melodies."""

    def __init__(self, notes: Notes, groups: np.ndarray, folds: np.ndarray):
        self.notes, self.folds = notes, folds
        of_notes = groups[notes.melody]
        self._views = [
            [CorpusCounts(notes, view, contexts, of_notes) for contexts in view.contexts(notes)]
            for view in corpus_views(notes)
        ]
        self._finals = Finals(notes, of_notes)
        self._others = [aligned_with_others(notes, of_notes, folds[notes.melody], setting) for setting in OTHERS]
        self._uniform = np.full((len(notes), len(notes.alphabet)), 1 / len(notes.alphabet), np.float32)
        self._own = [chain(own_counts(notes, view), self._uniform) for view in own_views(notes)]
        self._own_weights = [aligned_with_own(notes, setting) for setting in OWN]
        self._states, self._candidates = note_features(notes)
        self._finals_of_fold: dict[int, tuple[np.ndarray, np.ndarray]] = {}

    def of_fold(self, fold: int, own: bool, online: bool = False) -> Inputs:
        """Compute the inputs of all notes where a fold is tested.

        own: with experts on the melody so far. online: the n-grams of the corpus go on counting with every test
        melody; only rows of these are right then.
        """
        learned = self.folds[self.notes.melody] != fold
        read_on = np.flatnonzero(self.folds == fold) if online else None
        blocks = [
            chain([counts.counts(learned, read_on) for counts in orders], self._uniform) for orders in self._views
        ]
        below = np.exp(blocks[INTERVAL][0][:, :BELOW_ORDERS].sum(1)) / len(self.notes.alphabet)
        below /= below.sum(1, keepdims=True)
        if fold not in self._finals_of_fold:
            self._finals_of_fold = {fold: self._finals.experts(learned)}
        blocks += [*(self._own if own else []), self._finals_of_fold[fold]]
        blocks += [expert(weights.sum(1) - weights[:, fold], below) for weights in self._others]
        blocks += [expert(weights, below) for weights in self._own_weights] if own else []
        added, features = zip(*blocks, strict=True)
        return Inputs(np.concatenate(added, 1), np.concatenate([*features, self._states], 1), self._candidates)


class Mixer(nn.Module):
    """The gate and the network on candidates. sizes: E experts, F features of the gate, Q of a candidate."""

    def __init__(self, experts: int, features: int, candidate: int, settings: Settings):
        super().__init__()
        self.weights = nn.Parameter(torch.full((experts,), 0.2))
        self.gate = nn.Sequential(
            nn.Linear(features, settings.hidden),
            nn.Tanh(),
            nn.Dropout(settings.dropout),
            nn.Linear(settings.hidden, experts + 1),
        )
        self.candidate = nn.Sequential(
            nn.Linear(candidate, settings.candidate_hidden), nn.Tanh(), nn.Linear(settings.candidate_hidden, 1)
        )
        nn.init.zeros_(self.gate[3].weight)
        nn.init.zeros_(self.gate[3].bias)
        nn.init.zeros_(self.candidate[2].weight)

    def forward(self, added: Tensor, features: Tensor, candidates: Tensor) -> Tensor:
        """Compute log p, (n, P). added: (n, E, P). features: (n, F). candidates: (n, P, Q)."""
        gate = self.gate(features)  # (n, E + 1)
        logits = torch.bmm((self.weights + gate[:, :-1])[:, None], added)[:, 0]
        return (logits + self.candidate(candidates)[:, :, 0] * (1 + gate[:, -1:])).log_softmax(1)


class Mixture:
    """A mixer fitted to some notes. targets: (N,), places in the alphabet. learned: (n,), rows of the inputs."""

    def __init__(self, inputs: Inputs, targets: np.ndarray, learned: np.ndarray, seed: int, settings: Settings):
        torch.set_num_threads(1)
        torch.set_flush_denormal(True)  # decay makes many, and they are slow
        self._mean, self._deviation = inputs.features[learned].mean(0), inputs.features[learned].std(0) + 1e-3
        self._mixer = _fit(self._tensors(inputs, learned), torch.from_numpy(targets[learned]), seed, settings)

    def log_probabilities(self, inputs: Inputs, rows: np.ndarray) -> np.ndarray:
        """Compute log p of every pitch of the alphabet at some rows of the inputs, (n, P)."""
        with torch.inference_mode():
            return self._mixer(*self._tensors(inputs, rows)).double().log_softmax(1).numpy()

    def _tensors(self, inputs: Inputs, rows: np.ndarray) -> list[Tensor]:
        added, features, candidates = (values[rows] for values in inputs)
        scaled = np.clip((features - self._mean) / self._deviation, -4, 4)
        return [torch.from_numpy(values) for values in (added, scaled, candidates)]


def _fit(inputs: list[Tensor], targets: Tensor, seed: int, settings: Settings) -> Mixer:
    """Train a mixer by AdamW: linear warm-up, then half a cosine. Source: Loshchilov & Hutter 2019."""
    generator = torch.Generator().manual_seed(seed)
    torch.manual_seed(seed)
    mixer = Mixer(inputs[0].shape[1], inputs[1].shape[1], inputs[2].shape[2], settings)
    optimiser = torch.optim.AdamW(
        [
            {"params": mixer.gate.parameters(), "weight_decay": settings.decay},
            {"params": mixer.candidate.parameters(), "weight_decay": settings.candidate_decay},
            {"params": [mixer.weights], "weight_decay": 0.0},
        ]
    )
    batch = min(settings.batch, len(targets))
    updates = settings.epochs * (len(targets) // batch)
    for update in range(updates):
        at = update % (len(targets) // batch)
        if at == 0:
            order = torch.randperm(len(targets), generator=generator)
        rows = order[at * batch : (at + 1) * batch]
        cosine = 0.5 * (1 + np.cos(np.pi * update / updates))
        for group in optimiser.param_groups:
            group["lr"] = settings.peak_rate * min(1.0, (update + 1) / settings.warmup) * (0.02 + 0.98 * cosine)
        loss = nn.functional.nll_loss(mixer(*(values[rows] for values in inputs)), targets[rows])
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    return mixer.eval()
