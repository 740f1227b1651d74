"""Columns of doubles: sequences that numpy takes as arrays."""

from __future__ import annotations

import math
from array import array

import numpy
import pytest

from lrviz.arrays import Values, column

VALUES = [0.1, 0.2, math.nan, 0.4]


def test_a_column_is_a_sequence() -> None:
    values = column(VALUES)
    assert (len(values), values[0], values[-1]) == (4, 0.1, 0.4)
    assert values[::2][0] == 0.1
    assert isinstance(values[1:], Values)
    assert column([1.0, 2.0]).tolist() == [1.0, 2.0]
    assert max(column([1.0, 3.0, 2.0])) == 3.0
    with pytest.raises(IndexError):
        values[4]


def test_numpy_takes_it_without_a_copy_and_copies_where_it_is_asked_to() -> None:
    numbers = array("d", VALUES)
    values = column(numbers)
    assert numpy.shares_memory(numpy.asarray(values), numpy.frombuffer(numbers))
    assert not numpy.shares_memory(numpy.array(values), numpy.frombuffer(numbers))
    assert numpy.asarray(values, dtype="float32").dtype == "float32"
    assert numpy.mean(column([1.0, 3.0])) == 2.0


def test_it_cannot_be_written() -> None:
    with pytest.raises(TypeError):
        column(VALUES)[0] = 1.0  # type: ignore[index]
    with pytest.raises(ValueError, match="read-only"):
        numpy.asarray(column(VALUES))[0] = 1.0


def test_what_a_sequence_has_no_index_for_is_numpys() -> None:
    values = column([1.0, 2.0, 3.0])
    assert list(values[numpy.array([True, False, True])]) == [1.0, 3.0]
    assert values[:, None].shape == (3, 1)


def test_equal_columns_have_equal_values_and_bits_tell_the_rest() -> None:
    assert column([0.0]) == column([-0.0])
    assert column([0.0]).bits != column([-0.0]).bits
    assert column(VALUES) != column(VALUES)
    assert column(VALUES).bits == column(VALUES).bits
    assert column(VALUES)[::2].bits == column(VALUES[::2]).bits
    assert column([1.0]) != [1.0]


def test_a_repr_has_the_first_values() -> None:
    assert repr(column([0.1, 0.2])) == "Values([0.1, 0.2], 2 values)"
    assert repr(column([0.1] * 9)) == "Values([0.1, 0.1, 0.1, 0.1, 0.1, 0.1, ...], 9 values)"
