"""What commands leave in folders."""

from pathlib import Path

from ritornello.atomic import RECORD


def names_in(folder: Path) -> list[str]:
    """Names of the files in a folder, sorted, without the record that lies beside those made here."""
    return sorted(path.name for path in folder.iterdir() if path.name != RECORD)
