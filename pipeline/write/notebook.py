"""The full run of an experiment as Markdown, for engines that do not read notebooks."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from pipeline.problem import Problem
from pipeline.run.outputs import Animation, Outputs
from pipeline.write.macros import images

NAME, INSTEAD = "run.ipynb", "run.md"
FRONT_MATTER = "---\nsearch: {exclude: true}\n---\n"  # the article says the same, and is the one to find


def markdown(outputs: Outputs) -> str:
    """Every cell with what it printed and drew; links are as seen from the notebook's own folder."""
    notebook = json.loads((outputs.folder / NAME).read_text(encoding="utf-8"))
    return FRONT_MATTER + "\n\n".join(part for cell in notebook["cells"] for part in _cell(cell, outputs)) + "\n"


def _cell(cell: dict[str, Any], outputs: Outputs) -> Iterator[str]:
    text, name = "".join(cell["source"]), cell["metadata"].get("title", "")
    if cell["cell_type"] != "code":
        yield text
        return
    yield f"```python\n{text}\n```"
    printed = outputs.folder / "cells" / f"{name}.txt"
    if printed.is_file():
        yield f"```text\n{printed.read_text(encoding='utf-8')}\n```"
    for kind in (outputs.figure, outputs.animation):
        try:
            drawn = kind(name)
        except Problem:  # it draws nothing, or what it draws moves
            continue
        alt = f"The figure that the cell {name} draws."
        yield images(drawn, alt).replace(f"(/generated/{outputs.concept}/", "(")
        if isinstance(drawn, Animation):
            yield f"[Watch it move, {drawn.seconds:.0f} s]({drawn.moving.name})"
        return
