"""Read token arrays from .npy and .npz files: the exercise's own data, and anything written like it.

The exercise keeps melodies of different lengths in a pickled array of Python objects. A pickle can run code, so
`pickled` reads it: it replaces the five names that an array of integer arrays needs by stand-ins of its own and
refuses everything else before it is executed.

Three conventions are in use for the two special tokens of a grid (`Grid` has the first):

    exercise   128 no_event   129 note_off     the exercise's text
    zeldic     128 note_off   129 no_event     the exercise's own data file and notebook
    magenta     -2 no_event    -1 note_off     Magenta's melodies_lib
"""

from __future__ import annotations

import io
import math
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from ritornello.encoding.arrays.comment import Stated, stated_in
from ritornello.encoding.arrays.pickled import load_pickled_array
from ritornello.encoding.grid import NO_EVENT, NOTE_OFF

CONVENTIONS = {  # name: (no_event, note_off)
    "exercise": (128, 129),
    "zeldic": (129, 128),
    "magenta": (-2, -1),
}
MAX_BYTES = 1 << 30
MAX_STEPS = MAX_BYTES // 8


@dataclass(frozen=True)
class StepArrays:
    """Melodies as tokens of the plain grid, an array (T,) each, and the convention they were written in.

    stated: what the file says besides, None where nothing.
    """

    arrays: tuple[np.ndarray, ...]
    convention: str
    stated: Stated | None = None


def read_step_arrays(content: bytes, name: str, convention: str | None = None) -> StepArrays:
    """Read the melodies of an .npz or .npy file, in the grid's own numbers.

    content, name: of the file. convention: one of CONVENTIONS; None detects it. A flat array is one melody, a
    two-dimensional one a melody per row.
    Raises ValueError, naming the file, for anything else, and for a pickle that asks for more than arrays.
    """
    try:
        melodies = _all_melodies(content)
    except ValueError as error:
        raise ValueError(f"{name}: {' '.join(str(error).split())}") from None
    except Exception as error:  # a damaged pickle or archive may raise anything at all
        reason = " ".join(str(error).split()) or type(error).__name__
        raise ValueError(f"{name}: not a readable array file ({reason})") from None
    if not melodies:
        raise ValueError(f"{name}: holds no melodies")
    try:
        known = convention or detect_convention(melodies)
        return StepArrays(tuple(to_grid(m, known) for m in melodies), known, stated_in(content, len(melodies)))
    except ValueError as error:
        raise ValueError(f"{name}: {error}") from None


def holds_arrays(content: bytes) -> bool:
    """Tell whether a file holds arrays of NumPy: one (.npy), or an archive of them (.npz)."""
    if content.startswith(b"\x93NUMPY"):
        return True
    if not content.startswith(b"PK"):
        return False
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            names = archive.namelist()
    except (zipfile.BadZipFile, ValueError, OSError):
        return False
    return bool(names) and all(name.endswith(".npy") for name in names)


def detect_convention(melodies: list[np.ndarray]) -> str:
    """Detect the convention: no_event is by far the commoner of the two special tokens.

    Raises ValueError where the array holds neither pair, or both equally often.
    """
    tokens = np.concatenate(melodies) if melodies else np.zeros(0, int)
    counts = {value: int((tokens == value).sum()) for value in (-2, -1, 128, 129)}
    if counts[-2] + counts[-1] and not counts[128] + counts[129]:
        return "magenta"
    if counts[128] == counts[129]:
        raise ValueError(
            "cannot tell which token is no_event: 128 and 129 are equally common; name the convention "
            f"({', '.join(CONVENTIONS)})"
        )
    return "exercise" if counts[128] > counts[129] else "zeldic"


def to_grid(steps: np.ndarray, convention: str) -> np.ndarray:
    """Convert tokens of any convention to the grid's numbers.

    Raises ValueError for a convention that does not exist, or a value outside it.
    """
    no_event, note_off = _pair(convention)
    legal = ((steps >= 0) & (steps < 128)) | (steps == no_event) | (steps == note_off)
    if not legal.all():
        raise ValueError(f"value {steps[~legal][0]} is neither a pitch 0-127 nor {no_event} or {note_off}")
    out = steps.astype(np.int16)
    out[steps == no_event] = NO_EVENT
    out[steps == note_off] = NOTE_OFF
    return out


def from_grid(steps: np.ndarray, convention: str) -> np.ndarray:
    """Convert the grid's tokens to another convention. Raises ValueError for an unknown one."""
    no_event, note_off = _pair(convention)
    out = np.asarray(steps).astype(np.int64)
    out[np.asarray(steps) == NO_EVENT] = no_event
    out[np.asarray(steps) == NOTE_OFF] = note_off
    return out


def _pair(convention: str) -> tuple[int, int]:
    """Return a convention's no_event and note_off. Raises ValueError for an unknown one."""
    if convention not in CONVENTIONS:
        raise ValueError(f"no such convention: {convention!r}; there are {', '.join(CONVENTIONS)}")
    return CONVENTIONS[convention]


def _all_melodies(content: bytes) -> list[np.ndarray]:
    """Load every melody of every array. Raises ValueError if together they exceed MAX_STEPS."""
    rows, steps = [], 0
    for array in _arrays(content):
        for row in _rows(array):
            rows.append(row)
            steps += row.size
            if steps > MAX_STEPS:
                raise ValueError(f"holds more than {MAX_STEPS} steps; split it into smaller files")
    return [_whole_numbers(row) for row in rows]


def _arrays(content: bytes) -> Iterator[np.ndarray]:
    """Load the arrays of an .npz file, or the one of an .npy file."""
    if not content.startswith(b"PK"):
        yield _load_npy(content)
        return
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        names = [info for info in archive.infolist() if info.filename.endswith(".npy")]
        if sum(info.file_size for info in names) > MAX_BYTES:
            raise ValueError("unpacks to more than 1 GiB; split it into smaller files")
        yield from (_load_npy(archive.read(info)) for info in names)


def _load_npy(content: bytes) -> np.ndarray:
    """Load an .npy file without running a pickle."""
    stream = io.BytesIO(content)
    version = np.lib.format.read_magic(stream)
    read_header = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    shape, _, dtype = read_header(stream)
    if dtype.hasobject:
        return load_pickled_array(stream.read())
    if dtype.itemsize * math.prod(shape) > len(content):
        raise ValueError(f"truncated: shape {shape} of {dtype} needs more bytes than it has")
    return np.load(io.BytesIO(content), allow_pickle=False)


def _rows(array: Any) -> Iterator[np.ndarray]:
    """Split an array into melodies: its objects, its rows, or the flat array as one."""
    if not isinstance(array, np.ndarray):
        raise ValueError("not an array")
    if array.dtype == object and array.size and all(isinstance(value, int) for value in array.flat):
        array = np.array(array.tolist())  # melodies of one length, packed as a table of Python's numbers
    if array.dtype == object:
        yield from (np.asarray(row) for row in array.ravel())
    else:
        yield from np.atleast_2d(array)


def _whole_numbers(row: np.ndarray) -> np.ndarray:
    """Convert a melody to (T,) int64. Raises ValueError for fractions or more dimensions."""
    if row.ndim != 1:
        raise ValueError(f"expected one row of tokens per melody, found shape {row.shape}")
    is_whole = row.dtype.kind in "iu" or (row.dtype.kind == "f" and np.isfinite(row).all() and (row % 1 == 0).all())
    if not is_whole:
        raise ValueError(f"expected whole numbers, found {row.dtype}")
    return row.astype(np.int64)
