"""Find the files under the paths, patterns and archives that a user names: each a source, with a way to its bytes."""

from __future__ import annotations

import glob
import hashlib
import os
from collections.abc import Iterator, Sequence
from contextlib import suppress
from fnmatch import fnmatchcase
from operator import attrgetter
from pathlib import Path
from typing import Any, NamedTuple

from ritornello.corpus.errors import CorpusError
from ritornello.corpus.find.archive_limits import ARCHIVE_SUFFIXES, ArchiveError, Member
from ritornello.encoding.arrays.exercise import holds_arrays
from ritornello.music.files import MAX_BYTES, SESSION, SUFFIXES, regular_bytes
from ritornello.wording import as_argument, by_face

ARRAY_SUFFIXES = (".npz", ".npy")
TABLE_SUFFIXES = (".parquet",)
SESSION_SUFFIXES = (".jsonl", ".json", ".txt")  # of sessions besides their own
MAX_ARRAY_BYTES = 2**28
"""The exercise's kind of array, and a table, hold a whole corpus in one file; they may be larger than one score."""
_RUNS = (("last.safetensors",), ("model.safetensors", "log.jsonl"))


class Source(NamedTuple):
    """One input file: a plain file, or a member of an archive. Its values are plain, for JSON.

    name: what reports call it: its path, or that of the archive with the member's name behind it. Bytes that are
        not UTF-8 stand in it as Python's "surrogateescape" writes them, so that the name still opens the file.
    path: the file on disk. member: its place in the archive at `path`, None for a plain file.
    problem: (reason, detail) where it need not be opened at all.
    """

    name: str
    path: str
    member: int | None = None
    problem: tuple[str, str] | None = None

    @classmethod
    def from_list(cls, values: Sequence[Any]) -> Source:
        """Rebuild a source from the list of its values."""
        name, path, member, problem = values
        return cls(name, path, member, None if problem is None else (problem[0], problem[1]))

    def read(self) -> bytes:
        """Read its bytes, at most 64 MB of a score and 256 MB of an array file.

        Nothing but regular files is opened: no pipe or device can hold the reader up. Members of one archive are
        cheap to read in their order. Raises CorpusError, its `reason` a code of the report, where there is
        nothing to be read.
        """
        if self.problem:
            reason, detail = self.problem
            raise CorpusError(detail, reason=reason)
        limit = MAX_ARRAY_BYTES if self.name.lower().endswith((*ARRAY_SUFFIXES, *TABLE_SUFFIXES)) else MAX_BYTES
        try:
            content: bytes | None
            if self.member is None:
                content = regular_bytes(self.path, limit)
            else:
                from ritornello.corpus.find.archives import read_member

                content = read_member(self.path, self.member, limit)
        except ArchiveError as error:
            raise CorpusError(str(error), reason="bad_archive") from None
        except OSError as error:
            raise CorpusError(error.strerror or str(error), reason="unreadable") from None
        if content is None:
            raise CorpusError("not a file", reason="not_music")
        if not content:
            raise CorpusError("", reason="empty_file")
        if len(content) > limit:
            raise CorpusError(f"over {limit // 2**20} MB", reason="too_large")
        return content


def name_problem(name: str) -> tuple[str, str] | None:
    """Say why a file of this name is not read, as (reason, detail); None where it may be."""
    suffix = os.path.splitext(name)[1].lower()
    if suffix in SUFFIXES or suffix in ARRAY_SUFFIXES + TABLE_SUFFIXES:
        return None
    return "not_music", f"{suffix or 'a name without an ending'} is not read"


def each_file(sources: Sequence[str | Path]) -> Iterator[Source]:
    """Find every file that is named, or in a folder, archive or pattern that is, each once.

    A source is a file, a folder (searched through, archives in it as well), an archive (`.zip`, `.tar`, `.tar.gz`,
    `.tgz`, `.tar.bz2`, `.tar.xz` ...) or a pattern (`tunes/**/*.mid`). Sources stay in the order given; what is in
    a folder or matches a pattern is sorted by path, what is in an archive stays in its order. Hidden files and
    folders are passed over, and folders that hold a training run, whose melodies are the network's own; links are
    followed but never in a circle, in archives never. What cannot be read comes with its problem: a folder that
    cannot be listed, a damaged archive, a file that is no music.
    Of a file that was found, eight bytes of the digest of its real path are remembered.
    Raises CorpusError for a source that does not exist, and where no file is found.
    """
    found: set[bytes] = set()
    for given in map(str, sources):
        for path in _named(given):
            for real, source in _below(path) if os.path.isdir(path) else [(os.path.realpath(path), _source_of(path))]:
                digest = hashlib.blake2b(os.fsencode(real), digest_size=8).digest()
                if digest in found:
                    continue
                found.add(digest)
                is_archive = source.problem is None and source.path.lower().endswith(ARCHIVE_SUFFIXES)
                yield from _members(source) if is_archive else [source]
    if not found:
        raise _nothing_found(sources)


def _is_run(folder: str | Path) -> bool:
    """Tell whether a folder holds a training run: its checkpoint, or its model and its log."""
    return any(all(os.path.isfile(os.path.join(folder, name)) for name in names) for names in _RUNS)


def _nothing_found(sources: Sequence[str | Path]) -> CorpusError:
    run = next(filter(_is_run, sources), None)
    if run:
        named = as_argument(run)
        on = by_face(f"ritornello train --resume {named}", f'rito.train(out="{run}", resume=True)')
        anew = by_face(f"ritornello train TUNES --from {named} -o NEW-RUN", f'rito.train(TUNES, base="{run}")')
        return CorpusError(
            f"{run}: a training run, not tunes to learn from: go on with it (`{on}`), or train on from its model "
            f"(`{anew}`)"
        )
    names = ", ".join(str(s) for s in sources) or "nothing"
    return CorpusError(f"{names}: no files there; name a folder with MIDI, ABC, MusicXML, MuseScore or kern files")


def _named(given: str) -> list[str]:
    """Expand a source into paths: itself, or what a pattern matches."""
    if os.path.lexists(given):
        return [given]
    if not glob.has_magic(given):
        raise CorpusError(f"{given}: no such file or folder; check the name")
    matches = _deep_matches(given) if "**" in given else sorted(glob.glob(given))
    if not matches:
        raise CorpusError(f"{given}: no file matches this pattern; check it, and quote it from the shell")
    return matches


def _deep_matches(pattern: str) -> list[str]:
    """Match files with a pattern that has "**" (any depth).

    Unlike glob, it ends where links go in circles.
    """
    parts = Path(pattern).parts
    first = next(i for i, part in enumerate(parts) if glob.has_magic(part))
    root = os.path.join(*parts[:first]) if first else os.curdir
    below = (source.path for _, source in _below(root)) if os.path.isdir(root) else ()
    return [p for p in below if _matches(Path(os.path.relpath(p, root)).parts, parts[first:])]


def _matches(names: Sequence[str], pattern: Sequence[str]) -> bool:
    if not pattern:
        return not names
    if pattern[0] == "**":
        return any(_matches(names[skipped:], pattern[1:]) for skipped in range(len(names) + 1))
    return bool(names) and fnmatchcase(names[0], pattern[0]) and _matches(names[1:], pattern[1:])


def _below(folder: str) -> Iterator[tuple[str, Source]]:
    """Walk the files below a folder, sorted, with real paths; each real folder once, no run."""
    entered: set[str] = set()
    waiting = [(folder, os.path.realpath(folder), True)]  # path, real path, is it a folder
    while waiting:
        path, real, is_folder = waiting.pop()
        if not is_folder:
            yield real, _source_of(path)
        elif real not in entered and not _is_run(path):
            entered.add(real)
            try:
                with os.scandir(path) as entries:
                    seen = sorted((e for e in entries if not e.name.startswith(".")), key=attrgetter("name"))
            except OSError:
                yield real, Source(path, path, problem=("unreadable", "the folder cannot be listed"))
                continue
            for entry in reversed(seen):
                is_folder = False
                with suppress(OSError):  # a link to itself
                    is_folder = entry.is_dir()
                its_real = os.path.realpath(entry.path) if entry.is_symlink() else os.path.join(real, entry.name)
                waiting.append((entry.path, its_real, is_folder))


def _source_of(path: str) -> Source:
    """Make one source of a path, which is not opened."""
    if os.path.isfile(path):
        is_read = path.lower().endswith(ARCHIVE_SUFFIXES) or _is_nameless_array(path) or _is_session(path)
        return Source(path, path, problem=None if is_read else name_problem(path))
    missing = "not a file" if os.path.exists(path) else "a link to nothing"
    return Source(path, path, problem=("not_music", missing))


def _is_nameless_array(path: str) -> bool:
    """Tell whether a file without an ending holds token arrays, as NumPy writes them."""
    if "." in os.path.basename(path):
        return False
    try:
        head = regular_bytes(path, 8) or b""
        return head[:2] in (b"PK", b"\x93N") and holds_arrays(regular_bytes(path, MAX_ARRAY_BYTES) or b"")
    except OSError:
        return False


def _is_session(path: str) -> bool:
    """Tell whether a file of JSON, or of lines of it, is a session of `ritornello jam`."""
    if not path.lower().endswith(SESSION_SUFFIXES):
        return False
    with suppress(OSError), open(path, "rb") as file:
        return file.read(len(SESSION)) == SESSION
    return False


def _members(source: Source) -> Iterator[Source]:
    """List the members of an archive; a damaged one comes last itself, with its problem."""
    from ritornello.corpus.find.archives import list_members  # with the unpackers, which few need

    numbers: dict[str, int] = {}
    try:
        if not os.path.getsize(source.path):
            yield source._replace(problem=("empty_file", ""))
            return
        for member in list_members(source.path):
            yield _member(source.path, member, numbers)
        if not numbers:
            yield source._replace(problem=("bad_archive", "it holds no files"))
    except ArchiveError as error:
        yield source._replace(problem=("bad_archive", str(error)))
    except OSError as error:
        yield source._replace(problem=("unreadable", error.strerror or str(error)))


def _member(archive: str, member: Member, numbers: dict[str, int]) -> Source:
    """Make a source of a member. A name that came before in the same archive gets a number."""
    stem, suffix = os.path.splitext(member.name)
    name, number = member.name, numbers.get(member.name, 0)
    while name in numbers:
        number += 1
        name = f"{stem} ({number}){suffix}"
    numbers[member.name] = max(number, 1)
    numbers.setdefault(name, 1)
    problem = member.problem or name_problem(name)
    return Source(f"{archive}/{name}", archive, member.index, problem)
