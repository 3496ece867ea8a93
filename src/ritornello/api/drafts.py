"""Drafts to choose from: several of one tune, of which the best ranked is taken, and tunes that a listener keeps."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ritornello.api.options import checked
from ritornello.render.shown import Gallery

if TYPE_CHECKING:
    from ritornello.evaluate.ranking import Rank
    from ritornello.generate.compose import Composition

MOST_DRAFTS = 64
DRAFT_STRIDE = 1 << 24  # draft d of tune i is composed as tune i + d 2^24, so that the first one is tune i itself
LOG, PAGE = "kept.jsonl", "drafts.html"


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


def draft_indices(indices: Sequence[int], drafts: int) -> list[int]:
    """List the indices of all drafts of some tunes, tune by tune."""
    return [index + draft * DRAFT_STRIDE for index in indices for draft in range(drafts)]


def choose(
    model: Any, drafts: Sequence[Composition], corpus: Any = None
) -> tuple[Composition, Rank, tuple[dict[str, Any], ...]]:
    """Choose the best ranked draft of one tune.

    Returns it, its rank, and the ranks of all as plain values.
    """
    from ritornello.evaluate.ranking import rank

    runs = model.shared_runs([draft.melody for draft in drafts], corpus)
    bits = [float(d.surprise.sum()) / max(1, len(d.melody.notes)) for d in drafts]
    ranks = rank([draft.melody for draft in drafts], bits, runs and [run["notes"] for run in runs])
    best = max(range(len(drafts)), key=lambda n: (ranks[n].score, -n))
    return drafts[best], ranks[best], tuple({"draft": n + 1, **r.to_dict()} for n, r in enumerate(ranks))


def like_drafts(
    model: Any,
    melody: Any,
    keep: Any,
    options: Any,
    seed: int,
    indices: Sequence[int],
    drafts: int | None,
    on_progress: Callable[[float], None] | None = None,
    chords: Any = None,
) -> list[list[Composition]]:
    """Compose tunes on the rhythm, or along the contour, of a melody.

    Returns a list of drafts for each index.
    """
    from ritornello.generate.choice.like import compose_like
    from ritornello.generate.compose import Composition

    every = []
    for done, index in enumerate(indices, 1):
        versions = compose_like(
            model.network, model.encoding, melody, keep, options, seed, index, model.pitch_range, drafts, chords
        )
        made = [replace(version.melody, title="") for version in versions]
        every.append([Composition(m, model.encode(m), model.bits_of_notes(m), seed, index) for m in made])
        if on_progress:
            on_progress(done / len(indices))
    return every
