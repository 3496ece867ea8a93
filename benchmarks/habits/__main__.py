"""Do composed tunes end, return, go round and copy as people's do, with the guards of composing and without them?

Each habit is counted in composed tunes and in people's, and may differ from theirs by no more than the judgement
allows. What was trained and counted is kept in the cache, so that a run that was stopped goes on.
"""

from __future__ import annotations

import argparse
import ast
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

from benchmarks.habits.counting import composed_part, people_part
from benchmarks.habits.judging import rows_of
from benchmarks.habits.subjects import MINUTES, OWN, SHIPPED, load_subject
from benchmarks.habits.tables import full_tables, short_table, summary
from benchmarks.report import DATA, ROOT, arguments, hardware, tell, write_between_marks

from ritornello.generate.options import GenerateOptions

MARKS = ("<!-- habits: made by python -m benchmarks.habits --readme -->", "<!-- /habits -->")
PAGES = (Path(__file__).with_name("README.md"), ROOT / "README.md")
NAMES = (*SHIPPED, *OWN)


def main() -> None:
    """Compose, count, judge and print; write the tables where asked."""
    options = parsed()
    rows = list(all_rows(options))
    where = ", ".join(f"{name} {value}" for name, value in hardware().items())
    if options.json:
        tell(rows, True, tunes=options.tunes)
    else:
        print(f"{where}\n\n{full_tables(rows)}\n\n{summary(rows)}")
    if options.readme:
        full, short = PAGES
        about = f"{where}. {options.tunes} tunes in each column. {summary(rows)}."
        write_between_marks(full, f"{about}\n\n{full_tables(rows)}", MARKS)
        write_between_marks(short, short_table(rows), MARKS)


def parsed(words: list[str] | None = None) -> argparse.Namespace:
    """Parse the command line."""
    parser = arguments(__doc__)
    parser.add_argument("--tunes", type=int, default=500, help="composed in each part")
    parser.add_argument("--models", nargs="+", choices=NAMES, default=list(NAMES if DATA.is_dir() else SHIPPED))
    parser.add_argument("--temperatures", nargs="+", type=float, default=[0.5, 0.8, 1.0, 1.2, 1.5])
    parser.add_argument("--bars", nargs="+", type=int, default=[8, 16, 32])
    parser.add_argument("--guards", choices=("on", "off", "both"), default="both")
    parser.add_argument("--options", nargs="*", default=[], help="of composing, such as top_p=1 or quote=2")
    parser.add_argument("--cache", type=Path, default=ROOT / "build" / "habits", help="what was trained and counted")
    parser.add_argument("--minutes", type=float, default=MINUTES, help="of training of the models of one's own")
    parser.add_argument("--readme", action="store_true", help="write the tables into both READMEs, between marks")
    options = parser.parse_args(words)
    if not DATA.is_dir() and {*options.models} & {*OWN}:
        parser.error(f"{' and '.join(OWN)} are trained on files in {DATA}, which is not there")
    return options


def all_rows(options: argparse.Namespace) -> Iterator[dict[str, Any]]:
    """Count and judge each part that is asked for."""
    asked = dict(map(_option, options.options))
    guards = {"on": [True], "off": [False], "both": [True, False]}[options.guards]
    for name in options.models:
        subject = load_subject(name, options.cache, options.minutes)
        for bars in options.bars:
            people = people_part(subject, bars, options.cache)
            for temperature in options.temperatures:
                print(f"{name}, {bars} bars, temperature {temperature:g}", file=sys.stderr)
                request = GenerateOptions(**{**asked, "bars": bars, "temperature": temperature})
                for is_guarded in guards:
                    part = composed_part(subject, request, options.tunes, is_guarded, options.cache)
                    place = {"model": name, "bars": bars, "temperature": temperature, "guards": is_guarded}
                    counts = {"tunes": part["tunes"], "people_tunes": people["tunes"]}
                    yield from rows_of(people, part, **place, **counts)


def _option(word: str) -> tuple[str, Any]:
    """Parse "top_p=1" or "key=G"."""
    name, _, text = word.partition("=")
    value: Any = text
    with suppress(ValueError, SyntaxError):
        value = ast.literal_eval(text)
    return name, value


if __name__ == "__main__":
    main()
