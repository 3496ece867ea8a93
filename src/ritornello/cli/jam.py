"""ritornello jam: the live instrument."""

from __future__ import annotations

from typing import Annotated

from cyclopts import CycloptsError, Parameter

from ritornello import api
from ritornello.cli.console import AsJson, Console, Quiet, Replace
from ritornello.live.dials import Dials
from ritornello.plural import counted

Flag = Annotated[bool, Parameter(negative=())]
SHOWN = 10  # differences of a replay


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
    dials: Annotated[Dials, Parameter(name="*", negative=())] = Dials(),
    replace: Replace = False,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Play with a model, in one of seven ways.

    It answers your phrases, goes on where you stop, plays a second line or a second note to yours, takes turns note
    by note, fills your rests, or plays alone.

    Example: ritornello jam --play tune.mid --virtual-time -o jam.mid

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
    replay
        Compute anew what the machine played in this session, and compare.
    """
    console = Console(quiet, as_json)
    if replay is not None:
        if play is not None or session is not None or seed is not None or dials != Dials():
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
            "\n".join([*shown, f"{made.summary}: {verdict}"]),
        )
        return
    made = api.jam(
        model,
        play=play,
        seed=seed,
        session=session,
        out=out,
        seconds=seconds,
        on_line=console.say,
        replace=replace,
        dials=dials,
    )
    files = [path for path in (session, out) if path]
    answers = [{"bar": bar, "bars": bars, "notes": notes} for bar, bars, notes in made.answers]
    value = {"seed": made.session.heading.seed, "seconds": made.session.end, "answers": answers, "files": files}
    written = f"; wrote {', '.join(files)}" if files else ""
    console.result(value, f"{made.summary}, seed {made.session.heading.seed}{written}")
