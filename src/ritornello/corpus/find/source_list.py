"""The sources of a build, kept on disk: what a million files are called need not lie in memory."""

from __future__ import annotations

import json
import tempfile
import threading
from array import array
from collections.abc import Iterable, Sequence
from functools import lru_cache
from itertools import islice
from typing import IO, overload

from ritornello.corpus.find.sources import Source

BLOCK = 256
"""Sources that are written, and read again, together."""

BLOCKS_AT_HAND = 8  # those that workers are fed from, and those that the program has come to


class SourceList(Sequence[Source]):
    """Sources by their place; it may be read by several threads. The list goes with the program."""

    def __init__(self, sources: Iterable[Source]) -> None:
        self._file: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115  # it lives as long as the list
        self._starts = array("q")
        self._lock = threading.Lock()
        self._block = lru_cache(BLOCKS_AT_HAND)(self._read)
        self._length = 0
        left = iter(sources)
        while block := list(islice(left, BLOCK)):
            self._starts.append(self._file.tell())
            self._file.write(
                json.dumps([(s.name, s.path, s.member, s.problem) for s in block]).encode("ascii") + b"\n"
            )
            self._length += len(block)

    def __len__(self) -> int:
        """Number of sources."""
        return self._length

    @overload
    def __getitem__(self, index: int) -> Source: ...

    @overload
    def __getitem__(self, index: slice) -> tuple[Source, ...]: ...

    def __getitem__(self, index: int | slice) -> Source | tuple[Source, ...]:
        """A source, or a tuple of some. Raises IndexError past the end."""
        if isinstance(index, slice):
            return tuple(self[i] for i in range(*index.indices(self._length)))
        if not -self._length <= index < self._length:
            raise IndexError(f"source {index} of {self._length}")
        block, place = divmod(index % self._length, BLOCK)
        return self._block(block)[place]

    def _read(self, block: int) -> list[Source]:
        with self._lock:
            self._file.seek(self._starts[block])
            line = self._file.readline()
        return [
            Source(name, path, member, None if problem is None else (problem[0], problem[1]))
            for name, path, member, problem in json.loads(line)
        ]


class NameList(Sequence[str]):
    """The names of some sources, each looked up as it is asked for."""

    def __init__(self, sources: Sequence[Source]) -> None:
        self._sources = sources

    def __len__(self) -> int:
        """Number of sources."""
        return len(self._sources)

    @overload
    def __getitem__(self, index: int) -> str: ...

    @overload
    def __getitem__(self, index: slice) -> tuple[str, ...]: ...

    def __getitem__(self, index: int | slice) -> str | tuple[str, ...]:
        """A name, or a tuple of some."""
        if isinstance(index, slice):
            return tuple(source.name for source in self._sources[index])
        return self._sources[index].name
