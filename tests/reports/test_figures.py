"""Figures print short, and hold all of what they were given."""

from ritornello.reports.figures import LONGEST, MOST, Figures


def test_long_figures_print_what_fits_and_how_much_more_there_is():
    values = {f"figure {n:02}": n for n in range(MOST + 3)}
    shown = repr(Figures(values))
    assert Figures(values) == values
    assert (f"'figure {MOST - 1}': {MOST - 1}" in shown, f"figure {MOST}" in shown) == (True, False)
    assert shown.endswith(", … 3 more}")


def test_long_values_print_as_how_much_they_are():
    inner = {f"a long name {n}": n for n in range(10)}
    shown = repr(Figures({"list": [*range(100)], "entries": inner, "text": "x" * 100, "short": [1]}))
    text = "'" + "x" * (LONGEST - 1) + "…"
    assert shown == f"{{'list': [… 100 values], 'entries': {{… 10 entries}}, 'text': {text}, 'short': [1]}}"
