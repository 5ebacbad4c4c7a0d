"""The written pages as a folder, with all that they link to: what any generator of sites can start from."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path

from pipeline.problem import Problem
from pipeline.write import notebook
from pipeline.write.book import Book

MARK = ".written"  # by it a folder is known that may be written again


def write(book: Book, others: Mapping[str, Path], folder: Path) -> list[Problem]:
    """Write every page, and every other file, at its address within ``docs/``; a notebook's page becomes ``run.md``.

    Returns what is wrong with the pages; then nothing is written. Raises ``Problem`` if the folder holds anything else.
    """
    written = book.write()
    if book.problems:
        return book.problems
    _clear(folder)
    for uri, page in written.items():
        # Where there are no notebooks, their pages are linked to.
        _put(folder / uri, page.markdown.replace(f"/{notebook.NAME})", f"/{notebook.INSTEAD})"))
    for uri, path in others.items():
        to = folder / uri
        to.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(path, to)
        if path.name == notebook.NAME:
            concept = uri.removeprefix("generated/").removesuffix(f"/{notebook.NAME}")
            _put(to.with_name(notebook.INSTEAD), notebook.markdown(book.shared.outputs(concept)))
    return []


def _clear(folder: Path) -> None:
    there = list(folder.iterdir()) if folder.is_dir() else []
    if folder.exists() and (not folder.is_dir() or (there and not (folder / MARK).is_file())):
        raise Problem(f"{folder} holds something else.", todo="Name a folder that is new or empty.")
    for path in there:
        shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()
    _put(folder / MARK, "")


def _put(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
