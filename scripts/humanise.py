"""Make a corpus of scores sound played, by the rule of `ritornello.corpus.humanise`.

    python scripts/humanise.py my-piano-scores -o played

CORPUS keeps all notes. The result does too, in ticks of a millisecond; the same corpus gives the same notes.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from ritornello.api import load_corpus
from ritornello.corpus.humanise import humanised_corpus


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("corpus")
    parser.add_argument("-o", "--out", type=Path, required=True)
    parser.add_argument("--replace", action="store_true", help="replace a corpus that is there")
    options = parser.parse_args()
    humanised_corpus(load_corpus(options.corpus)).save(options.out, options.replace)


if __name__ == "__main__":
    main()
