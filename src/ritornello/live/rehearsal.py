"""Playing on a virtual clock: with a file as the player, and a session once more."""

from __future__ import annotations

from ritornello.live.engine import Engine
from ritornello.live.score import Performance
from ritornello.live.session import Session
from ritornello.live.values import Event

AFTERWARDS = 4  # bars that the machine goes on after a file, where no answer says how long
MOST_BARS = 64  # of the last answer
WITH_THE_PLAYER = ("duet", "follow", "interleave")


def rehearse(engine: Engine, performance: Performance | None, seconds: float | None = None) -> float:
    """Play with a file, or alone; return the end of the performance in seconds.

    seconds: where it ends; None for the end of the file and its answer.
    """
    last = float("inf") if seconds is None else seconds
    for event in performance.events if performance else ():
        if event.time < last:
            engine.hear(event)
    end = min(performance.end, last) if performance else last
    if seconds is None:
        end = _last_answer(engine, end)
    elif seconds > end:
        end = seconds
    engine.hear(Event(end, "stop"))
    engine.advance(end)
    return end


def _last_answer(engine: Engine, end: float) -> float:
    """Let the machine answer the end of a file; return when that is over, in seconds."""
    play = engine.play
    beat, mode = play.beat, play.dials.mode
    if mode == "call-response":
        engine.hear(Event(end, "turn"))
        last = beat.time_of(beat.beat_at(end) + float(MOST_BARS * beat.bars.length))
        while play.is_active and (moment := engine.next_moment()) is not None and end < last:
            end = max(end, moment)
            engine.advance(end)
        return end
    bars = 0.25 if mode in WITH_THE_PLAYER else play.dials.answer_bars or AFTERWARDS
    return beat.time_of(beat.beat_at(end) + bars * float(beat.bars.length))


def replay(engine: Engine, session: Session, kept: Session) -> list[str]:
    """Compute anew what a session played; return a line for each event that is another now.

    kept: what the engine keeps its events in. Of a session that was cut off only what it holds is compared.
    """
    for event in session.heard:
        engine.hear(event)
        engine.advance(event.time)
    times = [event.time for event in (*session.heard, *session.played)]
    engine.advance(session.end if session.end is not None else max(times, default=0.0))
    if session.end is None:
        del kept.played[len(session.played) :]
    return differences(session.played, kept.played)


def differences(before: list[Event], now: list[Event]) -> list[str]:
    """List the notes that were played before or now, but not both times."""
    notes_before, notes_now = (
        [(e.time, e.number) for e in events if e.kind == "note_on"] for events in (before, now)
    )
    if before == now:
        return []
    gone, new = set(notes_before) - set(notes_now), set(notes_now) - set(notes_before)
    lines = [f"at {time:.3f} s, pitch {pitch}: played then, not now" for time, pitch in sorted(gone)]
    lines += [f"at {time:.3f} s, pitch {pitch}: played now, not then" for time, pitch in sorted(new)]
    return sorted(lines) or ["the same notes, but other velocities or lengths"]
