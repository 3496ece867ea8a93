"""Token arrays from .npy and .npz files: the exercise's own data, and anything written like it.

The exercise keeps ragged melodies in a pickled array of Python objects. A pickle can run code, so this
reader admits exactly the four names that an array of integer arrays needs and refuses everything else
before it is executed.

Three conventions are in use for the two special tokens of a step grid (`grid` speaks the first):

    exercise   128 no_event   129 note_off     the exercise's text
    zeldic     128 note_off   129 no_event     the exercise's own data file and notebook
    magenta     -2 no_event    -1 note_off     Magenta's melodies_lib
"""

from __future__ import annotations

import io
import pickle
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ritornello.encoding.grid import NO_EVENT, NOTE_OFF

CONVENTIONS = {  # name: (no_event, note_off)
    "exercise": (128, 129),
    "zeldic": (129, 128),
    "magenta": (-2, -1),
}
ADMITTED = {
    ("numpy.core.multiarray", "_reconstruct"),
    ("numpy._core.multiarray", "_reconstruct"),
    ("numpy", "ndarray"),
    ("numpy", "dtype"),
    ("_codecs", "encode"),
}
MAX_BYTES = 1 << 30


@dataclass(frozen=True)
class StepArrays:
    """Melodies as `grid` step tokens, one array each, and the convention they were written in."""

    arrays: tuple[np.ndarray, ...]
    convention: str


def read_step_arrays(path: str | Path, convention: str | None = None) -> StepArrays:
    """Read the melodies of an .npz or .npy file, in grid's own numbers, from any of the CONVENTIONS.

    convention: None detects it. A flat array is one melody, a two-dimensional one a melody per row.
    Raises ValueError, naming the file, for anything else, and for a pickle that asks for more than arrays.
    """
    path = Path(path)
    try:
        melodies = [m for array in _arrays(path) for m in _melodies(array)]
    except (pickle.UnpicklingError, zipfile.BadZipFile, EOFError, KeyError, IndexError, TypeError, AttributeError) as e:
        raise ValueError(f"{path}: not a readable array file ({e})") from None
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None
    if not melodies:
        raise ValueError(f"{path}: holds no melodies")
    try:
        name = convention or detect_convention(melodies)
        return StepArrays(tuple(to_grid(m, name) for m in melodies), name)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None


def detect_convention(melodies: list[np.ndarray]) -> str:
    """Name the convention: no_event is by far the commoner of the two special tokens.

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
    """Steps of any convention in grid's numbers. Raises ValueError for another name or a value outside it."""
    no_event, note_off = _pair(convention)
    legal = ((steps >= 0) & (steps < 128)) | (steps == no_event) | (steps == note_off)
    if not legal.all():
        raise ValueError(f"value {steps[~legal][0]} is neither a pitch 0-127 nor {no_event} or {note_off}")
    out = steps.astype(np.int16)
    out[steps == no_event] = NO_EVENT
    out[steps == note_off] = NOTE_OFF
    return out


def from_grid(steps: np.ndarray, convention: str) -> np.ndarray:
    """Grid's step tokens in another convention's numbers. Raises ValueError for another name."""
    no_event, note_off = _pair(convention)
    out = np.asarray(steps).astype(np.int64)
    out[np.asarray(steps) == NO_EVENT] = no_event
    out[np.asarray(steps) == NOTE_OFF] = note_off
    return out


def _pair(convention: str) -> tuple[int, int]:
    if convention not in CONVENTIONS:
        raise ValueError(f"no such convention: {convention!r}; there are {', '.join(CONVENTIONS)}")
    return CONVENTIONS[convention]


def _arrays(path: Path) -> list[np.ndarray]:
    content = path.read_bytes()
    if not content.startswith(b"PK"):
        return [_load_npy(content)]
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        names = [info for info in archive.infolist() if info.filename.endswith(".npy")]
        if sum(info.file_size for info in names) > MAX_BYTES:
            raise ValueError("unpacks to more than 1 GiB; split it into smaller files")
        return [_load_npy(archive.read(info)) for info in names]


def _load_npy(content: bytes) -> np.ndarray:
    """One .npy block; an array of objects goes through the admitting unpickler."""
    stream = io.BytesIO(content)
    version = np.lib.format.read_magic(stream)
    read_header = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    _, _, dtype = read_header(stream)
    if not dtype.hasobject:
        return np.load(io.BytesIO(content), allow_pickle=False)
    return _ArrayUnpickler(stream).load()


class _ArrayUnpickler(pickle.Unpickler):
    """Builds arrays and nothing else."""

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in ADMITTED:
            raise pickle.UnpicklingError(f"its pickle asks for {module}.{name}, which no array of numbers needs")
        if (module, name) == ("_codecs", "encode"):
            return _encode_latin1
        if name == "_reconstruct":
            return np.empty(0).__reduce__()[0]  # wherever this NumPy keeps it
        return super().find_class(module, name)


def _encode_latin1(text: str, encoding: str = "latin1") -> bytes:
    """The one use that an old pickle makes of a codec: raw bytes written as text."""
    if encoding != "latin1" or not isinstance(text, str):
        raise pickle.UnpicklingError("its pickle asks for a codec other than latin1")
    return text.encode("latin1")


def _melodies(array: Any) -> list[np.ndarray]:
    if not isinstance(array, np.ndarray):
        raise ValueError("not an array")
    if array.dtype == object:
        return [_flat(row) for row in array.ravel()]
    return [_flat(array)] if array.ndim == 1 else [_flat(row) for row in array]


def _flat(row: Any) -> np.ndarray:
    row = np.asarray(row)
    if row.dtype.kind not in "iu" and not (row.dtype.kind == "f" and (row == np.round(row)).all()):
        raise ValueError(f"expected whole numbers, found {row.dtype}")
    if row.ndim != 1:
        raise ValueError(f"expected one row of tokens per melody, found shape {row.shape}")
    return row.astype(np.int64)
