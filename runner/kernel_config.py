"""Read by IPython when a snippet's kernel starts (see ``kernel.py``); ``c`` is IPython's configuration."""

c = get_config()  # type: ignore[name-defined]  # noqa: F821  (IPython puts it there)

c.InlineBackend.figure_formats = {"svg"}
# The size that the snippet asked for, and no date: two runs give the same bytes.
c.InlineBackend.print_figure_kwargs = {"bbox_inches": None, "metadata": {"Date": None}}
c.InteractiveShell.xmode = "Plain"
c.InteractiveShell.colors = "nocolor"
c.HistoryManager.enabled = False
c.Application.log_level = "ERROR"  # what the kernel has to say of itself is not for the snippet's reader
