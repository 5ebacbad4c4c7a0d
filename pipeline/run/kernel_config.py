"""Read by IPython when a snippet's kernel starts (see ``kernel.py``); ``c`` is IPython's configuration."""

import runpy
from pathlib import Path

c = get_config()  # type: ignore[name-defined]  # noqa: F821  (IPython puts it there)

c.InlineBackend.figure_formats = {"svg"}
# The size that the snippet asked for, and no date: two runs give the same bytes.
c.InlineBackend.print_figure_kwargs = {"bbox_inches": None, "metadata": {"Date": None}}
# An animation is one figure that moves (see motion.py, which lies beside this file), and no film for a notebook.
ANIMATION = ("matplotlib.animation", "Animation")
MOTION = Path(__file__).with_name("motion.py")
c.SVGFormatter.deferred_printers = {ANIMATION: lambda animation: runpy.run_path(str(MOTION))["draw"](animation)}
c.HTMLFormatter.deferred_printers = {ANIMATION: lambda animation: None}
c.PlainTextFormatter.deferred_printers = {ANIMATION: lambda animation, printer, cycle: printer.text("<Animation>")}
c.InteractiveShell.xmode = "Plain"
c.InteractiveShell.colors = "nocolor"
c.HistoryManager.enabled = False
c.Application.log_level = "ERROR"  # what the kernel has to say of itself is not for the snippet's reader
