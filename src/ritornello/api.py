"""The Python face: thin handles that show themselves in a notebook.

import ritornello as rito
corpus = rito.build_corpus("my_midi_folder")
run = rito.train(corpus, minutes=3)
model = rito.load_model(run)
tune = model.generate(bars=8, primer="C4 E4 G4", seed=1)
"""

from __future__ import annotations

import secrets
import tempfile
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, overload

from ritornello.corpus.store import Corpus
from ritornello.model.shelf import find_model, shipped_models
from ritornello.music.values import Melody

if TYPE_CHECKING:
    import numpy as np

    from ritornello.encoding import Encoding
    from ritornello.model.file import ModelFile
    from ritornello.model.lstm import NumpyLstm
    from ritornello.model.players import Player
    from ritornello.training.loop import Check
    from ritornello.training.plan import TrainOptions
    from ritornello.training.run.finetune import Base
    from ritornello.training.run.training import Training
    from ritornello.training.run.wishes import Wishes

MAX_BATCH = 256


@dataclass(frozen=True)
class Tune:
    """A composed melody. In a notebook cell it shows its staff, its piano roll and a player.

    surprise: bits that each note's start cost the model, (notes,); (0,) where MidiTok's tokens leave it open.
    seed, index: compose it again with these.
    """

    melody: Melody
    surprise: np.ndarray
    seed: int
    index: int

    def save(self, path: str | Path) -> None:
        """Write the tune as .mid, .musicxml, .abc, .svg, .png, .wav, .mp3, .ogg, .flac or .html, by suffix.

        Raises ValueError for another suffix, OSError naming the path where it cannot be written.
        """
        from ritornello.render.save import save_melody

        save_melody(self.melody, path, self._probabilities)

    @property
    def _probabilities(self) -> list[float] | None:
        return [float(2.0**-bits) for bits in self.surprise] or None

    def _repr_svg_(self) -> str:
        """The staff alone, for viewers that show no frames."""
        from ritornello.render.staff import staff_svg

        return staff_svg(self.melody)

    def _repr_html_(self) -> str:
        from ritornello.render.audio_file import encode_audio
        from ritornello.render.page import notebook_html
        from ritornello.render.sound import render_wave

        audio = encode_audio(render_wave(self.melody), "mp3") if self.melody.notes else None
        return notebook_html(self.melody, audio, "audio/mpeg", probabilities=self._probabilities)


class Model:
    """A trained network with its encoding; `generate` composes, `player` plays, `evaluate` scores."""

    def __init__(self, file: ModelFile, name: str):
        self.file, self.name = file, name

    @property
    def metadata(self) -> dict:
        """How the model came to be: corpus, plan, seed, held-out figures."""
        return self.file.metadata

    @cached_property
    def network(self) -> NumpyLstm:
        """The network as it plays."""
        from ritornello.model.lstm import NumpyLstm

        return NumpyLstm(self.file.tensors)

    @property
    def _pitch_range(self) -> tuple[int, int]:
        lowest, highest = self.metadata.get("corpus", {}).get("compass", (0, 127))
        return lowest, highest

    def player(self) -> Player:
        """Something to feed tokens and ask for probabilities, one tune at a time."""
        from ritornello.model.players import Player

        return Player(self.network, self.file.encoding)

    @overload
    def generate(
        self, *, primer: str | Path | Melody | None = None, seed: int | None = None, n: None = None, **options: Any
    ) -> Tune: ...
    @overload
    def generate(
        self, *, primer: str | Path | Melody | None = None, seed: int | None = None, n: int, **options: Any
    ) -> list[Tune]: ...

    def generate(self, *, primer=None, seed=None, n=None, **options):
        """Compose one tune, or a list of `n`; tune i depends on the model, the seed and i alone.

        primer: note names ("C4 E4:1/2 G4"), a music file, or a Melody to go on from. seed: None draws one.
        options: the fields of GenerateOptions (bars, temperature, top_p, key, metre, ...).
        Warns of a primer that the model cannot write exactly. Raises ValueError that names what does not fit.
        """
        from ritornello.generate.compose import compose, primer_changes
        from ritornello.generate.options import GenerateOptions

        if n is not None and n < 1:
            raise ValueError(f"n must be 1 or more, not {n}")
        seed = secrets.randbelow(1 << 31) if seed is None else seed
        chosen = GenerateOptions(**options)
        opening = _primer(primer, chosen.metre)
        if opening is not None and (changes := primer_changes(self.file.encoding, chosen, opening)):
            warnings.warn(changes, stacklevel=2)
        indices = range(1 if n is None else n)
        tunes: list[Tune] = []
        for at in range(0, len(indices), MAX_BATCH):
            part = indices[at : at + MAX_BATCH]
            made = compose(self.network, self.file.encoding, chosen, seed, part, opening, self._pitch_range)
            tunes.extend(Tune(m.melody, m.surprise, m.seed, m.index) for m in made)
        return tunes[0] if n is None else tunes

    def evaluate(
        self,
        corpus: Corpus | str | Path,
        split: str = "test",
        beside: Model | str | Path | None = None,
    ) -> dict[str, Any]:
        """Score a split: nll_per_token, bits_per_note, bits_per_quarter, notes, tokens, quarters, nats, split.

        Besides: `pays_for`, what the tokens say; `losses`, how many notes the encoding could not keep.
        beside: another model to score on the same `tunes`, those (of `of_tunes`) that the encodings of both reproduce
        exactly; its figures come under "beside". Raises ValueError where there is nothing to score.
        """
        from ritornello.evaluate.scores import compare, figures, score_and_losses

        material, encoding = load_corpus(corpus), self.file.encoding
        if beside is None:
            score, losses = score_and_losses(self.file, material, split)
            return {"split": split, **figures(score, encoding), "losses": losses}
        other = beside if isinstance(beside, Model) else load_model(beside)
        found = compare(self.file, other.file, material, split)
        return {"split": split, **figures(found.one, encoding), **found.told(other.name, other.file.encoding)}

    def __repr__(self) -> str:
        network = self.file.network
        return f"Model({self.name!r}: {network.layers} layers of {network.width}, {self.file.encoding})"


@dataclass(frozen=True)
class Run:
    """A finished training run: its folder and its checks."""

    folder: Path
    checks: tuple[Check, ...]

    def __repr__(self) -> str:
        best = min((c.validation_nll for c in self.checks), default=float("nan"))
        return f"Run({str(self.folder)!r}: {len(self.checks)} checks, best held-out nll {best:.4f} nats per token)"


def models() -> list[str]:
    """Names of the shipped models, the default first."""
    return shipped_models()


def load_model(model: Run | str | Path | None = None) -> Model:
    """A model from a run, a file, a run folder or a shipped name; the default one without an argument.

    Raises FileNotFoundError, or ModelFileError (a ValueError), naming the file.
    """
    from ritornello.model import file

    name = model.folder if isinstance(model, Run) else model or shipped_models()[0]
    path = find_model(name)
    return Model(file.load_model(path), str(name))


def load_corpus(corpus: Corpus | str | Path = "all") -> Corpus:
    """A corpus from its folder, or an embedded one: "all", "hymns" or "songs"."""
    from ritornello.corpus.embedded import COLLECTIONS, embedded

    if isinstance(corpus, Corpus):
        return corpus
    if not Path(corpus).exists() and str(corpus) in ("all", *COLLECTIONS):
        return embedded(str(corpus))
    return Corpus.load(corpus)


def build_corpus(sources: str | Path | Sequence[str | Path], out: str | Path | None = None, **options: Any) -> Corpus:
    """Files and folders to a corpus, written to `out` where given; `corpus.report` says what became of each file.

    options: the fields of `corpus.options.BuildOptions`. With `out`, a call that was stopped goes on where it was.
    Raises CorpusError (a ValueError) where nothing could be kept.
    """
    from ritornello.corpus.build.build import build_corpus as build
    from ritornello.corpus.options import BuildOptions

    return build(sources, BuildOptions(**options), out=out)


def samples(folder: str | Path) -> list[Path]:
    """Write twelve free MIDI files to a folder, three of them broken in typical ways, and return their paths.

    Raises CorpusError (a ValueError) where the folder holds other files of these names.
    """
    from ritornello.corpus.samples import write_samples

    return write_samples(folder)


def train(
    corpus: Corpus | str | Path,
    out: str | Path | None = None,
    preset: str | None = None,
    encoding: str | Encoding | None = None,
    plain: bool = False,
    steps_per_quarter: int | None = None,
    inputs: str | Sequence[str] | None = None,
    echoes: str | Sequence[str] | None = None,
    relative_to: str | None = None,
    base: Model | Run | str | Path | None = None,
    resume: bool = False,
    replace: bool = False,
    on_check: Callable[[Check], None] | None = None,
    **options: Any,
) -> Run:
    """Train a network; the run folder `out` (a temporary one where None) holds the best model so far at any time.

    preset: tiny, lstm (where None), large, ... encoding: interval (where None), note, grid, ..., with plain,
    steps_per_quarter, inputs, echoes and relative_to as on the command line (inputs and echoes may be sequences, of
    none where empty); or what `make_encoding` gives, without these. base: a model or a run to go on from, with a few
    tunes of your own; `--from` on the command line. resume: go on with the run in `out`, which was
    stopped. replace: let the new run take the place of one in `out`. on_check: called with each Check. In a notebook
    the run is shown as it goes.
    options: the fields of TrainOptions (minutes, updates, seed, ...).
    Raises ValueError for a folder that holds a run already, or a run that cannot be gone on with so. When it is
    interrupted, the KeyboardInterrupt says how to go on.
    """
    from ritornello.reports.runs.notebook_view import notebook_view
    from ritornello.reports.runs.watch import watch
    from ritornello.training.plan import TrainOptions
    from ritornello.training.run.checkpoint import read_checks
    from ritornello.training.run.wishes import wishes

    wanted = wishes(preset, encoding, plain, steps_per_quarter, inputs, relative_to, echoes)
    folder = Path(out) if out is not None else Path(tempfile.mkdtemp(prefix="ritornello-"))
    training = _training(corpus, folder, wanted, TrainOptions(**options), base, resume, replace)
    view = notebook_view()
    try:
        for look in watch(training, folder):
            if view:
                view.show(look)
            if on_check:
                on_check(look.check)
    except KeyboardInterrupt:
        at = f"interrupted at update {training.progress.update} of {training.plan.updates}"
        going_on = f"rito.train(corpus, {str(folder)!r}, resume=True)"
        raise KeyboardInterrupt(f"{at}; go on with {going_on}") from None
    return Run(folder, tuple(read_checks(folder)))


def _training(
    corpus: Corpus | str | Path,
    folder: Path,
    wanted: Wishes,
    options: TrainOptions,
    base: Model | Run | str | Path | None,
    resume: bool,
    replace: bool,
) -> Training:
    """A run that is ready to begin or to go on. Raises ValueError where it can do neither."""
    from ritornello.training.run.checkpoint import lasting, load_checkpoint
    from ritornello.training.run.start import check_free, prepare_training, resume_training

    if resume:
        if replace or base is not None:
            raise ValueError("resume goes on with a run as it is: leave base and replace out")
        return resume_training(load_checkpoint(folder), folder, load_corpus(corpus), options, *wanted)
    guard = partial(check_free, may_replace=replace)
    guard(folder)
    parent = _base(base, folder) if base else None
    source = "" if isinstance(corpus, Corpus) else lasting(corpus)
    return prepare_training(load_corpus(corpus), *wanted, options, parent, source, guard=guard)


def _base(model: Model | Run | str | Path, folder: Path) -> Base:
    """A model to go on from. Raises ValueError where the run in `folder` would take its place."""
    from ritornello.training.run.finetune import Base, check_kept

    found = model if isinstance(model, Model) else load_model(model)
    base = Base(found.name, found.file)
    check_kept(base, folder)
    return base


def _primer(primer: str | Path | Melody | None, metre: str | None) -> Melody | None:
    """A melody from whatever a primer was given as."""
    from ritornello.corpus.pick.pick import pick_melody
    from ritornello.generate.primer import parse_notes
    from ritornello.music.files import readable
    from ritornello.music.worker import read_untrusted

    if primer is None or isinstance(primer, Melody):
        return primer
    if readable(primer) or Path(primer).is_file():
        return pick_melody(read_untrusted(primer)[0])
    return parse_notes(str(primer), metre or "4/4")
