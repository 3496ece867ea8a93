"""Compose the bars of a tune without a form: one by one where there are curves."""

from __future__ import annotations

from ritornello.generate.choice.drawing import CONTINUATIONS, Drawing, Targets
from ritornello.generate.choice.steering import Stretch

LAST_BARS = 2  # drawn together where the last pitch is asked for


def compose_in_bars(drawing: Drawing) -> None:
    """Draw the bars of a tune without a form: one by one where there are curves."""
    options, bars, plan = drawing.options, drawing.options.bar_count, drawing.plan
    goals = options.goals("end_on")
    targets = Targets(drawing, 0, (bars - 1,))
    if not targets.has_curves and not goals:
        drawing.take(drawing.draw(Stretch(plan.stop if plan else None), 1)[0])
        return
    while not drawing.place.notes:  # its first note tells whether there is a pick-up
        density = 0.0 if drawing.place.entry else targets.density()
        drawing.take(drawing.draw(Stretch(stop=drawing.place.time + 1, density=density), 1)[0])
    place = drawing.place
    origin = int(place.since + (drawing.form.has_pickup() - place.bars_before) * place.bar)
    targets = Targets(drawing, origin, (bars - 1,))
    for n in range(bars + 1) if targets.has_curves else (max(0, bars - LAST_BARS), bars):
        stop = origin + n * int(place.bar)
        stop = min(stop, plan.stop) if plan else stop
        if drawing.place.time >= stop and n < bars:
            continue
        stretch = Stretch(stop if n < bars or plan else None)
        if n == bars and goals:
            targets.end_on(stretch, stop, goals)
        else:
            targets.go_on(stretch, stop, CONTINUATIONS if targets.has_curves else 1)
