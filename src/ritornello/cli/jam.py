"""ritornello jam and ritornello ports: the live instrument, and what it can be connected to."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

from cyclopts import CycloptsError, Parameter

from ritornello import api
from ritornello.cli.console import AsJson, Console, Quiet, Replace
from ritornello.live.dials import Dials
from ritornello.plural import counted

if TYPE_CHECKING:
    from ritornello.live.stage.runner import StageOptions

Flag = Annotated[bool, Parameter(negative=())]
SHOWN = 10  # differences of a replay


@dataclass(frozen=True)
class Connections:
    """What the instrument is connected to, in real time."""

    midi_in: Annotated[tuple[str, ...], Parameter(negative=())] = ()
    """MIDI port to listen to: its name, part of it, its number, or "virtual"; several times for several."""

    midi_out: Annotated[tuple[str, ...], Parameter(negative=())] = ()
    """MIDI port to play to, or "osc HOST:PORT"; several times for several."""

    thru: Annotated[tuple[str, ...], Parameter(negative=())] = ()
    """"IN > OUT": what comes in at one port goes straight to another."""

    sound: Flag = False
    """Sound with the sample bank; on when nothing else is connected."""

    device: str | None = None
    """Part of the name of the sound device; "null" is silent."""

    keys: Flag = False
    """Play on the computer's keyboard: A is C; Z and X change the octave; escape ends all notes."""

    key_length: float | None = None
    """Seconds that a key's note lasts, where the terminal does not report releases; without it, a beat."""

    osc: str | None = None
    """Listen to OSC: a port on this machine, or HOST:PORT."""

    osc_to: str | None = None
    """Send the state by OSC: a port on this machine, or HOST:PORT."""

    web: int | None = None
    """Send the state to pages over a WebSocket of this machine, at this port; 0 is any."""

    link: Flag = False
    """Follow Ableton Link; its tempo is never changed."""

    clock_out: Flag = False
    """Send MIDI clock, start, stop and song position to the MIDI outputs."""

    screen: Flag = False
    """Show the performance in the terminal; on when nothing else is connected."""


def jam(
    model: str | None = None,
    /,
    *,
    play: str | None = None,
    seed: int | None = None,
    session: str | None = None,
    out: Annotated[str | None, Parameter(name=["--out", "-o"])] = None,
    seconds: Annotated[float | None, Parameter(name="--for")] = None,
    virtual_time: Flag = False,
    replay: str | None = None,
    preset: str | None = None,
    save_preset: str | None = None,
    connections: Annotated[Connections, Parameter(name="*")] = Connections(),
    dials: Annotated[Dials, Parameter(name="*", negative=())] = Dials(),
    replace: Replace = False,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Play with a model, in one of seven ways.

    It answers your phrases, goes on where you stop, plays a second line or a second note to yours, takes turns note
    by note, fills your rests, or plays alone.

    Example: ritornello jam --play tune.mid --virtual-time -o jam.mid

    In real time, with a MIDI keyboard: ritornello jam --midi-in Keystation --sound

    Hear once more what a session played: ritornello jam --replay evening.session -o evening.mid

    Parameters
    ----------
    model
        A model file, a run folder, or a shipped model; without one, the default.
    play
        A music file that plays the player's part; its tempo and metre hold unless --qpm and --metre are given.
    seed
        Random seed; without one, a new one is drawn. The same seed, dials and notes give the same answers.
    session
        A file to keep the performance in: what was heard, what was played, and with what settings.
    out
        A file to write the performance to: .mid with both parts, .wav, .mp3, .ogg, .flac or .html.
    seconds
        Where the performance ends; without it, with the file and its answer, or when you stop it.
    virtual_time
        Do not wait for the clock: hours pass in seconds, and nothing sounds.
    preset
        A preset: a TOML file, or duet, installation, conductor, studio-track or class.
    save_preset
        A TOML file for the dials as they stand at the end, and the controllers that were learned.
    replay
        Compute anew what the machine played in this session, and compare.
    """
    console = Console(quiet, as_json)
    if replay is not None:
        others = (play, session, seed, seconds, preset, save_preset)
        if any(other is not None for other in others) or connections != Connections() or dials != Dials():
            raise CycloptsError(msg="--replay takes settings and notes from the session: leave the other options out")
        made = api.replay(replay, model, out=out, replace=replace)
        differences = list(made.differences or ())
        shown = differences[:SHOWN] + ([f"... {len(differences)} in all"] if len(differences) > SHOWN else [])
        verdict = (
            f"other answers than then: {counted(len(differences), 'difference')}"
            if differences
            else "the same answers, bit for bit"
        )
        console.result(
            {"is_same": not differences, "differences": differences, "out": out},
            "\n".join([*shown, f"{made.summary}: {verdict}" + (f"; wrote {out}" if out else "")]),
        )
        return
    if virtual_time and connections != Connections():
        raise CycloptsError(
            msg="--virtual-time does not wait, so nothing can be connected: leave it out, or ports, sound and screen"
        )
    is_live = not virtual_time and (connections != Connections() or (play is None and seconds is None))
    if not (is_live or virtual_time):
        console.say("nothing is connected, so nobody waits and nothing sounds: --sound or --midi-out NAME to hear it")
    made = api.jam(
        model,
        play=play,
        seed=seed,
        session=session,
        out=out,
        seconds=seconds,
        preset=preset,
        save_preset=save_preset,
        stage=_stage(connections, dials) if is_live else None,
        on_line=console.say,
        replace=replace,
        dials=dials,
    )
    files = [path for path in (session, out) if path]
    answers = [{"bar": bar, "bars": bars, "notes": notes} for bar, bars, notes in made.answers]
    value = {"seed": made.session.heading.seed, "seconds": made.session.end, "answers": answers, "files": files}
    written = f"; wrote {', '.join(files)}" if files else ""
    console.result(value, f"{made.summary}, seed {made.session.heading.seed}{written}")


def _stage(asked: Connections, dials: Dials) -> StageOptions:
    """Turn what was asked for into what is opened: with nothing, keyboard, sound and screen."""
    from ritornello.live.stage.ports import read_port
    from ritornello.live.stage.runner import StageOptions

    is_terminal = sys.stdin.isatty() and sys.stdout.isatty()
    is_bare = asked == Connections()
    has_sound = asked.sound or asked.device is not None or is_bare
    pairs = [tuple(part.strip() for part in pair.split(">")) for pair in asked.thru]
    if any(len(pair) != 2 for pair in pairs):
        raise ValueError('--thru is written "IN > OUT", with the names of --midi-in and --midi-out')
    return StageOptions(
        inputs=tuple(map(read_port, asked.midi_in)),
        outputs=tuple(map(read_port, asked.midi_out)),
        thru=tuple((pair[0], pair[1]) for pair in pairs),
        sound=(asked.device or "") if has_sound else None,
        program=dials.program,
        keys=asked.keys or (is_bare and is_terminal),
        key_length=asked.key_length or 60 / dials.qpm,
        osc=asked.osc or "",
        osc_to=asked.osc_to or "",
        web=asked.web,
        link=asked.link,
        clock_out=asked.clock_out,
        screen=asked.screen or (is_bare and is_terminal),
    )


def ports(*, calibrate: str | None = None, listen: str | None = None, as_json: AsJson = False) -> None:
    """List the MIDI ports for the live instrument, or measure how late one of them sounds.

    Where there are none, one line says what is wrong and what to do.
    It needs rtmidi2: pip install rtmidi2.

    Example: ritornello ports

    With a cable back to an input: ritornello ports --calibrate Synth --listen Interface

    Tapping enter to what you hear: ritornello ports --calibrate Synth

    Parameters
    ----------
    calibrate
        An output whose delay is measured and kept for its device: `jam` sends to it so much earlier. "sound" is the
        sample bank.
    listen
        An input to which the output comes back, by a cable or a patch bay; without one, you tap to its notes.
    """
    from ritornello.live.stage.ports import describe_ports, find_backend

    if calibrate is not None:
        from ritornello.live.stage.calibrate import calibrate as measure
        from ritornello.live.stage.calibrate import keyboard_taps

        console = Console(as_json=as_json)
        if listen is None:
            console.say("tap enter or space on each note that you hear, twenty notes long")
        measured = measure(calibrate, listen, keyboard_taps)
        console.result(measured._asdict(), measured.line)
        return
    if listen is not None:
        raise CycloptsError(msg="--listen says where --calibrate PORT comes back: give both")
    found = find_backend()
    if found.fault and not as_json:
        raise OSError(found.fault)
    Console(as_json=as_json).result(found._asdict(), describe_ports(found))
