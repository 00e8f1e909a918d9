"""The picture of a soak shows every figure where it belongs."""

import xml.etree.ElementTree as ElementTree

from tests.drills.plot import BOTTOM, HEIGHT, LEFT, POINTS, RIGHT, TOP, WIDTH, Curve, picture, thinned

SVG = "{http://www.w3.org/2000/svg}"


def test_a_curve_goes_from_the_left_to_the_right_and_up_to_its_maximum() -> None:
    drawn = ElementTree.fromstring(picture([0, 30, 60], [Curve("memory", "MB", [50, 100, 0])]))
    line = drawn.find(f"{SVG}polyline")
    assert line is not None
    middle = (LEFT + WIDTH - RIGHT) / 2
    floor = HEIGHT - BOTTOM
    assert line.get("points") == f"{LEFT}.0,{(TOP + floor) / 2} {middle:.1f},{TOP}.0 {WIDTH - RIGHT}.0,{floor}.0"


def test_each_curve_has_a_panel_and_its_unit() -> None:
    drawn = ElementTree.fromstring(picture([0, 1], [Curve("memory", "MB", [1, 2]), Curve("lag", "s", [0, 0])]))
    texts = [text.text for text in drawn.iter(f"{SVG}text")]
    assert "memory, MB" in texts
    assert "lag, s" in texts
    assert len(list(drawn.iter(f"{SVG}polyline"))) == 2
    assert drawn.get("height") == str(2 * HEIGHT)


def test_of_many_figures_the_largest_of_each_moment_is_drawn() -> None:
    many = [0.0] * 100_000
    many[51_234] = 7.0
    few = thinned(many)
    assert len(few) <= POINTS
    assert max(few) == 7.0
    assert thinned([3.0, 1.0]) == [3.0, 1.0]
