"""Read pickled arrays of number arrays without letting the pickle build anything of NumPy's or run anything.

A pickle names functions and classes and calls them. An array of arrays needs five names; each is replaced by a
stand-in that stores its arguments, checks them, and makes the array itself. (NumPy's own dtype would trust the
pickle: one that denies holding objects turns raw bytes into addresses.)
"""

from __future__ import annotations

import io
import pickle
import pickletools
import re
from typing import Any

import numpy as np

_OPCODES = """
    PROTO FRAME STOP MARK GLOBAL STACK_GLOBAL REDUCE BUILD PUT BINPUT LONG_BINPUT MEMOIZE GET BINGET LONG_BINGET
    EMPTY_TUPLE TUPLE TUPLE1 TUPLE2 TUPLE3 EMPTY_LIST LIST APPEND APPENDS NONE NEWTRUE NEWFALSE INT BININT BININT1
    BININT2 LONG LONG1 UNICODE BINUNICODE SHORT_BINUNICODE BINBYTES SHORT_BINBYTES
""".split()  # noqa: SIM905  what arrays, lists, tuples, texts and whole numbers are written with
_CODE = re.compile(r"[<>|=]?(?:b1|[iu][1248]|f[248]|O[48]?)")


def load_pickled_array(content: bytes) -> Any:
    """Load the array of a pickle, of numbers or of objects (arrays of numbers, lists, integers).

    Raises pickle.UnpicklingError for a pickle that asks for anything else; a damaged one may raise anything.
    """
    for opcode, argument, _ in pickletools.genops(content):  # before the first is run: some ask for any memory
        if opcode.name not in _OPCODES:
            raise pickle.UnpicklingError(f"its pickle holds {opcode.name}, which no array of numbers needs")
        if opcode.name.endswith("PUT") and not 0 <= int(argument or 0) <= len(content):
            raise pickle.UnpicklingError(f"its pickle is damaged: it puts something at place {argument}")
    loaded = _ArrayUnpickler(io.BytesIO(content)).load()
    return _built(loaded) if isinstance(loaded, _Array) else loaded


class _Dtype:
    """Stand-in for numpy.dtype: one of the number types, or objects."""

    __slots__ = ("dtype",)

    def __init__(self, code: str, *_: Any):
        if not isinstance(code, str) or not _CODE.fullmatch(code):
            raise pickle.UnpicklingError(f"its pickle holds {code!r}, not numbers")
        self.dtype = np.dtype(code)

    def __setstate__(self, state: tuple) -> None:
        if state[1] in ("<", ">"):
            self.dtype = self.dtype.newbyteorder(state[1])


class _Array:
    """Stand-in for an array: numpy's _reconstruct makes it empty, its state brings shape, type and contents."""

    __slots__ = ("array",)

    def __init__(self, *_: Any):
        self.array: np.ndarray | None = None

    def __setstate__(self, state: tuple) -> None:
        _, shape, kind, by_columns, content = state
        if not isinstance(kind, _Dtype):
            raise pickle.UnpicklingError("its pickle holds an array of no known type")
        if kind.dtype.hasobject:
            flat = np.empty(len(content), object)
            flat[:] = [_built(item) if isinstance(item, _Array) else item for item in content]
            self.array = flat.reshape(shape)  # a list of objects is in row order, whatever the array's own was
        else:
            self.array = np.frombuffer(content, kind.dtype).reshape(shape, order="F" if by_columns else "C")


class _EncodeLatin1:
    """Stand-in for _codecs.encode as old pickles use it: raw bytes written as text."""

    __slots__ = ()

    def __call__(self, text: str, encoding: str = "latin1") -> bytes:
        if encoding != "latin1" or not isinstance(text, str):
            raise pickle.UnpicklingError("its pickle asks for a codec other than latin1")
        return text.encode("latin1")


class _ArrayUnpickler(pickle.Unpickler):
    """Unpickler that builds stand-ins and nothing else; they take no attribute from the pickle."""

    def find_class(self, module: str, name: str) -> Any:
        match f"{module}.{name}":
            case "numpy.core.multiarray._reconstruct" | "numpy._core.multiarray._reconstruct":
                return _Array
            case "numpy.ndarray":
                return "ndarray"  # only ever handed to _reconstruct
            case "numpy.dtype":
                return _Dtype
            case "_codecs.encode":
                return _EncodeLatin1()
        raise pickle.UnpicklingError(f"its pickle asks for {module}.{name}, which no array of numbers needs")


def _built(stand_in: _Array) -> np.ndarray:
    """Return a stand-in's array. Raises pickle.UnpicklingError if it was given no contents."""
    if stand_in.array is None:
        raise pickle.UnpicklingError("its pickle holds an array without contents")
    return stand_in.array
