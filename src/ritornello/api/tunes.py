"""Composed tunes: what one says, shows, plays and writes of itself, several of one request, and which were kept."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ritornello.api.options import checked
from ritornello.music.values import NO_IMPRINT, Imprint, Melody, Piece, all_notes
from ritornello.plural import counted
from ritornello.render.shown import Gallery

if TYPE_CHECKING:
    import numpy as np

    from ritornello.evaluate.ranking import Rank
    from ritornello.render.page import Exhibit

LOG, PAGE = "kept.jsonl", "drafts.html"


@dataclass(frozen=True)
class Tune:
    """A composed melody, or piece. In a notebook cell it shows its staff, its piano roll and a player.

    melody: a Melody; of a model of other music a Piece, see `music`.
    surprise: bits that each note's start cost the model, (notes,); (0,) where MidiTok's tokens leave it open.
    seed, index: compose it again with these. count: of how many tunes it is one; their names sort in their order.
    imprint: what its files say besides: its part, the instrument that plays it, and how it was composed.
    shared_run: the longest run that it shares with a training tune, where that was looked for (see
    `Model.shared_runs`); pages show it. draws: how often it was drawn until it had the mode asked for, mostly once.
    primer_notes: how many of its notes, from the first on, are the primer's; pages and pictures tell them apart.
    comp: how its chords are played: none, block or broken. model: the one that composed it, which `rewrite` and
    `vary` ask. rank: why it was chosen among drafts; None where it was not. drafts: the ranks of all of them, as
    plain values. call: how it was composed, with the options as in Python; "" where the imprint names none.
    """

    melody: Any
    surprise: np.ndarray
    seed: int
    index: int
    count: int = 1
    imprint: Imprint = NO_IMPRINT
    shared_run: dict[str, Any] | None = None
    draws: int = 1
    primer_notes: int = 0
    comp: str = "none"
    model: Any = field(default=None, repr=False, compare=False)
    rank: Rank | None = None
    drafts: tuple[dict[str, Any], ...] = ()
    call: str = ""

    @property
    def music(self) -> Melody | Piece:
        """The Melody, or the Piece with its parts."""
        music: Melody | Piece = self.melody
        return music

    @property
    def sounding(self) -> Melody | Piece:
        """What is heard of it: with chords, the melody above its accompaniment."""
        from ritornello.generate.accompany import accompanied

        if self.comp == "none" or isinstance(self.music, Piece) or not self.music.chords:
            return self.music
        return accompanied(self.music, self.comp, self.imprint.program)

    @checked
    def save(self, path: str | Path, replace: bool = False) -> None:
        """Write the tune by suffix: .mid .musicxml .abc .svg .png .wav .mp3 .ogg .flac .html.

        Music as it is played has no notation: .mid, sound and .html are what a Piece is written as.
        replace: let it take the place of a file that holds something else. Raises ValueError for another suffix,
        FileExistsError for a file that must be kept, OSError naming the path where it cannot be written.
        """
        from ritornello import atomic

        atomic.write_bytes(path, self.encoded(path), replace=replace)

    @checked
    def play(self, device: str | None = None) -> None:
        """Play the tune on this machine, and return at its end (see `ritornello.play`)."""
        from ritornello.api.show import play

        play(self, device=device)

    def rewrite(self, bars: tuple[int, int], **options: Any) -> Any:
        """Rewrite bars, first and last, by the model that composed the tune (see `Model.rewrite`)."""
        return self._own_model().rewrite(self, bars, **options)

    @checked
    def vary(self, share: float = 0.3, seed: int = 0) -> Tune:
        """Rewrite a share of the bars, above 0 to 1, drawn by the seed.

        The others stay (see `Model.vary`).
        """
        return self._own_model().vary(self, share, seed)

    def _own_model(self) -> Any:
        """Return the model that composed the tune. Raises ValueError for a tune made by hand."""
        if self.model is None:
            raise ValueError("no model composed this tune: ask one, as in load_model().vary(tune)")
        return self.model

    def harmonise(self, **options: Any) -> Gallery[Any]:
        """Harmonise the tune in four voices; options as of `ritornello.harmonise`."""
        from ritornello.api.harmony import harmonise

        return harmonise(self, **options)

    def to_music21(self) -> Any:
        """Convert the tune to a score of music21. Raises ImportError without music21."""
        from ritornello.music.objects import to_music21

        return to_music21(self.melody, self.imprint)

    def encoded(self, path: str | Path) -> bytes:
        """Encode the tune by the suffix of a path, which is not written."""
        from ritornello.render.save import SOUNDS, melody_bytes, piece_bytes

        if isinstance(self.music, Piece):
            return piece_bytes(self.music, path, self.imprint.origin)
        suffix, sounding = Path(path).suffix.lower(), self.sounding
        if isinstance(sounding, Piece) and suffix in (".mid", ".midi", *SOUNDS):
            return piece_bytes(sounding, path, self.imprint.origin)
        if isinstance(sounding, Piece) and suffix == ".html":
            from ritornello.render.page import frame_html

            return frame_html(self.exhibit()).encode()
        return melody_bytes(self.melody, path, self.probabilities, self.imprint, self.figures, self.primer_notes)

    @property
    def figures(self) -> dict[str, str]:
        """What a page says of the tune, by name."""
        words = {}
        if self.shared_run is not None:
            from ritornello.evaluate.novelty import run_in_words  # with corpora, which saving a tune does without

            words["longest run shared with a training tune"] = run_in_words(self.shared_run)
        return words if self.rank is None else words | {f"best of {len(self.drafts)} drafts": self.rank.words}

    @property
    def file_name(self) -> str:
        """Its name in a folder of tunes: "seed5-001.mid"."""
        return f"seed{self.seed}-{self.index + 1:0{max(3, len(str(self.count)))}d}.mid"

    def paths(self, folder: str | Path, suffixes: Sequence[str]) -> list[Path]:
        """List its files in a folder, one for each suffix."""
        return [Path(folder, self.file_name).with_suffix(suffix) for suffix in suffixes]

    @property
    def probabilities(self) -> list[float] | None:
        """How likely each note's start was to the model, 0 to 1; None where it is not known."""
        return [float(2.0**-bits) for bits in self.surprise] or None

    def _repr_svg_(self) -> str:
        """Draw the staff alone, for viewers that show no frames."""
        from ritornello.render.staff import piece_svg, staff_svg

        if isinstance(self.music, Piece):
            return piece_svg(self.music)
        return staff_svg(self.melody, composer=self.imprint.composer, primer_notes=self.primer_notes)

    def exhibit(self, is_small: bool = False) -> Exhibit:
        """Make what a page shows of it. is_small: with sound that takes half the room."""
        from ritornello.render.save import exhibit_of, piece_exhibit

        if isinstance(self.music, Piece):
            return piece_exhibit(self.music, self.imprint.origin, is_small=is_small)
        played = self.sounding if isinstance(self.sounding, Piece) else None
        return exhibit_of(
            self.melody, self.probabilities, self.imprint, self.figures, is_small, self.primer_notes, played
        )

    def __repr__(self) -> str:
        return f"Tune({self.melody.title!r}: {counted(len(all_notes(self.music)), 'note')})"

    def _repr_html_(self) -> str:
        from ritornello.render.page import notebook_html

        shown, asked = self.exhibit(), "tune.rewrite(bars={bars})" if isinstance(self.music, Melody) else ""
        figures = {**shown.figures, **({"origin": self.call} if self.call else {})}  # a file has the command's words
        return notebook_html(dataclasses.replace(shown, call=asked, figures=figures))


class Tunes(Gallery[Any]):
    """The tunes of one request. folder: where their files are, None for none."""

    folder: Path | None = None

    def keep(self, *numbers: int, log: str | Path | None = None) -> Gallery[Any]:
        """Keep tunes by their numbers, from 1 on, and write that down; none for none.

        A line of JSON is appended to `log`; without it to kept.jsonl in the folder of the tunes, or in the present
        one where they were not written. Nothing is sent anywhere. Raises ValueError for a number that there is not.
        """
        wrong = [number for number in numbers if not 1 <= number <= len(self)]
        if wrong:
            raise ValueError(f"there are tunes 1 to {len(self)}, not {', '.join(map(str, wrong))}")
        chosen = sorted(set(numbers))
        record = {
            "time": datetime.now(UTC).isoformat(timespec="seconds"),
            "tunes": len(self),
            "kept": chosen,
            "files": [self[number - 1].file_name for number in chosen],
            "seed": self[0].seed if self else None,
            "origin": self[0].imprint.origin if self else "",
        }
        path = Path(log) if log is not None else Path(self.folder or ".", LOG)
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(record, ensure_ascii=False) + "\n")
        return Gallery([self[number - 1] for number in chosen], f"{self.name}, kept")

    def page(self) -> str:
        """Make a page of the tunes side by side, on which a click keeps one."""
        from ritornello.render.gallery import choice_html

        names = [Path(tune.file_name).stem for tune in self]
        reasons = [
            "" if tune.rank is None else f"best of {len(tune.drafts)} drafts: {tune.rank.words}" for tune in self
        ]
        return choice_html([tune.exhibit(is_small=True) for tune in self], names, reasons, f"Choose: {self.name}")

    def write_page(self, path: str | Path | None = None, replace: bool = False) -> Path:
        """Write that page, without a path to drafts.html in the folder of the tunes."""
        from ritornello import atomic

        place = Path(path) if path is not None else Path(self.folder or ".", PAGE)
        atomic.write_text(place, self.page(), maker=PAGE, replace=replace)
        return place


@checked
def acceptance(log: str | Path) -> dict[str, Any]:
    """Count what was kept, by a log or the folder with kept.jsonl.

    Returns requests, tunes, kept, and the share of tunes that was kept.
    Of one request, told by its origin and number of tunes, the last line counts. Raises OSError, or ValueError with
    the line that is damaged.
    """
    path = Path(log, LOG) if Path(log).is_dir() else Path(log)
    latest: dict[tuple[str, int], int] = {}
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        try:
            record = json.loads(line)
            latest[str(record["origin"]), int(record["tunes"])] = len(record["kept"])
        except (ValueError, KeyError, TypeError) as error:
            raise ValueError(f"{path}, line {number}: not a line of kept tunes") from error
    tunes, kept = sum(count for _, count in latest), sum(latest.values())
    return {"requests": len(latest), "tunes": tunes, "kept": kept, "share": kept / tunes if tunes else 0.0}


def write_tunes(tunes: Sequence[Tune], out: Path, suffixes: Sequence[str], replace: bool) -> None:
    """Write tunes to a folder in each format, all of them or none."""
    from ritornello import atomic

    places = [(tune, path) for tune in tunes for path in tune.paths(out, suffixes)]
    atomic.write_files(((path, tune.encoded(path)) for tune, path in places), replace=replace)
