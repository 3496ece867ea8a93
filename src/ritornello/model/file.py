"""The model file: one .safetensors with the weights and, in its header, everything needed to use them.

No pickled objects. The header holds one JSON text under "ritornello": format, network, encoding, vocabulary,
facts (corpus, licence, seed, validation figures, ...) and the SHA-256 of the tensors, checked on loading.
A user calls a model by a file, a run folder, or the name of one that comes with the program (`find_model`).
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from ritornello import atomic
from ritornello.encoding import ENCODINGS, MelodyEncoding, encoding_from_dict
from ritornello.encoding.memory import needs_counts
from ritornello.encoding.options import OlderNetworkError
from ritornello.model.alphabet import Alphabet
from ritornello.model.counts import PREFIX, counts_of_tensors
from ritornello.model.lstm import NumpyLstm, tensor_shapes
from ritornello.model.network import Network
from ritornello.model.options import NetworkOptions
from ritornello.model.transformer import NumpyTransformer, transformer_shapes

FORMAT = 1
SHELF = Path(__file__).parents[1] / "data" / "models"
DEFAULT = "hymns-and-songs"
NETWORKS: dict[str, type[NumpyLstm] | type[NumpyTransformer]] = {"lstm": NumpyLstm, "transformer": NumpyTransformer}
SHAPES = {"lstm": tensor_shapes, "transformer": transformer_shapes}


class ModelFileError(ValueError):
    """A file that is not a usable model; the message names it, says why and what to do."""


@dataclass(frozen=True)
class ModelFile:
    """A trained network: weights (see the modules of its kind), options, encoding, and how it came to be."""

    tensors: dict[str, np.ndarray]
    network: NetworkOptions
    encoding: MelodyEncoding
    metadata: dict = field(default_factory=dict)

    @property
    def pitch_range(self) -> tuple[int, int]:
        """Lowest and highest pitch of the melodies that it learned from.

        0 and 127 where that is not known.
        """
        lowest, highest = self.metadata.get("corpus", {}).get("compass", (0, 127))
        return lowest, highest

    @property
    def counts(self) -> dict[str, dict[str, Any]]:
        """How many melodies that it learned from stand in each of `metres` and `keys`.

        And how they end, as of `generate.headings.Counts`; empty where not known. A model that was fine-tuned has
        learned from its base how tunes end.
        """
        corpus = self.metadata.get("corpus", {})
        endings = () if "parent" in self.metadata else ("last_notes", "other_last_notes")
        return {name: corpus.get(name, {}) for name in ("metres", "keys", *endings)}

    def build(self, dtype: type = np.float32) -> Network:
        """Build the network of these weights, ready to play. dtype: see `NumpyLstm`."""
        return NETWORKS[self.network.kind](self.tensors, self.network, Alphabet.of(self.encoding), dtype)


def save_model(
    path: str | Path, model: ModelFile, half: bool = False, maker: str = "", replace: bool = False
) -> None:
    """Write `model` to `path`, whole or not at all. half: weights as float16.

    maker, replace: which file it may replace, as of `atomic.write_files`. Raises FileExistsError for one that must be
    kept, OSError naming `path`.
    """
    from safetensors.numpy import save

    dtype = np.float16 if half else np.float32
    tensors = {
        name: np.ascontiguousarray(value, None if name.startswith(PREFIX) else dtype)  # counts are whole numbers
        for name, value in sorted(model.tensors.items())
    }
    header = {
        "format": FORMAT,
        "network": model.network.to_dict(),
        "encoding": model.encoding.to_dict(),
        "vocabulary": [list(row[:3]) for row in model.encoding.vocabulary.rows],
        "facts": model.metadata,
        "sha256": digest(tensors),
    }
    header = json.loads(json.dumps(header))  # as it will be read: names as text, tuples as lists
    header["header_sha256"] = _header_digest(header)
    atomic.write_bytes(path, save(tensors, {"ritornello": json.dumps(header, sort_keys=True)}), maker, replace)


def load_model(path: str | Path) -> ModelFile:
    """Read and check a model file.

    Raises FileNotFoundError, or ModelFileError for another kind of file, a damaged one, a newer format, a vocabulary
    that is not this program's, or not that of the weights, or weights that are not those of the network.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such model file")
    header, tensors = _read(path)
    try:
        if header["format"] > FORMAT:
            raise ModelFileError(f"{path}: made by a newer ritornello (format {header['format']}); update this one")
        if digest(tensors) != header["sha256"] or _header_digest(header) != header["header_sha256"]:
            raise ModelFileError(
                f"{path}: damaged (its contents do not match their checksum); copy or train it again"
            )
        if (name := header["encoding"]["name"]) not in ENCODINGS:
            raise ModelFileError(
                f"{path}: its encoding, {name!r}, is not registered here (there are {', '.join(ENCODINGS)}): import "
                "the module that puts it into ritornello.encoding.ENCODINGS before you load the model"
            )
        encoding = encoding_from_dict(header["encoding"])
        if header["vocabulary"] != [list(row[:3]) for row in encoding.vocabulary.rows]:
            raise ModelFileError(
                f"{path}: its vocabulary is not the one that {name!r} has in this version; train it again"
            )
        network = NetworkOptions(**header["network"])
        if spare := header["network"].keys() - network.to_dict().keys():
            raise ValueError(f"{', '.join(sorted(spare))}, which a network of kind {network.kind} does not have")
        _check_tensors(path, tensors, network, encoding)
        return ModelFile(tensors, network, encoding, header["facts"])
    except ModelFileError:
        raise
    except OlderNetworkError as error:
        raise ModelFileError(f"{path}: {error}") from None
    except (KeyError, TypeError, ValueError) as error:
        raise ModelFileError(
            f"{path}: not a model for this ritornello: its header lacks or mis-states {error}; train it again"
        ) from None


def digest(tensors: dict[str, np.ndarray]) -> str:
    """Compute the SHA-256 over names, types, shapes and bytes of the tensors, in order of name."""
    total = hashlib.sha256()
    for name in sorted(tensors):
        value = tensors[name]
        total.update(f"{name} {value.dtype.str} {value.shape}\n".encode())
        total.update(np.ascontiguousarray(value).tobytes())
    return total.hexdigest()


def _header_digest(header: dict) -> str:
    rest = {key: value for key, value in header.items() if key != "header_sha256"}
    return hashlib.sha256(json.dumps(rest, sort_keys=True).encode()).hexdigest()


def _read(path: Path) -> tuple[dict, dict[str, np.ndarray]]:
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, "numpy") as file:
            metadata = file.metadata() or {}
            if "ritornello" not in metadata:
                raise ModelFileError(f"{path}: a .safetensors file of another program, not a ritornello model")
            return json.loads(metadata["ritornello"]), {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - not a mapping
    except (SafetensorError, json.JSONDecodeError, UnicodeDecodeError):
        raise ModelFileError(f"{path}: not a model file, or a damaged one; train it again or copy it anew") from None


def _check_tensors(
    path: Path, tensors: dict[str, np.ndarray], network: NetworkOptions, encoding: MelodyEncoding
) -> None:
    """Raise ModelFileError for a tensor that is missing, spare or of another shape."""
    shapes = SHAPES[network.kind](network, Alphabet.of(encoding))
    missing = [name for name in shapes if name not in tensors]
    if missing:
        raise ModelFileError(f"{path}: its network lacks the weights {', '.join(missing)}; train it again")
    numbers = range(network.layers if network.kind == "lstm" else 0)
    starts = {f"start.{n}.{part}": (network.width,) for n in numbers for part in ("output", "cell")}
    for name, shape in {**shapes, **starts}.items():
        if name in tensors and tensors[name].shape != shape:
            raise ModelFileError(
                f"{path}: its weights {name} have the shape {tensors[name].shape}, but the network that it says it "
                f"is needs {shape}; train it again"
            )
    counts = {name for name in tensors if name.startswith(PREFIX)}
    if needs_counts(encoding.memory) != bool(counts):
        raise ModelFileError(f"{path}: it has {'spare' if counts else 'no'} counts of its corpus; train it again")
    if counts:
        counts_of_tensors(tensors)  # refuses what does not fit together
    if spare := sorted(tensors.keys() - shapes.keys() - starts.keys() - counts):
        raise ModelFileError(
            f"{path}: its weights {', '.join(spare)} do not belong to the network that it says it is; train it again"
        )


OTHERS = ("four-voices", "letters", "songs-piano")  # not melodies in notes and bars


def shipped_models() -> list[str]:
    """List the models that come with the program.

    The default is first, then others of melodies in notes, then the rest.
    """
    names = {path.stem for path in SHELF.glob("*.safetensors")}
    return sorted(names, key=lambda name: (name != DEFAULT, name in OTHERS, name))


def find_model(name: str | Path) -> Path:
    """Find a model file. Raises FileNotFoundError that lists the shipped names."""
    path = Path(name)
    if path.is_dir():
        inside = path / "model.safetensors"
        if not inside.is_file():
            raise FileNotFoundError(f"{path}: no model.safetensors in this folder; give a run folder or a model file")
        return inside
    if path.exists():
        return path
    if str(name) in shipped_models():
        return SHELF / f"{name}.safetensors"
    shipped = ", ".join(shipped_models()) or "none"
    raise FileNotFoundError(f"{name}: no such model; give a model file, a run folder or a shipped model ({shipped})")
