"""The figure that lrviz returns: matplotlib's, which shows itself at the end of a notebook's cell."""

from __future__ import annotations

import io

from matplotlib.figure import Figure

from lrviz.render.figure.output import write


class NotebookFigure(Figure):
    """A matplotlib figure that belongs to no window, and that a notebook shows without any magic."""

    def _repr_png_(self) -> bytes:
        """Return the picture as IPython asks for it."""
        return png(self)


def png(figure: Figure) -> bytes:
    """Return a figure as a PNG picture."""
    file = io.BytesIO()
    write(figure, file, "png")
    return file.getvalue()
