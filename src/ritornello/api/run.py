"""Training runs: begin one, resume one, compare those in a folder."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import asdict, dataclass
from dataclasses import replace as replaced
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ritornello.api.corpora import load_corpus
from ritornello.api.model import Model, Run, load_model
from ritornello.api.options import checked, takes
from ritornello.training.plan import TrainOptions
from ritornello.training.run.request import NetworkRequest, Request

if TYPE_CHECKING:
    from ritornello.corpus.report import FileReport
    from ritornello.corpus.store import Corpus
    from ritornello.reports.runs.coach import Log
    from ritornello.reports.runs.compare import Comparison
    from ritornello.reports.runs.watch import Look
    from ritornello.training.loop import Check
    from ritornello.training.progress import Progress
    from ritornello.training.run.ranks import Ranks
    from ritornello.training.run.sizes import Sizes
    from ritornello.training.run.training import Training

PICTURES = (".html", ".svg", ".png")


@dataclass
class OpenRun:
    """A run whose folder is held: ready to begin or to be resumed, or finished already.

    corpus, training: None where the run is finished. log: its lines so far, without the first.
    """

    folder: Path
    ranks: Ranks
    progress: Progress
    log: list[dict[str, Any]]
    corpus: Corpus | None = None
    training: Training | None = None

    def looks(self, on_update: Callable[[int, float], None] | None = None) -> Iterator[Look]:
        """Train to the end, yielding a Look at each check; nothing where another rank shows the run."""
        from ritornello.reports.runs.watch import watch

        if self.training is None:
            return
        if self.ranks.is_first:
            yield from watch(self.training, self.folder, on_update)
        else:
            for _ in self.training.checks(self.folder):
                pass

    def last_log(self) -> Log | None:
        """Write the report of a finished run anew, and read its log; None without one."""
        from ritornello.atomic import FileKeptError
        from ritornello.reports.runs.log import read_run
        from ritornello.reports.runs.page import write_report

        try:
            record = read_run(self.folder)
            write_report(record)
        except FileKeptError as error:  # somebody changed the report
            print(f"ritornello: {error.filename}: {error.strerror}", file=sys.stderr)
        except (OSError, ValueError):
            return None
        return record.log

    def outcome(self, log: Log | None) -> dict[str, Any]:
        """List what the run has reached; bits per note are None without validation tunes."""
        from ritornello.training.run.folder import MODEL_NAME

        known = log if log and log.points and log.has_validation else None
        losses = {"losses": dict(self.training.material.losses)} if self.training else {}
        return {
            "model": str(self.folder / MODEL_NAME),
            "update": self.progress.best_update,
            "validation_nll": self.progress.best,
            "bits_per_note": known.best.validation if known else None,
            "ngram_bits_per_note": known.ngram if known else None,
            "base_bits_per_note": known.base if known else None,
            **losses,
        }

    def sizes(self) -> Sizes:
        """Estimate sizes, memory and time of a run before it begins."""
        from ritornello.training.plan import Setting
        from ritornello.training.run.engine import measured, updates_per_second
        from ritornello.training.run.sizes import sizes

        assert self.training is not None
        training, plan = self.training, self.training.plan
        setting = Setting(plan.engine, plan.device, plan.dtype, plan.threads)
        rates = [timed for timed in training.timed if timed[:4] == setting[:4]]
        options = TrainOptions(**training.metadata.options)
        timer = partial(updates_per_second, training.metadata.network, training.encoding, options)
        rates = rates or measured([setting], timer)
        return sizes(training, rates[0].updates_per_second)


@contextmanager
def open_run(
    corpus: Corpus | str | Path | Any,
    out: str | Path,
    network: NetworkRequest = NetworkRequest(),
    options: TrainOptions = TrainOptions(),
    *,
    base: Model | Run | str | Path | None = None,
    resume: bool = False,
    replace: bool = False,
    dry_run: bool = False,
    is_demo: bool = False,
    on_report: Callable[[Sequence[FileReport]], None] | None = None,
) -> Iterator[OpenRun]:
    """Prepare a new run, or the one that was stopped in its folder, and hold the folder.

    corpus: None where a resumed run is to find its own. dry_run: hold and write nothing. The other options are those
    of `train`. Raises ValueError where the folder must not be replaced, or holds no such run to resume.
    """
    from ritornello.atomic import check_place
    from ritornello.corpus.tokens import has_chords
    from ritornello.training.run.claim import claimed
    from ritornello.training.run.finetune import Base
    from ritornello.training.run.folder import lasting
    from ritornello.training.run.prepare import find_source, prepare_training, states_modes
    from ritornello.training.run.ranks import joined_ranks

    if options.more_seconds and not resume:
        raise ValueError(f"minutes {options.minutes} is for a run that is resumed: write how many it may take in all")
    if resume and (base is not None or replace or dry_run):
        raise ValueError("resume continues a run as it is: leave base, replace and dry_run out")
    folder = Path(out)
    with joined_ranks() as ranks:
        if not (dry_run or resume):
            check_place(folder)
        parent = load_model(base) if base is not None else None
        source = lasting(corpus) if isinstance(corpus, str | Path) else ""
        made = network.network(), network.made_encoding()
        request = Request(*made, options, Base(parent.name, parent.file) if parent else None, source, is_demo)
        claim = nullcontext() if dry_run else claimed(folder, request, resume, replace, ranks)
        with claim as saved:
            if saved and saved.progress.stopped and not options.more_seconds:
                yield OpenRun(folder, ranks, saved.progress, saved.log)
                return
            try:
                place = find_source(saved) if corpus is None and saved else corpus
                material = load_corpus(place if place is not None else "all", on_report if ranks.is_first else None)
                fitting = states_modes(material), has_chords(material, "train")
                if parent is None and saved is None and any(fitting):
                    request = replaced(request, encoding=network.made_encoding(*fitting))
                training = prepare_training(request, material, saved, ranks)
            except KeyboardInterrupt:
                if saved:
                    raise
                raise KeyboardInterrupt("interrupted before training began; nothing was written") from None
            yield OpenRun(folder, ranks, training.progress, training.log, material, training)


@takes(network=NetworkRequest, options=TrainOptions)
def train(
    corpus: Corpus | str | Path | Any = None,
    out: str | Path | None = None,
    *,
    base: Model | Run | str | Path | None = None,
    resume: bool = False,
    replace: bool = False,
    on_check: Callable[[Check], None] | None = None,
    network: NetworkRequest,
    options: TrainOptions,
) -> Run:
    """Train a network on a corpus; its run folder holds the best model so far at any time.

    corpus: as `load_corpus` takes it; a run that is resumed finds its own if it was read from files.
    out: the run folder; a temporary one where None. base: a model or a run to fine-tune on a few tunes of your own
    (--from on the command line). resume: continue the run in `out`, which was stopped, by its stored plan; with
    minutes="+3" for three minutes more than planned, even where it was at its end. replace: let the new run replace
    one in `out`, and other files of its names. on_check: called with each Check. A notebook shows the run while it
    trains.
    Raises ValueError for a folder that holds a run already, or a run that cannot be resumed so, FileExistsError for
    another file that must be kept. When it is interrupted, the KeyboardInterrupt says how to continue.
    """
    import tempfile

    from ritornello.reports.runs.notebook_view import notebook_view
    from ritornello.training.loop import Check

    if corpus is None and not resume:
        raise ValueError("corpus is missing: a Corpus, its folder, a folder of tunes, or all, hymns or songs")
    out = tempfile.mkdtemp(prefix="ritornello-") if out is None else out
    view = notebook_view()
    with open_run(corpus, out, network, options, base=base, resume=resume, replace=replace) as run:
        try:
            for look in run.looks():
                if view:
                    view.show(look)
                if on_check:
                    on_check(look.check)
        except KeyboardInterrupt:
            at = f"interrupted at update {run.progress.update} of {run.training.plan.updates}" if run.training else ""
            again = f"rito.train(corpus, {str(out)!r}, resume=True)"
            raise KeyboardInterrupt(f"{at}; continue with {again}") from None
        if run.training is None:
            run.last_log()
        return Run(run.folder, tuple(Check(**line) for line in run.log if "validation_nll" in line))


@takes(network=NetworkRequest, options=TrainOptions)
def estimate_training(
    corpus: Corpus | str | Path | Any,
    *,
    base: Model | Run | str | Path | None = None,
    network: NetworkRequest,
    options: TrainOptions,
) -> dict[str, Any]:
    """Estimate sizes, memory and time of a run, which is neither begun nor written.

    The options are those of `train`; --dry-run on the command line. Returns plan, sizes and losses by name.
    """
    with open_run(corpus, "", network, options, base=base, dry_run=True) as run:
        assert run.training is not None
        return estimate_dict(run.training, run.sizes())


def estimate_dict(training: Training, sizes: Sizes) -> dict[str, Any]:
    """List plan, sizes and losses of a run by name."""
    return {
        "plan": asdict(training.plan),
        **asdict(sizes),
        "memory_bytes": sizes.memory_bytes,
        "losses": dict(training.material.losses),
    }


@checked
def runs(folder: str | Path = ".", out: str | Path | None = None, replace: bool = False) -> Comparison:
    """Compare the training runs in a folder, at any depth, by bits per note on validation.

    out: draw the comparison too: a page (.html) or the curves alone (.svg, .png). replace: let it replace any file,
    not only the drawing of the same folder that nobody changed.
    Raises FileNotFoundError where there is no such folder, ValueError where no run is in it, FileExistsError for a
    file that must be kept.
    """
    from ritornello import atomic
    from ritornello.reports.runs.compare import compare_runs, comparison_page, comparison_svg

    suffix = Path(out).suffix.lower() if out else ""
    if out and suffix not in PICTURES:
        raise ValueError(f"{out}: name the picture {', '.join(PICTURES[:-1])} or {PICTURES[-1]}")
    maker = atomic.maker_of("runs", folder)
    atomic.check_files([out] if out else [], maker, replace)
    comparison = compare_runs(folder)
    if out and suffix == ".html":
        name = f"Runs in {Path(folder).resolve().name}"
        atomic.write_text(out, comparison_page(comparison, name, Path(out).parent), maker, replace)
    elif out:
        from ritornello.render.staff import svg_to_png

        svg = comparison_svg(comparison)
        atomic.write_bytes(out, svg_to_png(svg) if suffix == ".png" else svg.encode(), maker, replace)
    return comparison
