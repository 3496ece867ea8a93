"""Corpora: load, build, show, explain and export them."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from ritornello.api.options import checked, takes
from ritornello.corpus.options import BuildOptions

if TYPE_CHECKING:
    from ritornello.corpus.families.variants import Family
    from ritornello.corpus.report import FileReport
    from ritornello.corpus.store import Corpus
    from ritornello.reports.corpora.explain import Explanation

PAGES = (".html", ".htm")


@checked
def load_corpus(
    corpus: Corpus | str | Path | Any = "all",
    on_report: Callable[[Sequence[FileReport]], None] | None = None,
    build: bool = True,
) -> Corpus:
    """Load a corpus from its folder, by its name, or from tunes in files or in memory.

    corpus: a folder that `build_corpus` has written; "all", "hymns", "songs", "hymns-voices", "songs-piano" or
    "songs-piano-played", which come with the program; or tunes, as files or in memory, of
    which a corpus is built with the usual options, and not written anywhere.
    on_report: called with the report lines of the files that are read for it. build: False refuses tunes.
    Raises CorpusError (a ValueError) where there is no such corpus, or nothing in it.
    """
    from ritornello.corpus.embedded import NAMES, embedded
    from ritornello.corpus.store import Corpus, is_corpus

    if isinstance(corpus, Corpus):
        return corpus
    if not isinstance(corpus, str | Path):
        return _reported(build_corpus(corpus), on_report)
    path = Path(corpus)
    if not path.exists() and str(corpus) in NAMES:
        return embedded(str(corpus))
    if not (build and path.exists()) or is_corpus(path):
        return Corpus.load(path)
    return _reported(build_corpus(path), on_report)


@takes(options=BuildOptions)
def build_corpus(
    sources: str | Path | Sequence[str | Path] | Any,
    out: str | Path | None = None,
    *,
    on_file: Callable[[int, int, str], None] | None = None,
    replace: bool = False,
    options: BuildOptions,
) -> Corpus:
    """Build a corpus from files, folders and archives, or from music in memory.

    Its `report` says what became of each file.
    sources: paths; or one piece of music or a list of them: a Melody or Piece, a music21 stream, a symusic score, a
    PrettyMIDI, a list of pitches (each a quarter long), or an array of notes, (notes, 3) or (notes, 4), of start,
    duration, pitch and perhaps velocity, times in quarters. A Melody is called by its source, other music in memory
    "item 1" and so on, by its place.
    out: the corpus folder to write, with its report.html; a call that was stopped goes on where it was.
    on_file: called after each file with how many are read, how many there are, and its name.
    replace: a corpus in `out` that nobody changed is replaced anyway, with this also files that were made or changed
    by others. Raises CorpusError (a ValueError) where nothing could be kept; its `report` says why. Raises
    FileExistsError for a file that must be kept. Where the page cannot be made, a line on standard error says so: the
    corpus is there.
    """
    from ritornello import atomic
    from ritornello.corpus.build.build import build_corpus as build
    from ritornello.corpus.build.build import corpus_of_rows
    from ritornello.corpus.build.convert import convert_object
    from ritornello.corpus.store import MAKER, PAGE, check_place

    if out is not None:
        check_place(Path(out), replace)
    objects = _in_memory(sources)
    if objects is None:
        corpus = build(sources, options, on_file, out, replace)
    else:
        names = _names(objects)
        rows = [convert_object(music, name, options) for music, name in zip(objects, names, strict=True)]
        corpus = corpus_of_rows(rows, names, options)
        if out is not None:
            corpus.save(out, replace)
    if out is not None:
        from ritornello.reports.corpora.page import report_page

        try:
            atomic.write_text(Path(out) / PAGE, report_page(corpus), MAKER, replace)
        except Exception as error:
            why = " ".join(str(error).split())
            print(f"{out}: the corpus is written, its page is not ({type(error).__name__}: {why})", file=sys.stderr)
    return corpus


@checked
def show_corpus(
    corpus: Corpus | str | Path = "all",
    picture: str | Path | None = None,
    page: str | Path | None = None,
    name: str = "",
    replace: bool = False,
) -> dict[str, Any]:
    """Describe a corpus in plain values: counts and histograms.

    Counted are notes by pitch and duration, melodies by key, metre, length and tempo.
    picture: draw the histograms to this .svg file too. page: write the report page to this .html file too.
    name: of the corpus, on the page; without it, that of its folder. replace: let them replace any file, not only the
    picture and page of this corpus that nobody changed.
    Raises ValueError for another suffix, FileExistsError for a file that must be kept, OSError where one cannot be
    written.
    """
    from ritornello import atomic
    from ritornello.reports.corpora.describe import as_svg, describe
    from ritornello.reports.corpora.page import report_page

    _check_suffix(picture, (".svg",), "the picture is an SVG")
    _check_suffix(page, PAGES, "the report is a page")
    name = name or (str(corpus) if isinstance(corpus, str | Path) else "")
    maker = atomic.maker_of("corpus show", name) if name else ""
    atomic.check_files((path for path in (picture, page) if path), maker, replace)
    material = load_corpus(corpus)
    description = describe(material)
    files: list[tuple[str | Path, bytes]] = []
    if picture:
        files.append((picture, as_svg(description).encode()))
    if page:
        title = Path(name).name if Path(name).exists() else name
        files.append((page, report_page(material, title).encode()))
    atomic.write_files(files, maker, replace)
    return description


@checked
def corpus_families(corpus: Corpus | str | Path = "all") -> list[Family]:
    """Find the tunes of a corpus that are duplicates or variants of each other."""
    from ritornello.corpus.families.variants import families_of

    return families_of(load_corpus(corpus))


@takes(options=BuildOptions)
def explain_file(
    file: str | Path, out: str | Path | None = None, *, replace: bool = False, options: BuildOptions
) -> list[Explanation]:
    """Explain what a corpus takes from a file, what it leaves, and why.

    file: a music file, or an archive or a folder of them. out: write a page that shows it to this .html file too.
    replace: let the page replace any file, not only that of the same file that nobody changed.
    Raises CorpusError (a ValueError) where there is no such file, ValueError for another suffix, FileExistsError for
    a page that must be kept.
    """
    from ritornello import atomic
    from ritornello.reports.corpora import explain as explaining
    from ritornello.reports.corpora.explain_page import explanation_page

    _check_suffix(out, PAGES, "the explanation is a page")
    maker = atomic.maker_of("corpus explain", file)
    atomic.check_files([out] if out else [], maker, replace)
    found = explaining.explain(file, options)
    if out:
        atomic.write_text(out, explanation_page(found, str(file)), maker, replace)
    return found


@checked
def export_corpus(
    corpus: Corpus | str | Path,
    out: str | Path,
    format: Literal["parquet", "midi", "npz"] | None = None,
    convention: Literal["exercise", "zeldic", "magenta"] = "zeldic",
    steps_per_quarter: int = 4,
    replace: bool = False,
    on_remark: Callable[[str], None] | None = None,
) -> list[Path]:
    """Export a corpus as MIDI, Parquet tables or the exercise's .npz; return the files.

    out: the folder to write, or for npz the file. format: midi without one, or npz where `out` ends in it.
    convention, steps_per_quarter (1 to 24): of npz, how its tokens are named and how fine its grid is. replace: let
    them replace files that hold something else. on_remark: called with what the grid could not keep.
    `build_corpus` reads back what is written.
    Raises ValueError for another format or convention and for a folder that holds a corpus, FileExistsError, before
    anything is written, for a file that must be kept.
    """
    from ritornello.corpus import export as exporting
    from ritornello.corpus.store import is_corpus
    from ritornello.music.files import readable

    if not 1 <= steps_per_quarter <= 24:
        raise ValueError(f"steps_per_quarter must be 1 to 24, not {steps_per_quarter}")
    if is_corpus(Path(out)):
        raise ValueError(f"{out} is a corpus: choose another place for the export")
    is_npz = Path(out).suffix.lower() == ".npz"
    if is_npz and format in ("midi", "parquet"):
        raise ValueError(f"{out}: {format} is a folder of files: leave .npz out of its name, or take the format npz")
    if format is None and (readable(out) or Path(out).suffix.lower() in (".parquet", ".csv", ".json", ".npy")):
        raise ValueError(
            f"{out}: an export is a folder of MIDI files, a folder of tables (format parquet) or a .npz file: "
            "leave the suffix out of a folder's name"
        )
    material, format = load_corpus(corpus), format or ("npz" if is_npz else "midi")
    if format == "npz":
        losses = exporting.export_npz(material, out, convention, steps_per_quarter, replace)
        if on_remark and (remark := exporting.losses_in_words(losses, steps_per_quarter)):
            on_remark(remark)
        return [Path(out)]
    if format not in ("midi", "parquet"):
        raise ValueError(f"format must be midi, parquet or npz, not {format!r}")
    write = exporting.export_midi if format == "midi" else exporting.export_parquet
    return list(write(material, out, replace))


@checked
def samples(folder: str | Path, replace: bool = False) -> list[Path]:
    """Write twelve free MIDI files to a folder, three of them broken; return their paths.

    Raises FileExistsError, unless it may replace, where the folder holds other files of these names.
    """
    from ritornello.corpus.samples import write_samples

    return write_samples(folder, replace)


def _in_memory(sources: Any) -> list[Any] | None:
    """List the music in memory that is given; None for paths. Raises TypeError for a mixture."""
    if isinstance(sources, str | Path):
        return None
    from ritornello.api.reading import music_of
    from ritornello.music.objects import is_melody

    given = [sources] if is_melody(sources) else list(sources)
    objects = [music_of(item) for item in given]
    paths = sum(isinstance(item, str | Path) for item in objects)
    if objects and 0 < paths < len(objects):
        raise TypeError("files and music in memory do not go together: read the files first, with rito.read(path)")
    return None if paths else objects


def _names(objects: Sequence[Any]) -> list[str]:
    """Name music in memory: a Melody by its source, if no other has it, else by place."""
    from ritornello.music.values import Melody

    sources = [music.source if isinstance(music, Melody) else "" for music in objects]
    count = Counter(sources)
    return [name if name and count[name] == 1 else f"item {n}" for n, name in enumerate(sources, 1)]


def _reported(corpus: Corpus, on_report: Callable[[Sequence[FileReport]], None] | None) -> Corpus:
    if on_report:
        on_report(corpus.report)
    return corpus


def _check_suffix(path: str | Path | None, suffixes: Sequence[str], what: str) -> None:
    if path and Path(path).suffix.lower() not in suffixes:
        raise ValueError(f"{path}: {what}; name it {suffixes[0]}")
