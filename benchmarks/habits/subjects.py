"""The models that compose, what each of them learned, and the people's tunes that it is compared with.

The shipped ones are compared with the test split of their own corpus. Two are trained here, with the commands that a
player would use: on 40 songs and on 200 kern songs. The test split of so few would hold a handful of tunes; they are
compared with 200 others of the same collection, of other families than the tunes that were learned.
"""

from __future__ import annotations

import subprocess
import sys
import tarfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import numpy as np
from benchmarks.report import DATA, ROOT, clean_environment

from ritornello import api
from ritornello.api.model import Model
from ritornello.corpus.embedded import embedded
from ritornello.corpus.store import Corpus
from ritornello.music.values import Melody

SHIPPED = {"default": "all", "hymns": "hymns", "songs": "songs"}  # and their corpora
OWN = {"40-songs": 40, "200-kern-songs": 200}  # and how many files they learn
KERN = "200-kern-songs"
OTHERS = 200  # files to compare them with
MINUTES, SEED = 3, 1


@dataclass(frozen=True)
class Subject:
    """A model, its corpus, and the tunes by people that it is compared with, as its encoding writes them."""

    name: str
    model: Model
    corpus: Corpus
    people: tuple[Melody, ...]


def load_subject(name: str, cache: Path, minutes: float = MINUTES) -> Subject:
    """Load a model by the bench's name for it; one of one's own is trained where the cache does not hold it."""
    if name in OWN:
        folder = cache / name
        if not (folder / "run" / "model.safetensors").exists():
            train_own(name, folder, minutes)
        model, corpus = api.load_model(folder / "run"), api.load_corpus(folder / "corpus")
        people = _of_other_families(api.load_corpus(folder / "all"), folder)
    else:
        model = api.load_model(None if name == "default" else name)
        corpus = embedded(SHIPPED[name])
        people = list(corpus.melodies("test"))
    encoding = model.file.encoding
    kept = (encoding.decode(encoding.encode(melody).tokens) for melody in people if melody.notes)
    return Subject(name, model, corpus, tuple(kept))


def train_own(name: str, folder: Path, minutes: float) -> None:
    """Put the files in a folder, build their corpus and train on it, as a player would."""
    files = kern_files() if name == KERN else song_files()
    order = np.random.default_rng(SEED).permutation(len(files)).tolist()
    count = OWN[name]
    for kind, chosen in (("learned", order[:count]), ("others", order[count : count + OTHERS])):
        (folder / kind).mkdir(parents=True, exist_ok=True)
        for n in chosen:
            stem, content = files[n]
            (folder / kind / stem).write_bytes(content)
    learned, others = str(folder / "learned"), str(folder / "others")
    ritornello("corpus", "build", learned, "-o", str(folder / "corpus"))
    length = ("--minutes", f"{minutes:g}", "--seed", str(SEED))
    ritornello("train", str(folder / "corpus"), "-o", str(folder / "run"), *length)
    ritornello("corpus", "build", learned, others, "-o", str(folder / "all"))


def ritornello(*words: str) -> None:
    """Run a command of the program."""
    env = clean_environment(PYTHONPATH=str(ROOT / "src"))
    subprocess.run([sys.executable, "-m", "ritornello", *words, "-q"], env=env, check=True, stdout=subprocess.DEVNULL)


def song_files() -> list[tuple[str, bytes]]:
    """Read the songs of the archive: names, and MuseScore's files."""
    with tarfile.open(DATA / "lieder.tar.xz") as archive:
        members = [member for member in archive if member.name.endswith(".mscx")]
        opened = [(PurePosixPath(member.name).name, archive.extractfile(member)) for member in members]
        return sorted((name, file.read()) for name, file in opened if file)


def kern_files() -> list[tuple[str, bytes]]:
    """Read the kern songs of the collection `fink`."""
    return [(path.name, path.read_bytes()) for path in sorted((DATA / "melodies" / "fink").glob("*.krn"))]


def _of_other_families(corpus: Corpus, folder: Path) -> Sequence[Melody]:
    """List the melodies of pieces that are of no family with a file that was learned."""
    names = {path.name for path in (folder / "learned").iterdir()}
    learned = {piece.family for piece in corpus.pieces if names & {*PurePosixPath(piece.source).parts}}
    assert learned, "no piece of the corpus bears the name of a file that was learned"
    return list(corpus.selected(piece for piece in corpus.pieces if piece.family not in learned).melodies())
