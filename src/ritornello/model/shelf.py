"""Find a model by what a user calls it: a file, a run folder, or the name of a model that comes with the program."""

from __future__ import annotations

from pathlib import Path

SHELF = Path(__file__).parents[1] / "data" / "models"
DEFAULT = "hymns-and-songs"


def shipped_models() -> list[str]:
    """List the models that come with the program, the default first."""
    names = sorted(path.stem for path in SHELF.glob("*.safetensors"))
    return sorted(names, key=lambda name: name != DEFAULT)


def find_model(name: str | Path) -> Path:
    """Find the path of the model file meant. Raises FileNotFoundError that lists the shipped names."""
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
