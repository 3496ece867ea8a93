"""Files in, corpus out: every file is read or refused for a reason that is written down.

Each file is converted by itself (see `convert`) in a process that it may bring down; the rows of all of them wait in
a journal until they are put together, so that a build that is stopped goes on where it was.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from contextlib import closing
from pathlib import Path

from ritornello.atomic import not_written
from ritornello.corpus.build.assemble import Assembly
from ritornello.corpus.build.journal import Journal, journal_path
from ritornello.corpus.build.pool import convert_here
from ritornello.corpus.errors import CorpusError
from ritornello.corpus.families.split import SplitRule
from ritornello.corpus.find.find import each_file
from ritornello.corpus.find.sources import Source
from ritornello.corpus.folder import sweep, write_report
from ritornello.corpus.lines import Lines, lines_of
from ritornello.corpus.options import BuildOptions
from ritornello.corpus.report import FileReport
from ritornello.corpus.store import Corpus
from ritornello.music.errors import WorkerError

OnFile = Callable[[int, int, str], None]


def build_corpus(
    sources: str | Path | Sequence[str | Path],
    options: BuildOptions = BuildOptions(),
    on_file: OnFile | None = None,
    out: str | Path | None = None,
) -> Corpus:
    """Read files, folders and archives into a corpus, with one report line for each file.

    on_file: called after each file with how many are done, how many there are, and its name.
    out: the corpus folder to write. The journal lies beside it while files are read: interrupt or kill the program,
        and the same call goes on.
    Raises CorpusError where a source is missing, the split is not one, or nothing at all could be kept; its
    `report` then says why for each file, and so does the `report.jsonl` in `out`, unless a corpus
    lies there. Raises WorkerError where no process can be started that reads files.
    """
    SplitRule.parse(options.split).check()  # says what is wrong with it before anything is read
    named = [sources] if isinstance(sources, str | Path) else sources
    found = Lines(Source.to_list, Source.from_list, each_file(named))
    with Journal(None if out is None else journal_path(out), options, len(found)) as journal:
        try:
            corpus = _built(found, options, journal, on_file, out)
        except KeyboardInterrupt:
            kept = "the same command goes on from here" if out is not None else "nothing is kept"
            raise KeyboardInterrupt(f"interrupted: {len(journal)} of {len(found)} files are read; {kept}") from None
        except WorkerError as error:
            if not len(journal) or out is None:
                journal.remove()
                raise
            raise WorkerError(f"{error}; {len(journal)} of {len(found)} files are read, and stay so") from None
        except (ValueError, OSError) as error:
            journal.remove()  # what cannot be built or written will not be by going on: nothing half-done stays
            if isinstance(error, CorpusError) and error.report and out is not None and not options.strict:
                write_report(Path(out), lines_of(error.report, FileReport.to_dict))
            if isinstance(error, OSError) and error.filename is None and out is not None:
                raise not_written(out, error) from None
            raise
        journal.remove()
    return corpus


def _built(
    sources: Sequence[Source], options: BuildOptions, journal: Journal, on_file: OnFile | None, out: str | Path | None
) -> Corpus:
    """Let the executor fill the journal, make the corpus of it meanwhile, and save it."""
    assembly = Assembly(sources, journal.rows, options)
    with closing(_executor(sources, options, journal, out)) as places:
        for done, place in enumerate(places, 1):
            if on_file:
                on_file(done, len(sources), sources[place].name)
            assembly.advance(journal.has)
    corpus = assembly.corpus()
    if out is not None:
        sweep(Path(out))  # the journal is ours, so nobody else is saving there
        corpus.save(out)
    return corpus


def _executor(
    sources: Sequence[Source], options: BuildOptions, journal: Journal, out: str | Path | None
) -> Generator[int, None, None]:
    """Choose what fills the journal; it yields the place of each source as it is done."""
    if options.engine == "pool":
        return convert_here(sources, options, journal)
    if not options.shards and out is None:
        raise CorpusError("engine ray needs a place for its shards: name one, or a corpus folder to write")
    from ritornello.corpus.build.ray_pool import convert_on_ray

    return convert_on_ray(sources, options, journal, options.shards or f"{out}.shards")
