"""ritornello corpus samples: twelve MIDI files for those who bring none."""

from __future__ import annotations

import textwrap

from ritornello import api
from ritornello.cli.console import AsJson, Console, Quiet, Replace
from ritornello.plural import counted
from ritornello.wording import as_argument


def samples(folder: str, /, *, replace: Replace = False, as_json: AsJson = False, quiet: Quiet = False) -> None:
    """Write twelve free MIDI files to a folder: nine good ones, three broken in typical ways.

    Example: ritornello corpus samples my-tunes

    Parameters
    ----------
    folder
        Where to write them; it is made if need be.
    """
    from ritornello.corpus.samples import SAMPLES

    paths = api.samples(folder, replace)
    console = Console(quiet, as_json)
    longest = max(map(len, SAMPLES))
    for name, purpose in SAMPLES.items():
        lines = textwrap.wrap(purpose, max((console.width or 100) - longest - 2, 30))
        console.say("\n".join(f"{head:{longest}}  {line}" for head, line in zip([name, *[""] * 9], lines)))
    console.say(
        f"\nFree to use (public domain, CC0). Next: ritornello corpus build {as_argument(folder)} -o my-corpus"
    )
    value = {"folder": folder, "files": [{"path": str(p), "about": SAMPLES[p.name]} for p in paths]}
    console.result(value, f"{folder}: {counted(len(paths), 'file')}")
