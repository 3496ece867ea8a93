"""ritornello kit: everything that a class needs in a room without internet, in one folder."""

from __future__ import annotations

from typing import Annotated

from cyclopts import Parameter

from ritornello import api
from ritornello.cli.console import AsJson, Console, Quiet, Replace
from ritornello.plural import counted


def kit(
    folder: str,
    /,
    *,
    systems: Annotated[str, Parameter(name="--systems")] = "windows,macos,linux",
    pythons: Annotated[str, Parameter(name="--pythons")] = "3.11,3.12,3.13,3.14",
    source: str | None = None,
    no_wheels: Annotated[bool, Parameter(negative=())] = False,
    dry_run: Annotated[bool, Parameter(negative=())] = False,
    replace: Replace = False,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Collect all that a class needs in a room without internet: wheels, notebooks, tunes.

    It first says how much room that takes and what has no wheel where. START.txt in the folder says how to install.

    Example: ritornello kit class-kit --systems windows,macos

    Parameters
    ----------
    folder
        The folder to write; copy it to a USB stick.
    systems
        For which systems: windows, macos (Apple silicon), linux.
    pythons
        For which versions of Python.
    source
        A copy of the repository, from which the program's own wheel is built; without it, the one that runs.
    no_wheels
        Notebooks and sample files alone, for a room that has internet.
    dry_run
        Say what it would take, and write nothing.
    """
    console = Console(quiet, as_json)
    names, versions = ([word.strip() for word in words.split(",")] for words in (systems, pythons))
    value = api.kit(folder, names, versions, source, not no_wheels, dry_run, console.say, replace)
    words = f"{value['bytes'] / 1e6:,.0f} MB, {counted(len(value['wheels']), 'wheel')}"
    console.result(value, f"{folder}: {'would take ' if dry_run else ''}{words}")
