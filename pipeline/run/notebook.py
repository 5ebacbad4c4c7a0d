"""The executed notebook, as it is downloaded and as it becomes a page of the site."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence

import nbformat
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from pipeline.run import motion
from pipeline.run.figures import size
from pipeline.run.kernel import Outcome
from pipeline.run.outputs import SCHEMES
from pipeline.run.snippet import Cell, Snippet


def download(cells: Sequence[Cell], outcomes: Mapping[str, Outcome]) -> str:
    """The notebook with its figures inside."""
    return _written(_cells(cells, outcomes, on_page=False))


def page(snippet: Snippet, cells: Sequence[Cell], outcomes: Mapping[str, Outcome]) -> str:
    """The notebook with a title and links; its figures are the files that the article shows.

    Addresses are those of files, as seen from the notebook's own: whoever makes the page knows where it will stand.
    """
    made = list(_cells(cells, outcomes, on_page=True))
    title = stem = snippet.path.stem
    if cells[0].text.startswith("# ") and cells[0].is_text:
        title, _, made[0].source = made[0].source.removeprefix("# ").partition("\n")
        made[0].source = made[0].source.strip()
    introduction = (
        f"# {title}: the full run\n\n"
        f"Every cell of the experiment with what it printed and drew, from the same run as the article: "
        f"[read the article](../../../{snippet.concept.replace('_', '-')}.md), "
        f"[download the script]({stem}.py) or [download the notebook]({stem}.ipynb)."
    )
    return _written([new_markdown_cell(introduction), *made])


def _cells(cells: Sequence[Cell], outcomes: Mapping[str, Outcome], on_page: bool) -> Iterator[NotebookNode]:
    count = itertools.count(1)
    for cell in cells:
        if cell.is_text:
            yield new_markdown_cell(cell.text)
            continue
        outcome = outcomes[cell.name]
        outputs = [new_output("stream", name="stdout", text=outcome.printed)] if outcome.printed else []
        for svg in outcome.figures:
            data = {"text/html": _picture(cell.name, svg)} if on_page else {"image/svg+xml": svg}
            outputs.append(new_output("display_data", data=data))
        yield new_code_cell(cell.code, execution_count=next(count), outputs=outputs, metadata={"title": cell.name})


def _written(cells: Iterable[NotebookNode]) -> str:
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    notebook = new_notebook(cells=list(cells), metadata={"kernelspec": kernel, "language_info": {"name": "python"}})
    for number, cell in enumerate(notebook.cells):
        cell.id = f"cell-{number}"  # nbformat draws random ones
    return str(nbformat.writes(notebook))


def _picture(name: str, svg: str) -> str:
    """On the notebook page, the two files that the article shows: they follow the scheme, and weigh nothing here."""
    width, height = size(svg)
    length = motion.seconds(svg)
    images = [
        f'<img src="{name}{".still" if length else ""}.{scheme}.svg#only-{scheme}" '
        f'alt="The figure that the cell {name} draws." width="{width}" height="{height}" loading="lazy">'
        for scheme in SCHEMES
    ]
    if length:
        images.append(f'<p><a href="{name}.light.svg">Watch it move, {length:.0f} s</a></p>')
    return "\n".join(images)
