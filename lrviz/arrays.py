"""Columns of numbers as numpy's arrays and pandas' frames, for those who ask for such."""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Mapping, Sequence
from importlib import import_module
from typing import TYPE_CHECKING, Any, overload

if TYPE_CHECKING:
    from numpy import ndarray

SHOWN = 6  # values in a repr


class Values(Sequence[float]):
    """Read-only doubles, one for each step, which numpy takes without copying, and which is imported only then.

    It is indexed as a sequence is, and in every other way that numpy's arrays are.
    """

    __slots__ = ("view",)
    __hash__ = None  # type: ignore[assignment]  # equal ones may have other bits: 0.0 and -0.0

    def __init__(self, view: memoryview) -> None:
        self.view = view.toreadonly()

    def __len__(self) -> int:
        return len(self.view)

    def __iter__(self) -> Iterator[float]:
        return iter(self.view)

    @overload
    def __getitem__(self, key: int) -> float: ...
    @overload
    def __getitem__(self, key: slice) -> Values: ...
    def __getitem__(self, key: Any) -> Any:
        if isinstance(key, slice):
            return Values(self.view[key])
        return self.view[key] if isinstance(key, int) else self.__array__()[key]

    def __eq__(self, other: object) -> bool:
        return self.view == other.view if isinstance(other, Values) else NotImplemented

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> ndarray:
        """Return the values as numpy asks for them: of another type, or where a copy is wanted, copied."""
        import numpy

        return numpy.array(self.view, dtype=dtype) if copy else numpy.asarray(self.view, dtype=dtype)

    def __repr__(self) -> str:
        shown = [f"{value:.6g}" for value in self.view[:SHOWN]] + ["..."] * (len(self) > SHOWN)
        return f"Values([{', '.join(shown)}], {len(self):,} values)"

    @property
    def bits(self) -> memoryview:
        """The values as whole numbers of the same bits, so that NaN equals itself."""
        return self.view.cast("B").cast("q") if self.view.contiguous else memoryview(array("q", self.tobytes()))

    def tolist(self) -> list[float]:
        """Return the values as a list."""
        values: list[Any] = self.view.tolist()
        return values

    def tobytes(self) -> bytes:
        """Return the values as doubles of this machine, one after another."""
        return self.view.tobytes()


def column(values: Sequence[float] | array[float]) -> Values:
    """Return numbers as a column; an array of doubles is not copied."""
    if isinstance(values, Values):
        return values
    return Values(memoryview(values if isinstance(values, array) else array("d", values)))


def lr_array(columns: Sequence[Values]) -> ndarray:
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

    return numpy.asarray(values) if isinstance(values, Values) else list(values)
