"""Playing on a virtual clock: with a file as the player, and a session once more."""

from __future__ import annotations

from ritornello.live.engine import Engine
from ritornello.live.score import Performance
from ritornello.live.session import Session
from ritornello.live.values import Event
from ritornello.live.ways.playing import Playing

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
        engine.advance(end)
        end, last = answer_span(engine.play, end)
        if performance and engine.play.dials.mode == "call-response":
            engine.hear(Event(end, "turn"))
        while engine.is_active and (moment := engine.next_moment()) is not None and end < last:
            end = max(end, moment)
            engine.advance(end)
    elif seconds > end:
        end = seconds
    engine.hear(Event(end, "stop"))
    engine.advance(end)
    return end


def answer_span(play: Playing, end: float) -> tuple[float, float]:
    """Find between which times the machine's last answer to a file is over, in seconds.

    end: of the file. It is over when the machine is silent from the first time on, or at the second.
    """
    beat, bar, mode = play.beat, float(play.beat.bars.length), play.dials.mode
    if mode == "call-response":
        return end, beat.time_of(beat.beat_at(end) + MOST_BARS * bar)
    bars = 0.25 if mode in WITH_THE_PLAYER else play.dials.answer_bars or AFTERWARDS
    last = beat.time_of(beat.beat_at(end) + bars * bar)
    return last, last


def replay(engine: Engine, session: Session, kept: Session) -> list[str]:
    """Compute anew what a session played; return a line for each event that is another now.

    kept: what the engine keeps its events in. Of a session that was cut off only what it holds is compared.
    """
    received = session.heard
    for event in received:
        engine.hear(event)
        engine.advance(event.time)
    times = [event.time for event in (*received, *session.played)]
    engine.advance(session.end if session.end is not None else max(times, default=0.0))
    if session.end is None:
        del kept.played[len(session.played) :]
    return differences(session.played, kept.played)


def differences(before: list[Event], now: list[Event]) -> list[str]:
    """List the notes that were played before or now, but not both times, in the order of time."""
    notes_before, notes_now = (
        [(e.time, e.number) for e in events if e.kind == "note_on"] for events in (before, now)
    )
    if before == now:
        return []
    gone, new = set(notes_before) - set(notes_now), set(notes_now) - set(notes_before)
    changes = [(*note, "played then, not now") for note in gone] + [(*note, "played now, not then") for note in new]
    lines = [f"at {time:.3f} s, pitch {pitch}: {change}" for time, pitch, change in sorted(changes)]
    return lines or ["the same notes, but other velocities or lengths"]
