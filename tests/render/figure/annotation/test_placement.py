"""Where labels go, in points on an empty board with a few lines: what they keep off, and what they prefer."""

from __future__ import annotations

import math
from itertools import combinations

import numpy
import pytest

from lrviz.render.figure.annotation.placement import Board, Box, Label, LineLabel, Placed, Pointer, Ruler, place

SIZE = (40.0, 10.0)


def board(width: float = 600.0, height: float = 600.0) -> Board:
    return Board(width, height)


def placed(on: Board, label: Label) -> Placed:
    (found,) = place(on, [label])
    assert found is not None
    return found


def upright(on: Board, x: float) -> Board:
    """Let a curve run up a board."""
    on.curves.stroke(numpy.array([(x, 0.0), (x, on.height)]), 0.0)
    return on


def level(on: Board, y: float, start: float = 0.0, stop: float = math.inf) -> Board:
    """Let a curve run along a board."""
    on.curves.stroke(numpy.array([(start, y), (min(stop, on.width), y)]), 0.0)
    return on


class Offered:
    """A label with places of its own: for each its least score, its box and how much it crosses."""

    def __init__(self, *places: tuple[float, Box, int]) -> None:
        self.places = places

    def tries(self, board: Board):
        return ((least, box, ((0.0, 0.0), (0.0, 0.0))) for least, box, _ in self.places)

    def crossings(self, board: Board, box: Box, line: object) -> int:
        return next(crossings for _, each, crossings in self.places if each == box)

    def chosen(self, on: Board) -> int:
        found = on.best(self)
        return next(index for index, (_, box, _) in enumerate(self.places) if found and box == found.box)


@pytest.mark.parametrize(
    ("box", "is_free"),
    [
        (Box(5.0, 5.0, 195.0, 99.0), True),
        (Box(4.9, 5.0, 195.0, 99.0), False),
        (Box(5.0, 4.9, 195.0, 99.0), False),
        (Box(5.0, 5.0, 195.1, 99.0), False),
        (Box(5.0, 5.0, 195.0, 99.1), False),
    ],
    ids=["all of it", "left", "bottom", "right", "top"],
)
def test_a_label_keeps_five_points_from_the_axes_and_one_from_the_top(box, is_free):
    assert board(200, 100).free(box) is is_free


@pytest.mark.parametrize(("bottom", "is_free"), [(54.1, True), (53.9, False), (36.7, False), (36.3, True)])
def test_a_label_has_three_points_of_air_and_lines_are_known_to_a_point_and_a_half(bottom, is_free):
    box = Box(50.0, bottom, 90.0, bottom + 10)
    assert level(board(200, 100), 50.0).free(box) is is_free


def test_no_label_is_in_another_s_air():
    found = place(board(200, 200), [Pointer(100.0, 100.0, SIZE) for _ in range(6)])
    boxes = [each.box for each in found if each is not None]
    assert len(boxes) > 3
    for one, other in combinations(boxes, 2):
        apart = max(other.left - one.right, one.left - other.right, other.bottom - one.top, one.bottom - other.top)
        assert apart >= 1.5


def test_a_label_for_which_there_is_no_room_has_no_place():
    assert place(board(49, 100), [Pointer(20.0, 50.0, SIZE), LineLabel(20.0, SIZE)]) == [None, None]
    assert place(board(300, 20), [Ruler(10.0, 290.0, 10.0, (40.0, 16.0))]) == [None]


@pytest.mark.parametrize("size", [(20.0, 20.0), SIZE, (60.0, 12.0), (100.0, 30.0)])
def test_an_arrow_leaves_its_label_at_four_points_and_is_thirty_eight_from_what_it_points_at(size):
    found = placed(board(), Pointer(300.0, 300.0, size))
    (x, y), tip = found.line
    box = found.box
    assert max(box.left - x, x - box.right, box.bottom - y, y - box.top) == pytest.approx(4.0)
    assert math.dist((x, y), (300.0, 300.0)) == pytest.approx(38.0, abs=1.0)
    assert math.dist(tip, (300.0, 300.0)) == pytest.approx(7.0)


@pytest.mark.parametrize(("x", "crosses"), [(103.2, True), (104.0, False), (97.0, True), (95.9, False), (100.0, True)])
def test_an_arrow_keeps_three_points_free_on_either_side(x, crosses):
    arrow = (100.4, 80.0), (100.4, 20.0)
    pointer = Pointer(100.4, 20.0, SIZE)
    assert bool(pointer.crossings(upright(board(200, 100), x), Box(0, 0, 0, 0), arrow)) is crosses


@pytest.mark.parametrize(("y", "crosses"), [(26.0, False), (28.0, True)])
def test_an_arrow_may_come_near_the_curve_for_seven_points_before_its_tip(y, crosses):
    arrow = (100.0, 80.0), (100.0, 20.5)
    pointer = Pointer(100.0, 20.0, SIZE)
    assert bool(pointer.crossings(level(board(200, 100), y), Box(0, 0, 0, 0), arrow)) is crosses


@pytest.mark.parametrize(("length", "is_split"), [(62.0, True), (61.9, False)])
def test_a_length_has_its_label_in_a_gap_where_eleven_points_of_arrow_are_left_on_either_side(length, is_split):
    found = placed(board(), Ruler(200.0, 200.0 + length, 300.0, SIZE))
    assert (found.box.bottom < found.line[0][1] < found.box.top) is is_split


@pytest.mark.parametrize(("x", "crosses"), [(35.9, False), (36.1, True), (163.9, True), (165.1, False)])
def test_a_length_may_meet_what_it_measures_for_six_points_at_its_ends(x, crosses):
    assert placed(upright(board(200, 100), x), Ruler(30.0, 170.0, 50.0, SIZE)).crossed is crosses


def test_a_length_lies_as_near_as_can_be_to_what_it_measures():
    found = placed(level(board(), 300.0), Ruler(200.0, 400.0, 300.0, SIZE))
    assert found.line == ((200.0, 314.5), (400.0, 314.5))


@pytest.mark.parametrize(
    ("width", "ceiling", "rise", "middle"),
    [(22.0, 333.0, 14.5, 14.5), (40.0, 333.0, 18.0, 18.0), (22.0, 600.0, 14.5, 14.5), (40.0, 600.0, 14.5, 27.5)],
    ids=["little air", "rises for air", "a gap for little air", "over the arrow for air"],
)
def test_a_length_rises_or_has_its_label_over_it_where_that_is_worth_the_air(width, ceiling, rise, middle):
    on = level(board(), 300.0)
    on.curves.fill(Box(0.0, 0.0, 600.0, 290.0))
    on.curves.fill(Box(0.0, ceiling, 600.0, 600.0))
    found = placed(on, Ruler(200.0, 400.0, 300.0, (width, 18.0)))
    assert (found.line[0][1] - 300.0, found.box.centre[1] - 300.0) == (rise, middle)


def test_a_short_length_between_curves_has_its_label_eight_points_beside_it():
    on = level(board(), 325.0)
    on.curves.fill(Box(0.0, 0.0, 600.0, 303.0))
    found = placed(on, Ruler(200.0, 225.0, 300.0, SIZE))
    assert (found.line[0][1], found.box.left) == (314.5, 233.0)


@pytest.mark.parametrize(("x", "left"), [(100.0, 106.0), (180.0, 134.0)])
def test_a_vertical_line_s_label_stands_six_points_from_it_at_the_top(x, left):
    assert placed(board(200, 100), LineLabel(x, SIZE)).box == Box(left, 89.0, left + 40.0, 99.0)


def test_a_vertical_line_s_label_stands_on_another_line_only_where_it_must():
    on = board(200, 100)
    for x in (100.0, 120.0):
        on.lines.stroke(numpy.array([(x, 0.0), (x, 100.0)]), 0.0)
    assert placed(on, LineLabel(100.0, SIZE)) == Placed(
        Box(54.0, 89.0, 94.0, 99.0), ((100.0, 0.0), (100.0, 100.0)), False
    )
    assert placed(on, LineLabel(60.0, (85.0, 10.0))).crossed


@pytest.mark.parametrize(("further", "chosen"), [(59.9, 1), (60.1, 0)])
def test_crossing_two_cells_is_worth_sixty_points(further, chosen):
    near, far = Box(100, 100, 140, 110), Box(300, 100, 340, 110)
    assert Offered((0.0, near, 2), (further, far, 0)).chosen(board()) == chosen


@pytest.mark.parametrize(("further", "chosen"), [(4.4, 1), (4.6, 0)])
def test_thirty_cells_taken_in_the_air_around_a_label_are_worth_four_points_and_a_half(further, chosen):
    on = level(board(), 92.0, 96.0, 140.9)
    assert on.curves.taken.sum() == 30
    near, far = Box(100, 100, 140, 110), Box(300, 100, 340, 110)
    assert Offered((0.0, near, 0), (further, far, 0)).chosen(on) == chosen


@pytest.mark.parametrize(("y", "chosen"), [(89.9, 0), (91.1, 1)])
def test_that_air_goes_nine_points_far(y, chosen):
    near, far = Box(100, 100, 140, 110), Box(300, 400, 340, 410)
    assert Offered((0.0, near, 0), (1.0, far, 0)).chosen(level(board(), y)) == chosen


def test_labels_make_room_for_later_ones_in_three_rounds():
    """Each stands best where the next one, when it moves, comes near; the last of four would take a fourth round."""

    def at(x: float, y: float) -> Box:
        return Box(x, y, x + 40, y + 10)

    fixed = Offered((0.0, at(100, 114), 0))
    second = Offered((0.0, at(100, 100), 0), (1.0, at(300, 100), 0))
    third = Offered((0.0, at(300, 116), 0), (1.0, at(500, 100), 0))
    fourth = Offered((0.0, at(500, 117.5), 0), (1.0, at(100, 400), 0))
    boxes = [each.box for each in place(board(), [fourth, third, second, fixed]) if each]
    assert boxes == [at(500, 117.5), at(500, 100), at(300, 100), at(100, 114)]
