"""Columns of numbers as numpy's arrays and pandas' frames, for those who ask for such."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from numpy import ndarray


def lr_array(columns: Sequence[memoryview]) -> ndarray:
    """Return columns of doubles as an array: of one its values, without a copy; of several, shape (steps, groups)."""
    import numpy

    arrays = [numpy.asarray(column) for column in columns]
    return arrays[0] if len(arrays) == 1 else numpy.column_stack(arrays) if arrays else numpy.empty(0)


def frame(columns: Mapping[str, Any]) -> Any:
    """Return columns by name as pandas' DataFrame; raises ImportError where there is no pandas."""
    pandas = import_module("pandas")
    return pandas.DataFrame({name: _series(values) for name, values in columns.items()})


def _series(values: Any) -> Any:
    import numpy

    return numpy.asarray(values) if isinstance(values, memoryview) else list(values)
