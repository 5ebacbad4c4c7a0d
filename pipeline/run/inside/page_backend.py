"""The matplotlib backend of a run: a figure that is shown is kept as SVG, and closed, as a reader closes its window."""

from __future__ import annotations

import io
from typing import Any

from matplotlib import pyplot
from matplotlib._pylab_helpers import Gcf
from matplotlib.backends.backend_svg import FigureCanvasSVG

FigureCanvas = FigureCanvasSVG
shown: list[str] = []


def show(*_: Any, **__: Any) -> None:
    """What ``plt.show()`` does, at the size that the figure was given. Without a date, two runs give the same bytes."""
    managers = Gcf.get_all_fig_managers()
    for manager in managers:
        file, figure = io.StringIO(), manager.canvas.figure
        figure.savefig(file, format="svg", facecolor=figure.get_facecolor(), metadata={"Date": None})
        shown.append(file.getvalue())
    if managers:
        pyplot.close("all")
