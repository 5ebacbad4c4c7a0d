"""What came out of a run: one folder per concept in ``docs/generated/``, written here and read by the pages."""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Container, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipeline.problem import Problem, UnknownName
from pipeline.run import motion
from pipeline.run.snippet import STYLE

if TYPE_CHECKING:
    from nbformat import NotebookNode

    from pipeline.run.kernel import Executed

SCHEMES = ("light", "dark")
FIGURE_LIMIT = 300_000  # bytes of one SVG
RECORD = "run.json"  # written last: it vouches for all the others


@dataclass(frozen=True)
class Figure:
    """One figure in both colour schemes, with its size in CSS pixels."""

    light: Path
    dark: Path
    width: int
    height: int


@dataclass(frozen=True)
class Animation(Figure):
    """The last frame of a figure that moves, and the file in which it does (the one for light pages)."""

    moving: Path
    seconds: float


class Outputs:
    """The folder of one concept. Asking for a name that is not there raises ``UnknownName``."""

    def __init__(self, root: Path, concept: str) -> None:
        self.root, self.concept = root, concept
        self.folder = root / "docs" / "generated" / concept

    # -- reading -------------------------------------------------------------------------------------------------

    @cached_property
    def record(self) -> dict[str, Any]:
        """``run.json``: key, seconds, memory, versions, and the digest of every file, itself included. Empty if damaged."""
        try:
            record: dict[str, Any] = json.loads((self.folder / RECORD).read_bytes())
            return record if record.pop("digest") == _digest(_json(record)) else {}
        except (OSError, ValueError, TypeError, AttributeError, KeyError):
            return {}

    @cached_property
    def results(self) -> dict[str, Any]:
        results: dict[str, Any] = json.loads((self.folder / "results.json").read_text(encoding="utf-8"))
        return results

    def stale(self, key: dict[str, str]) -> str:
        """Why a run with this key has to happen; empty if its outputs are all here and whole."""
        if not self.record:
            return "never run" if not (self.folder / RECORD).exists() else f"{RECORD} is damaged"
        then = self.record["key"]
        changed = [
            f"{name} {then.get(name, '(none)')} -> {now}" if len(now) < 16 else f"{name} changed"
            for name, now in key.items()
            if then.get(name) != now
        ]
        if changed:
            return ", ".join(changed)
        for name, digest in self.record["files"].items():
            try:
                content = (self.folder / name).read_bytes()
            except OSError:
                return f"{name} is missing"
            if _digest(content) != digest:
                return f"{name} is damaged"
        return ""

    def cell(self, name: str) -> Path:
        return self._named("cell", name, "cells", ".py")

    def output(self, cell: str) -> Path:
        return self._named("output", cell, "cells", ".txt")

    @property
    def seconds(self) -> dict[str, float]:
        """How long each cell ran, by its code."""
        by_cell = self.record.get("seconds_by_cell", {})
        files = ((self.folder / "cells" / f"{name}.py", seconds) for name, seconds in by_cell.items())
        return {path.read_text(encoding="utf-8").strip(): seconds for path, seconds in files if path.is_file()}

    def figure(self, name: str) -> Figure:
        """A figure that does not move."""
        light = self._named("figure", name, "", ".light.svg")
        svg = light.read_text(encoding="utf-8")
        if motion.seconds(svg):
            raise Problem(f"The figure {name!r} moves.", todo="Write watch(…) for figure(…): it waits for the reader.")
        return Figure(light, light.with_name(f"{name}.dark.svg"), *_size(svg))

    def animation(self, name: str) -> Animation:
        light = self._named("animation", name, "", ".still.light.svg")
        moving = light.with_name(f"{name}.light.svg")
        svg = moving.read_text(encoding="utf-8")
        return Animation(light, light.with_name(f"{name}.still.dark.svg"), *_size(svg), moving, motion.seconds(svg))

    def result(self, name: str) -> Any:
        if name not in self.results:
            raise UnknownName("result", name, self.results, self.concept)
        return self.results[name]

    def _named(self, kind: str, name: str, folder: str, ending: str) -> Path:
        path = self.folder / folder / (name + ending)
        if not path.is_file():
            known = (p.name.removesuffix(ending) for p in (self.folder / folder).glob("*" + ending))
            raise UnknownName(kind, name, (n for n in known if not n.endswith(".still")), self.concept)
        return path

    # -- writing -------------------------------------------------------------------------------------------------

    def write(self, executed: Executed, key: dict[str, str]) -> None:
        """Put all that came out of a run here; a file whose bytes are the same is left alone.

        Raises ``Problem`` before anything is touched if the results or figures break their rules.
        """
        snippet = executed.cells.snippet
        files = dict(_files(executed, dark_colours(snippet.root)))
        record: dict[str, Any] = {
            "key": key,
            "when": datetime.now(UTC).isoformat(timespec="seconds"),
            "seconds": round(executed.seconds, 2),
            "seconds_by_cell": {name: round(s, 3) for name, s in executed.seconds_by_cell.items()},
            "peak_memory_mb": executed.peak_memory_mb,
            "cpu": _cpu(),
            "cores": os.cpu_count(),
            "commit": _commit(snippet.root),
            "files": {name: _digest(content) for name, content in sorted(files.items())},
        }
        for name, content in files.items():
            _write(self.folder / name, content)
        _write(self.folder / RECORD, _json(record | {"digest": _digest(_json(record))}))
        for path in [p for p in self.folder.rglob("*") if p.is_file()]:
            if (name := path.relative_to(self.folder).as_posix()) not in files and name != RECORD:
                path.unlink()


def _files(executed: Executed, dark: dict[str, str]) -> Iterator[tuple[str, bytes]]:
    """Name and content of each file of a run, the record apart."""
    import nbformat

    cells, snippet = executed.cells, executed.cells.snippet
    stem = snippet.path.stem
    check_results(executed.results, snippet.file, cells.marks[-1])
    yield "results.json", _json(executed.results)
    yield f"{stem}.py", snippet.path.read_bytes()
    notebook = cells.notebook
    for position, cell in enumerate(notebook.cells):
        cell.id = f"cell-{position}"  # jupytext draws random ones
        cell.metadata.pop("lines_to_next_cell", None)
    notebook.metadata["kernelspec"] = {"display_name": "Python 3", "language": "python", "name": "python3"}
    notebook.metadata["language_info"] = {"name": "python"}
    yield f"{stem}.ipynb", nbformat.writes(notebook).encode()
    page = nbformat.from_dict(notebook)
    for position, name in cells.code():
        cell = page.cells[position]
        # No newline at the end: an include would show it as an empty line.
        yield f"cells/{name}.py", cell.source.strip("\n").encode()
        if text := "".join(o["text"] for o in cell.outputs if o.get("name") == "stdout"):
            yield f"cells/{name}.txt", text.removesuffix("\n").encode()
        drawn = [o for o in cell.outputs if "image/svg+xml" in o.get("data", {})]
        if moving := [o for o in drawn if motion.seconds(o.data["image/svg+xml"])]:
            # plt.show() has shown the figure as it was before it moved.
            cell.outputs = [o for o in cell.outputs if o not in drawn or o in moving]
            drawn = moving
        if len(drawn) > 1:
            raise Problem(
                f"Cell {name!r} draws {len(drawn)} figures.",
                snippet.file,
                cells.marks[position],
                "Give each figure a cell of its own: the cell's name is the figure's name.",
            )
        for output in drawn:
            svg = output.data["image/svg+xml"]
            if len(svg) > FIGURE_LIMIT:
                raise Problem(
                    f"Figure {name!r} weighs {len(svg) // 1000} kB; the limit is {FIGURE_LIMIT // 1000} kB.",
                    snippet.file,
                    cells.marks[position],
                    "Give the animation fewer frames, or fewer points that move."
                    if moving
                    else "Draw what has thousands of points with rasterized=True: a bitmap inside the vector figure.",
                )
            yield from _both_schemes(name, svg, dark)
            if moving:
                yield from _both_schemes(f"{name}.still", motion.still(svg), dark)
            output.data = {"text/html": _picture(name, svg)}
    _introduce(page, stem, snippet.concept)
    yield "run.ipynb", nbformat.writes(page).encode()


def _introduce(page: NotebookNode, stem: str, concept: str) -> None:
    """Title and links of the notebook page. Addresses are as seen from ``generated/<concept>/run/``."""
    import nbformat

    first = page.cells[0]
    title = first.source.partition("\n")[0].removeprefix("# ") if first.cell_type == "markdown" else stem
    if first.cell_type == "markdown" and first.source.startswith("# "):
        first.source = first.source.partition("\n")[2].strip()
    up = "../" * (len(Path(concept).parts) + 2)
    article = f"{up}{concept.replace('_', '-')}/"
    intro = (
        f"# {title}: the full run\n\n"
        f"Every cell of the experiment with what it printed and drew, from the same run as the article: "
        f"[read the article]({article}), [download the script](../{stem}.py) or "
        f"[download the notebook](../{stem}.ipynb)."
    )
    page.cells.insert(0, nbformat.v4.new_markdown_cell(intro, id="introduction"))


def _both_schemes(name: str, svg: str, dark: dict[str, str]) -> Iterator[tuple[str, bytes]]:
    yield f"{name}.light.svg", svg.encode()
    yield f"{name}.dark.svg", _recolour(svg, dark).encode()


def _picture(name: str, svg: str) -> str:
    """On the notebook page, the two files that the article shows: they follow the scheme, and weigh nothing here."""
    width, height = _size(svg)
    length = motion.seconds(svg)
    images = [
        f'<img src="../{name}{".still" if length else ""}.{scheme}.svg#only-{scheme}" '
        f'alt="The figure that the cell {name} draws." width="{width}" height="{height}" loading="lazy">'
        for scheme in SCHEMES
    ]
    if length:
        images.append(f'<p><a href="../{name}.light.svg">Watch it move, {length:.0f} s</a></p>')
    return "\n".join(images)


def _size(svg: str) -> tuple[int, int]:
    """Width and height in CSS pixels, of which three are four points."""
    width, height = re.findall(r'(?:width|height)="([\d.]+)pt"', svg[:2000])[:2]
    return round(float(width) * 4 / 3), round(float(height) * 4 / 3)


def forget_others(root: Path, concepts: Container[str]) -> None:
    """Remove what came out of snippets that are there no more, so that no page shows it."""
    import shutil

    for folder in (root / "docs" / "generated").glob("*/*/"):
        if "/".join(folder.parts[-2:]) not in concepts:
            shutil.rmtree(folder)


def check_results(results: Any, file: str, line: int) -> None:
    """Raise ``Problem`` unless these are named finite numbers, and lists of them."""
    if not isinstance(results, dict) or not results:
        what = f"Cell 'results': `results` is {type(results).__name__}, not a dict with at least one entry."
        raise Problem(what, file, line, "Define it as a dict of plain numbers and lists.")

    seeds = results.get("seeds")
    if not isinstance(seeds, list) or not seeds or not all(type(seed) is int for seed in seeds):
        what = "Cell 'results': there is no `seeds`, a list of whole numbers."
        raise Problem(what, file, line, "Add results['seeds']: in their order, lists have one value per seed.")

    def walk(value: Any, name: str) -> None:
        if isinstance(value, list) and value:
            for position, item in enumerate(value):
                if item is not None:  # an event that did not happen on this seed
                    walk(item, f"{name}[{position}]")
        elif isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) < 1e300:
            plain = isinstance(value, int | float | str)
            shown = value if plain else "an empty list" if value == [] else f"of type {type(value).__name__}"
            raise Problem(
                f"Cell 'results': {name} is {shown}, not a finite number.",
                file,
                line,
                "Results are plain ints and floats, and lists of them. Convert tensors with .item() or .tolist(), "
                "and write None for the seed on which an event did not happen.",
            )

    for name, value in results.items():
        if not name.isidentifier():
            raise Problem(f"Cell 'results': {name!r} is not a name that a page can use.", file, line, "Use a_name.")
        walk(value, f"results[{name!r}]")


def dark_colours(root: Path) -> dict[str, str]:
    """The colour that stands in for each colour of the style on a dark page, from the style file's own list."""
    style = (root / STYLE).read_text(encoding="utf-8")
    return dict(re.findall(r"^#\s+(#[0-9a-f]{6}) -> (#[0-9a-f]{6})\b", style, re.MULTILINE))


def _recolour(svg: str, dark: dict[str, str]) -> str:
    return re.sub(r"#[0-9a-f]{6}\b", lambda match: dark.get(match[0], match[0]), svg)


def _write(path: Path, content: bytes) -> None:
    if path.is_file() and path.read_bytes() == content:
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.new")
    temporary.write_bytes(content)
    temporary.replace(path)


def _json(value: Any) -> bytes:
    return json.dumps(value, indent=1).encode()


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _commit(root: Path) -> str:
    import subprocess

    command = ["git", "-C", str(root), "describe", "--always", "--dirty", "--abbrev=10", "--exclude=*"]
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return ""


def _cpu() -> str:
    import platform

    try:
        cpuinfo = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    except OSError:
        return platform.processor() or platform.machine()
    model = re.search(r"^model name\s*:\s*(.+)$", cpuinfo, re.MULTILINE)
    return model[1].strip() if model else platform.machine()
