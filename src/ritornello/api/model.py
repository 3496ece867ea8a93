"""Models: what they compose, rewrite, expect and score; and the runs that made them."""

from __future__ import annotations

import dataclasses
import os
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property, partial
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, overload

from ritornello.api.drafts import MOST_DRAFTS, Asked, choose, compose_drafts
from ritornello.api.options import checked, takes
from ritornello.api.reading import is_music, music_of, read_song
from ritornello.api.tunes import Tune, Tunes, write_tunes
from ritornello.atomic import to_utf8
from ritornello.generate.options import GenerateOptions
from ritornello.music.values import Imprint, Melody, Piece
from ritornello.render.shown import Gallery, ShownMelody
from ritornello.reports.figures import Figures
from ritornello.wording import as_command, as_keywords, filled, option, options_named

if TYPE_CHECKING:
    import numpy as np

    from ritornello.corpus.report import FileReport
    from ritornello.corpus.store import Corpus
    from ritornello.evaluate.ranking import Rank
    from ritornello.generate.chords import AskedChords
    from ritornello.generate.compose import Composition
    from ritornello.generate.continuation import Song
    from ritornello.model.file import ModelFile
    from ritornello.model.network import Network
    from ritornello.model.players import Player
    from ritornello.training.loop import Check

MODEL_NAME = "model.safetensors"
MAX_BATCH = 256  # tunes side by side
FEW_TO_BUILD = 2000  # tunes; a corpus of so many is built anew from its files to be compared with
MAX_VERSIONS = 64
FEW = 32  # tunes; so few compose faster on one thread
FEW_NOTES = 200  # of a primer; its lengths are judged by so many
UNUSUAL = 16.0  # bits of a length that a model has hardly seen: a fifth of a quarter costs more, a triplet less
MOST_NAMED = 3  # lengths in a line


class Model:
    """A trained network with its encoding; `generate` composes, `player` plays, `evaluate` scores."""

    def __init__(self, file: ModelFile, name: str):
        self.file, self.name = file, name

    @cached_property
    def metadata(self) -> Figures:
        """How the model came to be: corpus, plan, seed, validation figures; prints short."""
        return Figures(self.file.metadata)

    @cached_property
    def called(self) -> str:
        """Its name, without the folders where it lies, and the beginning of the SHA-256 of its weights."""
        from ritornello.model.file import digest

        path = Path(self.name).resolve()
        stem = path.parent.name if path.name == MODEL_NAME else path.name.removesuffix(Path(MODEL_NAME).suffix)
        return f"{to_utf8(stem).decode()} (sha256 {digest(self.file.tensors)[:12]})"

    @cached_property
    def network(self) -> Network:
        """The network as it plays."""
        return self.file.build()

    @property
    def encoding(self) -> Any:
        """How it reads and writes melodies: `name`, `vocabulary`, `encode`, `decode`."""
        return self.file.encoding

    def encode(self, melody: Melody | Tune) -> np.ndarray:
        """Encode a melody as it reads one: token ids, (tokens,) of int.

        Raises ValueError where the encoding cannot write it.
        """
        tokens: np.ndarray = self.encoding.encode(music_of(melody)).tokens
        return tokens

    @property
    def pitch_range(self) -> tuple[int, int]:
        """Lowest and highest pitch of the tunes that it learned, 0 to 127."""
        return self.file.pitch_range

    def player(self) -> Player:
        """Make a player: feed it tokens, ask it for the probabilities of the next."""
        from ritornello.model.players import Player

        return Player(self.network, self.file.encoding)

    @overload
    def generate(self, *, n: None = None, **options: Any) -> Tune: ...
    @overload
    def generate(self, *, n: int, **options: Any) -> Tunes: ...

    @takes(options=GenerateOptions)
    def generate(
        self,
        *,
        primer: str | Path | Any = None,
        primer_bars: int | None = None,
        without_primer: bool = False,
        seed: int | None = None,
        n: int | None = None,
        out: str | Path | None = None,
        formats: str | Sequence[str] = "mid",
        program: int | None = None,
        comp: Literal["none", "block", "broken"] | None = None,
        pitch_range: str | None = None,
        corpus: Corpus | str | Path | Any = None,
        on_remark: Callable[[str], None] | None = None,
        on_progress: Callable[[float], None] | None = None,
        replace: bool = False,
        best_of: int | None = None,
        like: Melody | Tune | str | Path | Any = None,
        keep: Literal["rhythm", "contour"] | None = None,
        options: GenerateOptions,
    ) -> Any:
        """Compose one tune, or a list of `n`; tune i depends on the model, the seed and i alone.

        A notebook shows a list side by side, with a player each.

        primer: note names ("C4 E4:1/2 G4", "C E G") or numbers ("60 64:1/2 67"), a music file, or music in memory
        (a Melody, or what `build_corpus` takes)
        to go on from. Tunes keep tempo, instrument and loudness of a song, as far as the options leave them open.
        primer_bars: take so many of its first bars. without_primer: leave it out of the tunes. seed: None draws one.
        out: a folder, to which each tune is written too, in each of the formats that `Tune.save` knows.
        program: General MIDI program 0 (piano) to 127, of MIDI and scores. comp: how chords that tunes follow are
        heard, in MIDI and sound: none, block (the default) or broken. pitch_range: "C4-C6" or "60-84".
        corpus: what the model learned, where the program does not find it (see `shared_runs`).
        on_remark: called with what is changed of the primer; without it, that is a warning. on_progress: called now
        and then with the share of the tunes that is drawn, 0 to 1.
        replace: let the files take the place of others, such as tunes of the same seed and other options.
        best_of: compose so many drafts of each tune, 2 to 64, and take the best ranked one (see `evaluate.ranking`).
        like: a melody as of `primer`; keep: what a new one takes from it, its "rhythm" exactly (without this), or its
        "contour" (rise and fall) with another rhythm. Bars, metre and key are those of the melody.
        Raises ValueError that names what does not fit, FileExistsError, with nothing written, for a file that must be
        kept, OSError where `out` cannot be written to.
        """
        import secrets

        from ritornello import atomic
        from ritornello.generate.accompany import check_style
        from ritornello.generate.primer import parse_range
        from ritornello.model.blas import one_thread
        from ritornello.render.save import suffixes_of

        pattern = self._pattern(like, keep, primer, best_of)
        suffixes = suffixes_of([formats] if isinstance(formats, str) else formats)
        if program is not None and not 0 <= program <= 127:
            raise ValueError(f"program must be 0 to 127, not {program}")
        if n is not None and n < 1:
            raise ValueError(f"n must be 1 or more, not {n}")
        if out is not None:
            atomic.check_place(out)
        if pitch_range:
            lowest, highest = parse_range(pitch_range)
            options = dataclasses.replace(options, lowest=lowest, highest=highest)
        seed = secrets.randbelow(1 << 31) if seed is None else seed
        count, remark = n or 1, on_remark or partial(warnings.warn, stacklevel=3)
        given = _with_chords_named(options).asked()
        self._check_possible(options, primer is not None or primer_bars is not None or without_primer)
        chords, options = self._asked_chords(options, pattern.melody if pattern else None)
        if comp is not None and not chords:
            raise ValueError(f"comp is how chords are heard: ask for chords too ({option('chords')})")
        check_style(comp)
        song = self._song(primer, primer_bars, without_primer, options)
        if song is not None and song.is_played:
            options = dataclasses.replace(options, qpm=song.qpm if options.qpm is None else options.qpm)
            program = song.program if program is None else program
        if pattern is not None and program is None:
            program = pattern.program
        if options.temperature == 0 and count > 1:
            remark(f"at temperature 0 the likeliest is always taken: these {count} tunes are one and the same")
        if pattern is None:
            named = {} if primer is None else _primer_named(primer)
            others = {"comp": comp, **named, "primer_bars": primer_bars, "without_primer": without_primer or None}
            given |= {name: value for name, value in others.items() if value is not None}
            given = self._length(options) | given
        given |= {"best_of": best_of} if best_of else {}
        style = (comp or "block") if chords else "none"
        asked = Asked(options, given, seed, count, program, style, song, pattern, keep or "rhythm", best_of, chords)
        tunes: list[Tune] = []
        size = max(1, MAX_BATCH // (best_of or 1))
        with one_thread() if count <= FEW else nullcontext():
            for at in range(0, count, size):
                batch = range(at, min(at + size, count))
                report = partial(_report, on_progress, at, len(batch), count) if on_progress else None
                every = compose_drafts(self, asked, batch, report)
                made = [
                    choose(self, drafts, corpus) if asked.is_ranked else (drafts[0], None, ()) for drafts in every
                ]
                tunes += [self._tune(asked, index, *choice) for index, choice in zip(batch, made, strict=True)]
                if song and not at:
                    for line in song.remarks(made[0][0].melody, options, self.file.pitch_range):
                        remark(line)
        if out is not None:
            melodies = [tune.melody for tune in tunes if isinstance(tune.music, Melody)]
            if ".html" in suffixes and melodies and (runs := self.shared_runs(melodies, corpus, on_remark)):
                tunes = [dataclasses.replace(tune, shared_run=run) for tune, run in zip(tunes, runs, strict=True)]
            write_tunes(tunes, Path(out), suffixes, replace)
        gallery = Tunes(tunes, f"{Path(self.name).name}, seed {seed}")
        gallery.folder = None if out is None else Path(out)
        return tunes[0] if n is None else gallery

    def _check_possible(self, options: GenerateOptions, has_primer: bool) -> None:
        """Raise ValueError where music without bars is asked for what melodies alone can do."""
        from ritornello.encoding import is_melodic

        if is_melodic(self.encoding):
            return
        if has_primer:
            raise ValueError(
                f"this model, in the encoding {self.encoding.name!r}, begins by itself: leave the primer out"
            )
        if options.targets:
            raise ValueError(
                f"{options_named(options.targets)} steers melodies in bars; this model writes other music: leave "
                "that out"
            )

    def _tune(
        self,
        asked: Asked,
        index: int,
        draft: Composition,
        its_rank: Rank | None = None,
        ranks: tuple[dict[str, Any], ...] = (),
    ) -> Tune:
        """Make a tune of a draft, with its rank and those of the drafts that it was chosen from."""
        song, music, surprise, primer_notes = asked.song, draft.melody, draft.surprise, 0
        if song:
            music, surprise = song.finished(draft, asked.options.flat)
            primer_notes = 0 if song.is_left_out else song.kept
        music = dataclasses.replace(music, title=f"Seed {draft.seed}, tune {index + 1}")
        origin, call = self._origin(asked, index)
        return Tune(
            ShownMelody.of(music) if isinstance(music, Melody) else _played_on(music, asked.program),
            surprise,
            draft.seed,
            index,
            asked.count,
            Imprint("Melody", asked.program or 0, origin),
            draws=draft.draws,
            primer_notes=primer_notes,
            comp=asked.comp,
            model=self,
            rank=its_rank,
            drafts=ranks,
            call=call,
        )

    def _origin(self, asked: Asked, index: int) -> tuple[str, str]:
        """Write how a tune was composed, with its options as of a command, and as of a call."""
        words = [f"composed by {self.called}", f"seed {asked.seed}", f"tune {index + 1}"]
        if asked.pattern is not None:
            words += [f"like {asked.pattern.melody.title or 'a melody'}", f"{asked.keep} kept"]
        elif asked.song is not None and "primer" not in asked.given:
            words.append("after a primer")
        command, call = (", ".join(filter(None, (*words, write(asked.given)))) for write in (as_command, as_keywords))
        return command, call

    def _pattern(self, like: Any, keep: str | None, primer: Any, best_of: int | None) -> Song | None:
        """Read the melody that new ones are to be like; None for none.

        Raises ValueError for what does not go together.
        """
        if best_of is not None and not 2 <= best_of <= MOST_DRAFTS:
            raise ValueError(f"best_of must be 2 to {MOST_DRAFTS}, not {best_of}")
        if best_of is not None or like is not None:
            self._check_melodic("best_of" if like is None else "like")
        if like is None:
            if keep is not None:
                raise ValueError(f"keep {keep!r} is about a melody that new ones are to be like: give one with like")
            return None
        if primer is not None:
            raise ValueError("like takes the place of a primer: leave one of them out")
        return read_song(like)

    def _length(self, options: GenerateOptions) -> dict[str, Any]:
        """Return how long a tune is to be, by option; nothing where the model ends it."""
        from ritornello.encoding import is_melodic
        from ritornello.generate.freely import length_of_piece

        return {"bars": options.bar_count} if is_melodic(self.encoding) else length_of_piece(self.encoding, options)

    @checked
    def rewrite(
        self,
        melody: Melody | Tune | str | Path | Any,
        bars: tuple[int, int],
        keep: Literal["rhythm", "pitches", "contour"] | None = None,
        *,
        n: int | None = None,
        seed: int | None = None,
        temperature: float = 1.0,
        chords: Melody | Tune | str | Path | Any = None,
        comp: Literal["none", "block", "broken"] | None = None,
        out: str | Path | None = None,
        formats: str | Sequence[str] = "mid",
        on_remark: Callable[[str], None] | None = None,
        replace: bool = False,
    ) -> Any:
        """Rewrite bars of a melody: one tune, or a list of `n` versions, the best first.

        What stands before and after the bars is kept. melody: a Melody, a composed tune, a music file, notes by name,
        or music in memory. bars: first and last, counted from 1; a pick-up is not counted. keep: the "rhythm" or the
        "pitches" of these bars, or their "contour" (rise and fall, within two semitones). Versions differ from the
        melody and from each other in half of their notes at least. seed: None draws one. The chords of a melody stay,
        and a model that knows chords follows them; chords: others for these bars. chords, comp, out, formats,
        replace: as of `generate`. on_remark: called with what was taken of a file, and where fewer versions were
        found; without it, a warning.
        Raises ValueError for bars that are not there or cannot be filled, and as `generate` does.
        """
        import secrets

        from ritornello import atomic
        from ritornello.generate.accompany import check_style
        from ritornello.generate.rewrite import rewrite
        from ritornello.generate.span import Span
        from ritornello.model.blas import one_thread
        from ritornello.render.save import suffixes_of

        suffixes = suffixes_of([formats] if isinstance(formats, str) else formats)
        if n is not None and not 1 <= n <= MAX_VERSIONS:
            raise ValueError(f"n must be 1 to {MAX_VERSIONS}, not {n}")
        if out is not None:
            atomic.check_place(out)
        self._check_melodic("rewrite")
        song = read_song(melody)
        seed, count = secrets.randbelow(1 << 31) if seed is None else seed, n or 1
        wanted: Any = chords
        options = GenerateOptions(temperature=temperature, chords=wanted)
        given = song.melody
        if chords is not None:
            asked, _ = self._asked_chords(options, given)
            assert asked is not None
            Span.of(given, bars)  # refuses bars that are not there
            given = asked.laid_on(given, bars, seed)
        if comp is not None and not given.chords:
            raise ValueError(
                f"comp is how chords are played: this melody has none, ask for some ({option('chords')})"
            )
        check_style(comp)
        with one_thread():
            versions = rewrite(self.network, self.encoding, given, bars, options, seed, count, keep, self.pitch_range)
        if len(versions) < count:
            remark = on_remark or partial(warnings.warn, stacklevel=3)
            remark(f"only {len(versions)} of {count} versions were found that differ in half of their notes")
        words = f"bars {bars[0]}-{bars[1]}" + (f", {keep} kept" if keep else "")
        words += f", chords {_chords_named(chords)}" if chords is not None else ""
        tunes = []
        for index, version in enumerate(versions):
            origin = f"rewritten by {self.called}, seed {seed}, version {index + 1}, {words}"
            title = f"{song.melody.title or 'Melody'}, {words}, version {index + 1}"
            shown = ShownMelody.of(dataclasses.replace(version.melody, title=title))
            costs = self.bits_of_notes(shown)
            imprint = Imprint("Melody", song.program, origin)
            style = (comp or "block") if given.chords else "none"
            tunes.append(Tune(shown, costs, seed, index, len(versions), imprint, comp=style, model=self))
        if out is not None:
            write_tunes(tunes, Path(out), suffixes, replace)
        for line in song.lines:
            (on_remark or partial(warnings.warn, stacklevel=3))(line)
        return tunes[0] if n is None else Gallery(tunes, f"{words}, seed {seed}")

    @checked
    def vary(self, melody: Melody | Tune | str | Path | Any, share: float = 0.3, seed: int = 0) -> Tune:
        """Rewrite a share of the bars of a melody, above 0 to 1, drawn by the seed.

        One bar at least, never the last.
        Bars that nothing else fits into stay. Raises ValueError for a share out of range, or where no bar changes.
        """
        from ritornello.generate.rewrite import bars_to_vary

        if not 0 < share <= 1:
            raise ValueError(f"share must be above 0 and at most 1, not {share}")
        tune: Any = melody
        failed = ""
        for bars in bars_to_vary(read_song(melody).melody, share, seed):
            try:
                tune = self.rewrite(tune, bars, seed=seed)
            except ValueError as error:
                failed = str(error)
        if tune is melody:
            raise ValueError(f"no bar of this melody could be varied: {failed}")
        found: Tune = tune
        return found

    def bits_of_notes(self, melody: Melody) -> np.ndarray:
        """Compute the bits of each note, (notes,); (0,) where the encoding rounds notes away."""
        costs = self.surprise(melody)["bits"]
        return costs if len(costs) == len(melody.notes) else costs[:0]

    def _song(self, primer: Any, bars: int | None, is_left_out: bool, options: GenerateOptions) -> Song | None:
        """Read what tunes go on from, cut to its first bars; None where they begin with nothing."""
        from ritornello.generate.compose import in_metre, primer_changes
        from ritornello.generate.continuation import first_bars, kept_notes

        if primer is None:
            if bars is not None or is_left_out:
                raise ValueError("primer_bars and without_primer are about a primer: give one")
            return None
        song, silence, encoding = read_song(primer, options.metre, "the primer"), "", self.file.encoding
        melody = song.melody
        if bars is not None:
            melody, silence = first_bars(melody, bars)
        kept = kept_notes(encoding, in_metre(melody, options.metre) if options.metre else melody)
        lines = *song.lines, silence, primer_changes(encoding, options, melody), self._unusual_lengths(melody)
        return dataclasses.replace(song, melody=melody, kept=kept, is_left_out=is_left_out, lines=lines)

    def _asked_chords(
        self, options: GenerateOptions, onto: Melody | None = None
    ) -> tuple[AskedChords | None, GenerateOptions]:
        """Read the chords that are asked for, and fit bars and metre to them.

        onto: the melody on which they are to be laid, whose bars and metre stay; None for a new tune.

        Raises ValueError for chords that cannot be read, do not fill the bars, contradict the key, or that this model
        cannot follow.
        """
        from ritornello.encoding.features import knows_chords
        from ritornello.generate import chords as asked
        from ritornello.generate.compose import NO_CHORDS

        given: Any = options.chords
        if given is None:
            return None, options
        if not knows_chords(self.encoding):
            raise ValueError(filled(NO_CHORDS))
        if str(given).strip() == asked.AUTO:
            counted_bars = self.metadata.get("corpus", {}).get("progressions")
            if not counted_bars:
                raise ValueError("no chords were counted for this model: write them, or name a tune that has some")
            return asked.AskedChords(progressions=counted_bars), options
        if isinstance(given, Melody | Tune) or is_music(given):
            melody = read_song(given, None, f"the tune of {option('chords')}").melody
            try:
                chart = asked.chart_of(melody)
            except ValueError as error:
                raise ValueError(f"{_chords_named(given)}: {error}") from None
            if onto is not None and melody.timeline.metre[1:3] != onto.timeline.metre[1:3]:
                names = melody.timeline.metre.name, onto.timeline.metre.name
                raise ValueError(f"the chords are in {names[0]}, the melody in {names[1]}: write them as text")
            options = dataclasses.replace(options, metre=options.metre or melody.timeline.metre.name)
        else:
            chart = asked.parse_chart(str(given))
        if onto is not None:
            return asked.AskedChords(chart), dataclasses.replace(options, metre=None)
        if options.tonality:
            asked.check_key(chart, options.tonality[0])
        if options.form is not None:
            bars = asked.bars_of_form(chart, options.sections, options.has_bars)
        else:
            bars = asked.fitting_bars(chart, options.bars)
        return asked.AskedChords(chart), dataclasses.replace(options, bars=bars)

    def _unusual_lengths(self, primer: Melody) -> str:
        """Say in one line which lengths of a primer the model has hardly seen; "" for none."""
        if not primer.notes or len(self.file.encoding.parts) < 2:  # one part: length is no choice of its own
            return ""
        costs = self.surprise(dataclasses.replace(primer, notes=primer.notes[:FEW_NOTES]))
        lengths = {Fraction(c["duration"]).limit_denominator(960) for c in costs if c["duration_bits"] > UNUSUAL}
        if not lengths:
            return ""
        named = " and ".join(str(length) for length in sorted(lengths)[:MOST_NAMED])
        return f"the model has hardly ever seen notes of {named} quarters: what it makes of them may be strange"

    @checked
    def shared_runs(
        self,
        melodies: Sequence[Melody],
        corpus: Corpus | str | Path | Any = None,
        on_remark: Callable[[str], None] | None = None,
    ) -> list[dict[str, Any]] | None:
        """Find the longest run of notes that each melody shares with a tune that the model learned.

        corpus: what it learned, as `load_corpus` takes it; without it, those that come with the program, and of a run
        of one's own the place that it was read from. on_remark: called with a line on each corpus that is not at
        hand, also that of the model that a fine-tuned one began from.
        Returns for each its `notes`, `title`, `source` and `start_note`; None where no training corpus is at hand.
        Raises ValueError for a corpus that the model did not learn.
        """
        from ritornello.api.corpora import load_corpus
        from ritornello.evaluate.novelty import fingerprints, longest_of_all

        known = set(fingerprints(self.file.metadata))
        given = [] if corpus is None else [load_corpus(corpus)]
        for material in given:
            if material.fingerprint not in known:
                raise ValueError(
                    f"{corpus}: not a corpus that this model learned: name the one that it was trained on"
                )
        found = self._training_corpora(given)
        if len(found) < len(known) and on_remark:
            on_remark(
                f"{'some of ' if found else ''}the tunes that this model learned are not at hand, so what is shared "
                f"with them is not checked: name their corpus ({option('corpus')})"
            )
        return longest_of_all(melodies, found) if found else None

    @checked
    def evaluate(
        self,
        corpus: Corpus | str | Path | Any = None,
        split: str = "test",
        beside: Model | str | Path | Sequence[Model | str | Path] | None = None,
        baselines: bool = False,
        tunes: int = 0,
        per_note: str | Path | None = None,
        replace: bool = False,
        on_report: Callable[[Sequence[FileReport]], None] | None = None,
    ) -> dict[str, Any]:
        """Score a split of a corpus, and return the figures by name.

        nll_per_token, bits_per_note, bits_per_quarter, notes, tokens, quarters, nats, split; `pays_for`, what the
        tokens stand for; `losses`, how many notes the encoding could not keep; `bits_per_note_interval`, by bootstrap
        over families of tunes (95 %, seeded; None for one family); `bits_per_note_of_tunes`, the mean over tunes;
        `bits_per_note_with_countdown`, where a model counts down and is told how many bars are left;
        `bits_per_note_with_chords` and `bits_per_note_without_chords` of the `tunes_with_chords`, where a model may
        know chords; `per_tune`, the
        same sums and rates for each tune with its source, title and family; `learned`, whether the model learned from
        them; `learned_tunes`, how many of the pieces it learned, in whatever key and from whatever file (None where
        what it learned is not at hand; for models under "beside" too).
        corpus: as `load_corpus` takes it; None for the embedded one of the kind that the model writes: all,
        hymns-voices or songs-piano-played. A music file, and music in memory, is scored whole.
        split: train, validation, test or all.
        beside: another model, or a list of several, to score on the same `tunes`, those (of `of_tunes`) that the
        encodings of all reproduce exactly; their figures come under "beside" (a list for a list), each with its
        `difference` to this model and the interval of that, paired by tune.
        baselines: score uniform, unigram and n-grams on the same tunes too, under "baselines"; where they cannot be
        trained it is empty, and "no_baselines" says why.
        tunes: compose so many tunes; their endings and shared runs come under "habits", with those of the corpus;
        `shared_runs` of people's tunes are those of validation and test tunes with training tunes.
        per_note: write what each note cost each model to this .csv file (see `surprise`). replace: let it replace any
        file. on_report: see `load_corpus`.
        Raises ValueError where there is nothing to score, FileExistsError for a file that must be kept.
        """
        from ritornello.api.evaluation import score_all, to_score
        from ritornello.corpus.embedded import fitting

        if tunes < 0:
            raise ValueError(f"tunes must be 0 or more, not {tunes}")
        self._check_melodic("tunes" if tunes else "per_note" if per_note else "")
        is_one = isinstance(beside, Model | str | Path)
        several: Any = [beside] if is_one else beside or []
        others = [load_model(other) for other in several]
        material = to_score(fitting(self.encoding) if corpus is None else corpus, split, on_report)
        models: dict[str, ModelFile] = {}
        for model in (self, *others):  # the same name twice may be two models
            models[model.name if model.name not in models else f"{model.name} ({len(models) + 1})"] = model.file
        value = score_all(models, material, baselines, per_note, replace)
        theirs = value.get("beside", [])
        if is_one:
            [value["beside"]] = value["beside"]
        has_melodies = getattr(material.corpus, "keep", "melody") == "melody"
        if material.is_whole and has_melodies and (runs := self.shared_runs(list(material.corpus.melodies()))):
            value["shared_runs"] = runs
        for figures, model in zip((value, *theirs), (self, *others), strict=True):
            figures["learned_tunes"] = model._count_learned(material.corpus, material.split) if has_melodies else None
        if tunes:
            value["habits"] = self._habits(material.corpus, material.split, tunes)
        return Figures(value)

    def _check_melodic(self, asked: str = "surprise") -> None:
        """Raise ValueError where what is asked for is of melodies alone; "" for nothing."""
        from ritornello.encoding import is_melodic

        if asked and not is_melodic(self.encoding):
            raise ValueError(
                f"{asked} goes note by note through a melody; this model, in the encoding {self.encoding.name!r}, "
                "writes other music: leave it out"
            )

    @checked
    def surprise(self, melody: Melody | Tune | str | Path | Any) -> np.ndarray:
        """Compute what each note of a melody cost the model, in bits: a structured array (notes,).

        start and duration in quarters, pitch; bits, which is pitch_bits + duration_bits + other_bits; pitch_entropy
        and pitch_rank, duration_entropy and duration_rank. `evaluate.surprise` says what belongs where; all bits of
        the melody belong to one of its notes. pandas.DataFrame takes it as it is.
        melody: a Melody, a composed tune, a music file, notes by name, or music in memory as `build_corpus` takes it;
        bare numbers are in 4/4. An encoding that rounds scores what it keeps: compare `start`.
        Raises ValueError where there is no note to score.
        """
        from ritornello.evaluate.surprise import note_costs

        self._check_melodic()
        song = read_song(melody)
        for line in song.lines:
            warnings.warn(line, stacklevel=2)
        encoding = self.file.encoding
        return note_costs(self.network, encoding, [encoding.encode(song.melody).tokens])[0]

    def _training_corpora(self, given: Sequence[Corpus] = ()) -> list[Corpus]:
        """Find the corpora of melodies that the model learned from and that are at hand, each once."""
        from ritornello.corpus.embedded import find_corpus
        from ritornello.evaluate.novelty import fingerprints

        known = dict.fromkeys(fingerprints(self.file.metadata))
        sought = [find_corpus(fingerprint, chain(given, _corpora_of_run(self.name))) for fingerprint in known]
        return [c for c in sought if c is not None and getattr(c, "keep", "melody") == "melody"]

    def _count_learned(self, corpus: Corpus, split: str | None) -> int | None:
        """Count the pieces of a split that the model learned; None where that is unknown."""
        from ritornello.evaluate.novelty import count_copies

        found = self._training_corpora([corpus])
        return count_copies(corpus, split, found) if found else None

    def _habits(self, corpus: Corpus, split: str | None, tunes: int) -> dict[str, dict]:
        """Measure how composed tunes and the corpus's own end, move and repeat training tunes."""
        from ritornello.evaluate.novelty import longest_shared_runs
        from ritornello.evaluate.statistics import habits

        encoding = self.file.encoding
        groups = {
            "composed": [tune.melody for tune in self.generate(n=tunes, seed=1)],
            "people": [encoding.decode(encoding.encode(melody).tokens) for melody in corpus.melodies(split)],
        }
        shared = {name: [run["notes"] for run in longest_shared_runs(m, corpus)] for name, m in groups.items()}
        names = [piece.split for piece, _ in corpus.slices(split)]  # a training tune shares all its notes with itself
        shared["people"] = [run for run, name in zip(shared["people"], names, strict=True) if name != "train"]
        return {name: habits(melodies) | {"shared_runs": shared[name]} for name, melodies in groups.items()}

    def __repr__(self) -> str:
        network = self.file.network
        return f"Model({self.name!r}: {network.layers} layers of {network.width}, {self.file.encoding})"

    def _repr_html_(self) -> str:
        from ritornello.reports.model_card import model_html

        return model_html(Path(self.name).name, self.file.network, self.file.encoding, self.metadata)


@dataclass(frozen=True)
class Run:
    """A finished training run: its folder and its checks."""

    folder: Path
    checks: tuple[Check, ...]

    def __repr__(self) -> str:
        best = min((c.validation_nll for c in self.checks), default=float("nan"))
        return f"Run({str(self.folder)!r}: {len(self.checks)} checks, best validation nll {best:.4f} nats per token)"

    def _repr_html_(self) -> str:
        from ritornello.reports.runs.log import read_run
        from ritornello.reports.runs.notebook_view import log_html

        return log_html(read_run(self.folder).log)


def models() -> list[str]:
    """List the names of the shipped models, the default first."""
    from ritornello.model.file import shipped_models

    return shipped_models()


@checked
def load_model(model: Model | Run | str | Path | None = None) -> Model:
    """Load a model: a run, a file, a run folder or a shipped name; None is the default one.

    Raises FileNotFoundError, or ModelFileError (a ValueError), naming the file.
    """
    from ritornello.model import file

    if isinstance(model, Model):
        return model
    name: str | Path = getattr(model, "folder", None) or str(model or file.shipped_models()[0])
    return Model(file.load_model(file.find_model(name)), str(name))


def _report(on_progress: Callable[[float], None], before: int, batch: int, all_tunes: int, share: float) -> None:
    """Report the share of all tunes that is drawn, from that of a batch."""
    on_progress((before + share * batch) / all_tunes)


def _corpora_of_run(name: str) -> Iterator[Corpus]:
    """Load the corpora of a run and of the one that it began from, where they are still there."""
    from ritornello.api.corpora import load_corpus
    from ritornello.corpus.errors import CorpusError
    from ritornello.corpus.store import is_corpus
    from ritornello.training.run.folder import CheckpointError, read_metadata

    place, seen = Path(name), set()
    while place not in seen:
        seen.add(place)
        try:
            run = read_metadata(place if place.is_dir() else place.parent)
            source = Path(run.source or ".missing")
            if source.exists() and (is_corpus(source) or run.corpus.get("pieces", 0) <= FEW_TO_BUILD):
                yield load_corpus(source)
        except (CheckpointError, CorpusError, OSError):
            return
        place = Path(run.base) if run.base else place


def _primer_named(primer: Any) -> dict[str, str]:
    """Return a primer as an option: notes as they are, a file by its name.

    Music in memory has no name.
    """
    if not isinstance(primer, str | Path):
        return {}
    words = Path(primer).name if os.path.isfile(primer) else str(primer)
    return {"primer": to_utf8(words).decode()}


def _chords_named(given: Any) -> str:
    """Name the chords that are asked for: a file by its name, a melody by its title."""
    if isinstance(given, Melody | Tune):
        return music_of(given).title or "a melody"
    return Path(given).name if is_music(given) else str(given)


def _with_chords_named(options: GenerateOptions) -> GenerateOptions:
    """Name the chords in options as files that are made with them do."""
    return options if options.chords is None else dataclasses.replace(options, chords=_chords_named(options.chords))


def _played_on(piece: Piece, program: int | None) -> Piece:
    """Give all parts of a piece a General MIDI program; None leaves them as they are."""
    if program is None:
        return piece
    return dataclasses.replace(piece, parts=tuple(dataclasses.replace(p, program=program) for p in piece.parts))
