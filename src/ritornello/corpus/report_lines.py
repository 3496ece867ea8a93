"""The report of many files, kept on disk: a sequence of FileReport that takes a few bytes of memory for each."""

from __future__ import annotations

import json
import tempfile
from array import array
from collections.abc import Iterator, Mapping, Sequence
from typing import IO, Any, overload

from ritornello.corpus.report import FileReport


def json_line(line: Mapping[str, Any]) -> bytes:
    """One line of UTF-8; where a file's name holds bytes that are no text, of ASCII with escapes."""
    try:
        return json.dumps(line, ensure_ascii=False).encode() + b"\n"
    except UnicodeEncodeError:
        return json.dumps(line).encode() + b"\n"


def written(report: Sequence[FileReport]) -> Iterator[bytes]:
    """The lines of a report as they stand in `report.jsonl`."""
    return report.written() if isinstance(report, ReportLines) else (json_line(r.to_dict()) for r in report)


class ReportLines(Sequence[FileReport]):
    """Report lines by the place of their file; each is read anew when it is asked for.

    files: how many there will be. The lines go with the program.
    """

    def __init__(self, files: int) -> None:
        self._places = array("q", [-1]) * files
        self._file: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115  # it lives as long as the report
        self._end = 0

    def put(self, place: int, line: FileReport) -> None:
        """Write the line of the file at that place, or write it anew."""
        data = json_line(line.to_dict())
        self._file.seek(self._end)
        self._file.write(data)
        self._places[place] = self._end
        self._end += len(data)

    def __len__(self) -> int:
        """Number of files."""
        return len(self._places)

    @overload
    def __getitem__(self, index: int) -> FileReport: ...

    @overload
    def __getitem__(self, index: slice) -> tuple[FileReport, ...]: ...

    def __getitem__(self, index: int | slice) -> FileReport | tuple[FileReport, ...]:
        """The line of a file, or a tuple of some."""
        if isinstance(index, slice):
            return tuple(self[i] for i in range(*index.indices(len(self))))
        self._file.seek(self._places[index])
        return FileReport.from_json(json.loads(self._file.readline()))

    def __iter__(self) -> Iterator[FileReport]:
        """All lines in order."""
        return (FileReport.from_json(json.loads(line)) for line in self.written())

    def written(self) -> Iterator[bytes]:
        """All lines in order, as they stand in `report.jsonl`."""
        for place in self._places:
            if place != self._file.tell():  # most lie in order, and a seek empties the buffer
                self._file.seek(place)
            yield self._file.readline()

    def __eq__(self, other: object) -> bool:
        """Whether the other is a sequence of the same lines."""
        if not isinstance(other, Sequence):
            return NotImplemented
        return len(self) == len(other) and all(a == b for a, b in zip(self, other, strict=True))

    __hash__ = None  # type: ignore[assignment]  # as of a list
