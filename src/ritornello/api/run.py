"""Training runs: begin one, go on with one, compare those in a folder."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ritornello.api.corpora import load_corpus
from ritornello.api.model import Model, Run, load_model
from ritornello.api.options import takes
from ritornello.training.plan import TrainOptions

if TYPE_CHECKING:
    from ritornello.corpus.store import Corpus
    from ritornello.encoding import Encoding
    from ritornello.reports.runs.compare import Comparison
    from ritornello.training.loop import Check
    from ritornello.training.run.finetune import Base

PICTURES = (".html", ".svg", ".png")


@takes(TrainOptions)
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
    *,
    options: TrainOptions,
) -> Run:
    """Train a network; the run folder `out` (a temporary one where None) holds the best model so far at any time.

    preset: tiny, lstm (where None), large, ... encoding: interval (where None), note, grid, ..., with plain,
    steps_per_quarter, inputs, echoes and relative_to as on the command line (inputs and echoes may be sequences, of
    none where empty); or what `make_encoding` gives, without these. base: a model or a run to go on from, with a few
    tunes of your own; `--from` on the command line. resume: go on with the run in `out`, which was
    stopped. replace: let the new run take the place of one in `out`. on_check: called with each Check. In a notebook
    the run is shown as it goes.
    Raises ValueError for a folder that holds a run already, or a run that cannot be gone on with so. When it is
    interrupted, the KeyboardInterrupt says how to go on.
    """
    from ritornello.reports.runs.notebook_view import notebook_view
    from ritornello.reports.runs.watch import watch
    from ritornello.training.loop import Check
    from ritornello.training.run.claim import claimed
    from ritornello.training.run.folder import lasting
    from ritornello.training.run.prepare import prepare_training
    from ritornello.training.run.request import Request, requested_encoding, requested_network

    if resume and (replace or base is not None):
        raise ValueError("resume goes on with a run as it is: leave base and replace out")
    request = Request(
        requested_network(preset),
        requested_encoding(encoding, plain, steps_per_quarter, inputs, relative_to, echoes),
        options,
        _base(base) if base else None,
        lasting(corpus) if isinstance(corpus, str | Path) else "",
    )
    folder = Path(out) if out is not None else Path(tempfile.mkdtemp(prefix="ritornello-"))
    with claimed(folder, request, resume, replace) as saved:
        training = prepare_training(request, load_corpus(corpus), saved)
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
    return Run(folder, tuple(Check(**line) for line in training.log if "went_back" not in line))


def _base(model: Model | Run | str | Path) -> Base:
    """Load a model to fine-tune."""
    from ritornello.training.run.finetune import Base

    found = model if isinstance(model, Model) else load_model(model)
    return Base(found.name, found.file)


def runs(folder: str | Path = ".", out: str | Path | None = None) -> Comparison:
    """Compare the training runs in a folder, at any depth, by bits per note on validation.

    out: draw the comparison too: a page (.html) or the curves alone (.svg, .png).
    Raises FileNotFoundError where there is no such folder, ValueError where no run is in it.
    """
    from ritornello import atomic
    from ritornello.reports.runs.compare import compare_runs, comparison_page, comparison_svg

    suffix = Path(out).suffix.lower() if out is not None else None
    if suffix is not None and suffix not in PICTURES:
        raise ValueError(f"{out}: name the picture {', '.join(PICTURES[:-1])} or {PICTURES[-1]}")
    comparison = compare_runs(folder)
    if suffix == ".html":
        name = f"Runs in {Path(folder).resolve().name}"
        atomic.write_text(Path(out or ""), comparison_page(comparison, name, Path(out or "").parent))
    elif suffix == ".svg":
        atomic.write_text(Path(out or ""), comparison_svg(comparison))
    elif suffix == ".png":
        from ritornello.render.staff import svg_to_png

        atomic.write_bytes(Path(out or ""), svg_to_png(comparison_svg(comparison)))
    return comparison
