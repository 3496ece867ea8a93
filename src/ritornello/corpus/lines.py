"""Values kept on disk, a line of JSON each: those of a million files take a few bytes of memory for each."""

from __future__ import annotations

import json
import tempfile
import threading
from array import array
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import lru_cache
from typing import IO, Any, Generic, TypeVar, overload

Value = TypeVar("Value")
_encode = json.JSONEncoder(ensure_ascii=False).encode
RECENT = (
    4096  # values that were read last, at hand in memory: workers are fed from them, and the program comes behind
)


class Lines(Sequence[Value], Generic[Value]):
    """Values by their place. They go with the program; several threads may read and write them.

    to_plain: from a value to plain values for JSON; from_plain: and back. length: how many there will be at least.
    """

    def __init__(
        self,
        to_plain: Callable[[Value], Any],
        from_plain: Callable[[Any], Value],
        values: Iterable[Value] = (),
        length: int = 0,
    ) -> None:
        self._to_plain, self._from_plain = to_plain, from_plain
        self._starts = array("q", [-1]) * length
        self._file: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115  # it lives as long as the list
        self._end = 0
        self._at = lru_cache(RECENT)(self._read)
        self._lock = threading.Lock()
        for value in values:
            self._starts.append(-1)
            self.put(len(self) - 1, value)

    def put(self, place: int, value: Value) -> None:
        """Write the value of a place, or write it anew."""
        line = json_line(self._to_plain(value))
        with self._lock:
            if self._file.tell() != self._end:  # a seek empties the buffer
                self._file.seek(self._end)
            self._file.write(line)
            if self._starts[place] >= 0:
                self._at.cache_clear()
            self._starts[place] = self._end
            self._end += len(line)

    def __len__(self) -> int:
        """Count the places."""
        return len(self._starts)

    @overload
    def __getitem__(self, index: int) -> Value: ...

    @overload
    def __getitem__(self, index: slice) -> tuple[Value, ...]: ...

    def __getitem__(self, index: int | slice) -> Value | tuple[Value, ...]:
        """Read the value of a place, or a tuple of some. Raises IndexError past the end."""
        if isinstance(index, slice):
            return tuple(self[i] for i in range(*index.indices(len(self))))
        return self._at(range(len(self))[index])

    def lines(self) -> Iterator[bytes]:
        """Read all lines in order, each with its end."""
        return map(self._line, self._starts)

    def __eq__(self, other: object) -> bool:
        """Tell whether the other is a sequence of equal values."""
        if not isinstance(other, Sequence):
            return NotImplemented
        return len(self) == len(other) and all(a == b for a, b in zip(self, other, strict=True))

    __hash__ = None  # type: ignore[assignment]  # as of a list

    def _read(self, place: int) -> Value:
        return self._from_plain(json.loads(self._line(self._starts[place])))

    def _line(self, start: int) -> bytes:
        with self._lock:
            if self._file.tell() != start:
                self._file.seek(start)
            return self._file.readline()


def lines_of(values: Sequence[Value], to_plain: Callable[[Value], Any]) -> Iterator[bytes]:
    """Write each value as a line of JSON; those of Lines stand there as lines already."""
    return values.lines() if isinstance(values, Lines) else (json_line(to_plain(value)) for value in values)


def json_line(plain: Any) -> bytes:
    """Write plain values as a line of UTF-8; of ASCII where a name holds bytes that are no text."""
    try:
        return _encode(plain).encode() + b"\n"
    except UnicodeEncodeError:
        return json.dumps(plain).encode() + b"\n"
