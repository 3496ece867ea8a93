"""Lines over a shared scale, as a picture and in a terminal."""

import math
import re
from xml.etree import ElementTree

import pytest

from ritornello.render.line_chart import MOST_POINTS, Curve, heights, line_chart, text_chart, ticks

FALL = Curve("held-out", [0.0, 1.0, 2.0], [8.0, 6.0, 5.0])


def path_of(svg: str, kind: str) -> list[tuple[float, float]]:
    found = re.search(rf'class="{kind}" d="(M[^"]*)"', svg[svg.index("</style>") :])
    return [tuple(map(float, pair.split())) for pair in re.split("[ML]", found[1])[1:]]


def test_a_chart_is_one_well_formed_picture_with_names_and_a_label():
    svg = line_chart([FALL, Curve("a < b", [0, 1], [7, 7], 1)], "epochs", "bits per note", label="curves")
    root = ElementTree.fromstring(svg)
    texts = ["".join(element.itertext()) for element in root.iter() if element.tag.endswith("text")]
    assert {"held-out", "a < b", "epochs", "↑ bits per note"} <= set(texts)
    assert root.get("aria-label") == "curves"
    assert "http" not in svg.replace("http://www.w3.org/2000/svg", "")


def test_lower_values_lie_lower_and_later_ones_to_the_right():
    points = path_of(line_chart([FALL], "x", "y"), "l i0")
    assert [x for x, _ in points] == sorted(x for x, _ in points)
    assert [y for _, y in points] == sorted(y for _, y in points)


def test_a_level_goes_all_the_way_across():
    svg = line_chart([FALL, Curve("n-gram", [], [6.0], 4, is_level=True)], "x", "y", width=860)
    level = re.findall(r'class="l i4 level" d="M48 [\d.]+H(\d+)"', svg)
    assert level == ["846"]


def test_what_is_not_a_number_is_left_out():
    svg = line_chart([Curve("a", [0, 1, 2], [5.0, math.nan, 4.0])], "x", "y")
    assert "nan" not in svg
    assert len(path_of(svg, "l i0")) == 2


def test_one_point_is_a_dot():
    assert line_chart([Curve("a", [1.0], [5.0])], "x", "y").count("<circle") == 1


def test_a_long_line_is_thinned_and_keeps_its_end():
    many = Curve("a", list(range(5000)), [5.0] * 4999 + [4.0])
    points = path_of(line_chart([many], "x", "y"), "l i0")
    assert len(points) <= MOST_POINTS
    assert points[-1][1] > points[0][1]  # the last value, 4, lies lower


def test_a_first_fall_does_not_flatten_the_rest():
    low, high = heights([Curve("a", range(6), [90.0, 6.2, 6.1, 6.0, 5.5, 5.0])])
    assert low < 5
    assert high < 9


def test_names_that_do_not_fit_side_by_side_go_below_one_another():
    lines = [Curve(f"a run with a long name {n}", [0, 1], [5, 4], n) for n in range(4)]
    svg = line_chart(lines, "x", "y", width=400)
    rows = re.findall(r'class="name" x="\d+" y="(\d+)"', svg)
    assert len({*rows[:4]}) == 4


def test_without_a_line_there_is_nothing_to_draw():
    with pytest.raises(ValueError, match="one line or more"):
        line_chart([], "x", "y")


@pytest.mark.parametrize(
    ("low", "high", "count", "expected"),
    [
        (0, 10, 5, [0, 2, 4, 6, 8, 10]),
        (4.7, 6.2, 3, [5.0, 5.5, 6.0]),
        (0, 0.14, 4, [0, 0.05, 0.1]),
        (3, 3, 4, [3]),
    ],
)
def test_ticks_are_round_numbers(low, high, count, expected):
    assert ticks(low, high, count) == pytest.approx(expected)


def as_text(rows) -> list[str]:
    return ["".join(sign for sign, _ in row) for row in rows]


def test_in_a_terminal_a_fall_goes_from_the_top_left_to_the_bottom_right():
    rows = text_chart([FALL], 30, 6)
    assert [len(row) for row in rows] == [30] * 6
    first, last = as_text(rows)[0][6:], as_text(rows)[-1][6:]
    assert first[0] != " "
    assert last[-1] != " "
    assert last[0] == " " == first[-1]
    assert any("6" in text[:6] for text in as_text(rows))


def test_a_cell_knows_whose_it_is_and_the_last_line_lies_on_top():
    rows = text_chart([Curve("a", [0, 1], [1, 1], 3), Curve("b", [0, 1], [1, 1], 5)], 20, 4)
    inks = {ink for row in rows for sign, ink in row if sign.strip() and ord(sign) > 0x2800}
    assert inks == {5}


def test_a_level_in_a_terminal_is_dashed():
    rows = text_chart([Curve("n-gram", [], [1.0], 4, is_level=True)], 26, 4)
    drawn = next(row for row in as_text(rows) if any(ord(c) > 0x2800 for c in row))
    assert {c == " " for c in drawn[6:]} == {True, False}


def test_a_terminal_without_room_is_refused():
    with pytest.raises(ValueError, match="12 by 2"):
        text_chart([FALL], 11, 5)
