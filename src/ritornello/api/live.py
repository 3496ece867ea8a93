"""The live instrument in Python: play with a file, or replay a session."""

from __future__ import annotations

import dataclasses
import secrets
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import NamedTemporaryFile, TemporaryDirectory
from typing import TYPE_CHECKING, Any, cast

from ritornello.api.model import Model, load_model
from ritornello.api.options import checked, takes
from ritornello.live.dials import Dials
from ritornello.plural import counted
from ritornello.wording import as_argument, by_face, option

if TYPE_CHECKING:
    from ritornello.live.engine import Engine
    from ritornello.live.line import Line, Performer
    from ritornello.live.score import Performance
    from ritornello.live.session import Heading, Session, SessionFile
    from ritornello.live.stage.presets import Preset
    from ritornello.live.stage.runner import Performed, StageOptions
    from ritornello.live.values import Event
    from ritornello.live.ways.plan import Composer
    from ritornello.model.file import ModelFile
    from ritornello.music.values import Melody, Note, Piece
    from ritornello.render.page import Exhibit

MIDI = (".mid", ".midi")


def _check_playable(model: Model, dials: Dials = Dials()) -> None:
    """Raise ValueError for a model that cannot play live, or does not know what a dial asks for."""
    from ritornello.encoding import is_melodic

    named = f"{model.name}, in the encoding {model.encoding.name!r}"
    if not is_melodic(model.encoding) and model.encoding.name != "events":
        raise ValueError(
            f"jam needs a model of melodies or of performances; {named}, writes other music: use it with generate, "
            "and jam with another model"
        )
    known = getattr(model.encoding, "inputs", ())
    if dials.notes_per_second and (is_melodic(model.encoding) or "density" not in known):
        raise ValueError(
            f"{option('notes_per_second')} is for models of performances that learned the input density, such as "
            f"songs-piano, not for {named}: turn {option('density')} instead, or leave it out"
        )


@dataclass(frozen=True)
class Jam:
    """A performance of player and machine. In a notebook it shows its notes and plays them.

    session: what was heard and played, and with what settings. differences: of a replay, a line for each event that
    is not what was played then; None for a performance that is no replay.
    """

    session: Session
    differences: tuple[str, ...] | None = None

    @property
    def piece(self) -> Piece:
        """Its notes in two parts, the player's and the machine's, where they were played."""
        from ritornello.live.score import piece_of

        return piece_of(self.session, "Jam")

    @property
    def answers(self) -> list[tuple[float, float, int]]:
        """Where the machine played without a note of the player: (first bar, bars, notes)."""
        from ritornello.live.score import answers_of

        return answers_of(self.session)

    @property
    def lines(self) -> list[str]:
        """A line on each answer; none where the machine plays along with the player."""
        from ritornello.live.rehearsal import WITH_THE_PLAYER

        if self.session.heading.dials.mode in WITH_THE_PLAYER:
            return []
        return [
            f"bar {bar:.4g}: the machine plays {counted(notes, 'note')} in {bars:.2g} bars"
            for bar, bars, notes in self.answers
        ]

    @property
    def summary(self) -> str:
        """How many notes both played, in one line."""
        counts = [0, 0]
        with suppress(ValueError):  # not a note was played
            counts = [len(part.notes) for part in self.piece.parts]
        player, machine = (counted(count, "note") for count in counts)
        return f"you played {player}, the machine {machine}"

    def save(self, path: str | Path, replace: bool = False) -> None:
        """Write the performance by suffix: .mid with two parts, a sound file, or a page.

        replace: let it take the place of a file that holds something else. Raises ValueError for another suffix,
        FileExistsError for a file that must be kept, OSError naming the path where it cannot be written.
        """
        from ritornello import atomic

        atomic.write_bytes(path, _encoded(self.piece, path), atomic.maker_of("jam", Path(path).name), replace)

    def exhibit(self, is_small: bool = False) -> Exhibit:
        """Make what a page shows of it. is_small: with sound that takes half the room.

        Raises ValueError where not a note was played.
        """
        from ritornello.render.save import piece_exhibit

        return piece_exhibit(self.piece, is_small=is_small)

    def __repr__(self) -> str:
        return f"Jam({self.summary})"

    def _repr_html_(self) -> str | None:
        from ritornello.render.page import notebook_html

        with suppress(ValueError):  # not a note was played
            return notebook_html(self.exhibit())
        return None


@takes(dials=Dials)
def jam(
    model: Model | str | Path | None = None,
    *,
    play: str | Path | Melody | Piece | Any = None,
    seed: int | None = None,
    session: str | Path | None = None,
    out: str | Path | None = None,
    seconds: float | None = None,
    stage: StageOptions | None = None,
    preset: str | Path | None = None,
    save_preset: str | Path | None = None,
    on_line: Callable[[str], None] = lambda line: None,
    replace: bool = False,
    dials: Dials,
) -> Jam:
    """Play a model with a file on a virtual clock, or on stage in real time.

    The virtual clock takes a moment.

    model: a Model, a file, a run folder or a shipped name; None is the default one. play: a music file, notes by
    name, or music in memory, the player; its tempo and metre hold unless `qpm` and `metre` are given. None for a
    machine alone, which plays for `seconds`. seed: None draws one. session: a file to keep the performance in.
    out: a file to write it to,
    by suffix as `Jam.save`. seconds: where the performance ends; None is the end of the file and its answer; on stage
    without a file, until you stop it. stage: what is connected, None for the virtual clock. preset: a TOML file or
    the name of one that is shipped; dials that are given stay. save_preset: a file for the dials as they stand at the
    end, and the controllers that were learned. on_line: called with a line on each answer, and on stage with what
    goes wrong.
    Raises ValueError for a model that cannot play live, a file without notes, a dial out of range; FileExistsError
    for a file that must be kept.
    """
    from ritornello import atomic
    from ritornello.live.rehearsal import rehearse
    from ritornello.live.session import Heading, read_session
    from ritornello.live.stage.presets import PRESET_MAKER, Preset, changed_dials, read_preset
    from ritornello.live.stage.presets import save_preset as keep_preset
    from ritornello.live.values import Event
    from ritornello.model.blas import one_thread
    from ritornello.model.file import digest

    if out is not None:
        _check_suffix(out)
        atomic.check_ahead([out], atomic.maker_of("jam", Path(out).name), replace)
    if session is not None:
        atomic.check_ahead([session], atomic.maker_of("session", session), replace)
    if save_preset is not None:
        atomic.check_ahead([save_preset], PRESET_MAKER, replace)
    given = read_preset(preset) if preset is not None else Preset()
    stage, dials = _with_preset(given, stage, dials)
    if play is None and seconds is None and stage is None:
        raise ValueError(f"a machine alone needs to know how long it plays: {by_face('--for 60', 'seconds=60')}")
    if seconds is not None and not 0 < seconds < float("inf"):
        raise ValueError(f"seconds must be more than 0, not {seconds}")
    chosen = load_model(model)
    _check_playable(chosen, dials)
    performance, dials = _performance(play, dials, on_line) if play is not None else (None, dials)
    heading = Heading(
        chosen.name, digest(chosen.file.tensors), secrets.randbelow(1 << 31) if seed is None else seed, dials
    )
    with _kept_in(session, heading) as (file, path):
        models, controllers = Models(), given.controllers
        engine = _engine(chosen, heading, file, models, stage is not None and stage.clock_out)
        if given.primer:
            engine.hear(Event(0.0, "prime", value=_primed(given.primer, dials.metre), name=given.primer))
        if stage is not None:
            stage = dataclasses.replace(stage, prime=_primed, load=models.load)
            end, _, controllers = _perform(engine, performance, seconds, stage, on_line)
        else:
            with one_thread():
                end = rehearse(engine, performance, seconds)
        file.close(end)
        if save_preset is not None:
            turned = changed_dials(vars(engine.play.dials))
            keep_preset(save_preset, Preset("", given.primer, turned, controllers), replace)
        made, content = Jam(read_session(path)), Path(path).read_bytes()
    for line in made.lines:
        on_line(line)
    if out is not None:
        try:
            made.save(out, replace)
        except OSError as error:
            place = session or _rescued(content)
            again = by_face(
                f"ritornello jam --replay {as_argument(place)} -o FILE", f'rito.replay("{place}", out=FILE)'
            )
            advice = f"the performance lies in {place}: {again}"
            raise OSError(error.errno, f"{error.strerror}; {advice}", error.filename) from None
    return made


def _rescued(session: bytes) -> str:
    """Write a session to a file for what cannot be written elsewhere; return its name."""
    with NamedTemporaryFile(prefix="jam-", suffix=".session", delete=False) as file:
        file.write(session)
    return file.name


@checked
def replay(
    session: str | Path,
    model: Model | str | Path | None = None,
    *,
    out: str | Path | None = None,
    replace: bool = False,
) -> Jam:
    """Compute the machine's part of a session anew, and compare it with what was played.

    model: the one that played then, where it does not lie there any more. out: as of `jam`.
    Raises ValueError for a file that is no session, and for another model than that which played.
    """
    from ritornello.live.rehearsal import replay as play_again
    from ritornello.live.session import Session, read_session
    from ritornello.model.blas import one_thread
    from ritornello.model.file import digest

    before = read_session(session)
    heading = before.heading
    chosen = load_model(heading.model if model is None else model)
    _check_playable(chosen)
    if digest(chosen.file.tensors) != heading.sha256:
        raise ValueError(
            f"{session} was played with another model than {chosen.name} (sha256 {heading.sha256[:12]} begins its "
            f"fingerprint): name that one, {by_face('ritornello jam MODEL --replay FILE', 'model=')}"
        )
    kept = Session(heading, end=before.end)
    with one_thread():
        models = Models()
        for event in before.heard:
            if event.kind == "model" and models.load(event.name) != event.value:
                raise ValueError(f"{session} was played with another model than {event.name} now is")
        differences = play_again(_engine(chosen, heading, kept, models), before, kept)
    made = Jam(kept, tuple(differences))
    if out is not None:
        made.save(out, replace)
    return made


def _with_preset(preset: Preset, stage: StageOptions | None, dials: Dials) -> tuple[StageOptions | None, Dials]:
    """Add a preset to what is connected and to the dials, where nothing else was asked for."""
    usual = Dials()
    added = {key: value for key, value in preset.dials.items() if getattr(dials, key) == getattr(usual, key)}
    if stage is not None:
        stage = dataclasses.replace(
            stage,
            program=added.get("program", stage.program),
            preset=preset,
            controllers={**preset.controllers, **stage.controllers},
        )
    return stage, dataclasses.replace(dials, **added)


def _perform(
    engine: Engine,
    performance: Performance | None,
    seconds: float | None,
    stage: StageOptions,
    on_line: Callable[[str], None],
) -> Performed:
    """Play in real time, a file as the player if there is one."""
    from ritornello.live.rehearsal import answer_span
    from ritornello.live.stage.runner import perform
    from ritornello.live.values import Event

    if performance is not None:
        turn = [Event(performance.end, "turn")] if engine.play.dials.mode == "call-response" else []
        stage = dataclasses.replace(stage, script=(*performance.events, *turn))
        if seconds is None:
            quiet, seconds = answer_span(engine.play, performance.end)
            stage = dataclasses.replace(stage, quiet_after=quiet)
    return perform(engine, dataclasses.replace(stage, seconds=seconds), on_line)


def _primed(primer: str, metre: str) -> tuple[tuple[int, int, int, int], ...]:
    """Read a primer, notes or a file, as the value of a "prime" event: notes from a barline on."""
    from ritornello.api.reading import read_song
    from ritornello.live.line.history import GRID

    melody = read_song(primer, metre, "the primer").melody
    timeline = melody.timeline
    ahead = timeline.bar_ticks(timeline.metre) - timeline.pickup if timeline.pickup else 0
    scale = GRID / timeline.ticks_per_quarter
    return tuple(
        (round((n.start + ahead) * scale), max(round(n.duration * scale), 1), n.pitch, n.velocity)
        for n in melody.notes
    )


class Models:
    """The models that play on in a performance, by name."""

    def __init__(self) -> None:
        self._files: dict[str, tuple[ModelFile, str]] = {}

    def load(self, name: str) -> str:
        """Make a model ready; return the SHA-256 of its weights.

        Raises ValueError for one that cannot play live, OSError where there is none.
        """
        from ritornello.live.line import line_of
        from ritornello.model.file import digest

        file = load_model(name).file
        line_of(file)
        self._files[name] = file, digest(file.tensors)
        return self._files[name][1]

    def change(self, line: Composer, event: Event) -> Composer:
        """Let the model of an event play a line on, one of other music begin anew.

        Raises ValueError for another than was meant.
        """
        from ritornello.encoding import is_melodic
        from ritornello.live.line import line_of

        file, sha256 = self._files.get(event.name, (None, ""))
        if file is None or sha256 != event.value:
            raise ValueError(f"{event.name} is not the model that was meant")
        before = cast("Line | Performer", line)
        if is_melodic(file.encoding) != before.is_melody:
            return line_of(file, before.seed, before.dials)
        return before.played_by(file)


def _engine(
    model: Model, heading: Heading, keeper: Session | SessionFile, models: Models, sends_clock: bool = False
) -> Engine:
    """Make the engine of a model, with what keeps its events. models: those that may play on."""
    from ritornello.live.engine import Engine
    from ritornello.live.line import line_of

    line = line_of(model.file, heading.seed, heading.dials)
    return Engine(line, heading.dials, heading.seed, keeper.add, 0.0, sends_clock, models.change)


@contextmanager
def _kept_in(path: str | Path | None, heading: Heading) -> Iterator[tuple[SessionFile, str | Path]]:
    """Open the file of a session; without a path, one that is removed at the end."""
    from ritornello.live.session import SessionFile

    with TemporaryDirectory() as folder:
        place = Path(folder, "jam.session") if path is None else path
        with closing(SessionFile(place, heading)) as file:
            yield file, place


def _performance(play: Any, dials: Dials, on_line: Callable[[str], None]) -> tuple[Performance, Dials]:
    """Read what the player plays; its tempo and metre hold where the dials stand as usual."""
    from ritornello.api.reading import read_music
    from ritornello.live.score import performance_of

    music, lines = read_music(play)
    for line in lines:
        on_line(f"{play}: {line}")
    notes = _player_s_notes(music)
    if not notes:
        raise ValueError(f"{play}: there is not a note to play with")
    usual = Dials()
    performance = performance_of(notes, music.timeline, None if dials.qpm == usual.qpm else dials.qpm)
    metre = performance.metre if dials.metre == usual.metre else dials.metre
    return performance, dataclasses.replace(dials, qpm=performance.qpm, metre=metre)


def _player_s_notes(piece: Piece) -> tuple[Note, ...]:
    """Take the notes of a piece's only part with pitches, or of the part that has its melody."""
    from ritornello.corpus.pick.pick import pick_melodies

    pitched = [part for part in piece.parts if part.notes and not part.is_drum]
    if len(pitched) == 1:
        return pitched[0].notes
    picked = pick_melodies(piece)[0]
    return piece.parts[picked.part].notes if picked.part >= 0 else picked.melody.notes


def _check_suffix(out: str | Path) -> None:
    """Raise ValueError for a suffix to which no performance is written."""
    from ritornello.render.save import SOUNDS

    if Path(out).suffix.lower() not in (*MIDI, *SOUNDS, ".html"):
        known = ", ".join((".mid", *SOUNDS, ".html"))
        raise ValueError(f"{out}: a performance is written to {known}, by suffix")


def _encoded(piece: Piece, path: str | Path) -> bytes:
    """Encode a performance by the suffix of a path."""
    from ritornello.music.midi.reader import write_midi_piece
    from ritornello.render.audio_file import encode_audio
    from ritornello.render.page import frame_html
    from ritornello.render.save import piece_exhibit
    from ritornello.render.sound import render_wave

    _check_suffix(path)
    suffix = Path(path).suffix.lower()
    if suffix in MIDI:
        return write_midi_piece(piece)
    if suffix == ".html":
        return frame_html(piece_exhibit(piece)).encode()
    return encode_audio(render_wave(piece), suffix.lstrip("."))
