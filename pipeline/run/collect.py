"""Keeps what came out of a run, in ``docs/generated/``, for ``outputs`` to read."""

from __future__ import annotations

import platform
import re
import subprocess
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pipeline.problem import Problem, unwritable
from pipeline.run import figures, motion, notebook
from pipeline.run.kernel import Executed
from pipeline.run.outputs import RECORD, Outputs, as_json
from pipeline.run.snippet import Cell, Snippet, digest


def collect(snippet: Snippet, cells: Sequence[Cell], executed: Executed, key: dict[str, str]) -> None:
    """Write all that came out of a run; a file whose bytes are the same is left alone.

    Raises ``Problem`` before anything is touched if the results or figures break their rules.
    """
    folder = Outputs(snippet.root, snippet.concept).folder
    files = dict(_files(snippet, cells, executed))
    record: dict[str, Any] = {
        "key": key,
        "when": datetime.now(UTC).isoformat(timespec="seconds"),
        "seconds": round(executed.seconds, 2),
        "seconds_by_cell": {name: round(outcome.seconds, 3) for name, outcome in executed.outcomes.items()},
        "peak_memory_mb": executed.peak_memory_mb,
        "cpu": _cpu(),
        "commit": _commit(snippet.root),
        "files": {name: digest(content) for name, content in sorted(files.items())},
    }
    files[RECORD] = as_json(record | {"digest": digest(as_json(record))})  # the last: it vouches for all the others
    try:
        for name, content in files.items():
            _write(folder / name, content)
        for path in [p for p in folder.rglob("*") if p.is_file()]:
            if path.relative_to(folder).as_posix() not in files:
                path.unlink()
    except OSError as error:
        raise unwritable("docs/generated", error) from None


def _files(snippet: Snippet, cells: Sequence[Cell], executed: Executed) -> Iterator[tuple[str, bytes]]:
    """Name and content of each file of a run, the record apart."""
    stem = snippet.path.stem
    dark = figures.dark_colours(snippet.root)
    for cell in cells:
        if cell.is_text:
            continue
        # No newline at the end: an include would show it as an empty line.
        yield f"cells/{cell.name}.py", cell.code.encode()
        outcome = executed.outcomes[cell.name]
        if outcome.printed:
            yield f"cells/{cell.name}.txt", outcome.printed.removesuffix("\n").encode()
        try:
            if cell.name == "results":
                _check_results(executed.results)
            yield from _figure(cell.name, outcome.figures, dark)
        except Problem as problem:
            raise problem.at(snippet.file, cell.line) from None
    yield "results.json", as_json(executed.results)
    yield f"{stem}.py", snippet.path.read_bytes()
    yield f"{stem}.ipynb", notebook.download(cells, executed.outcomes).encode()
    yield "run.ipynb", notebook.page(snippet, cells, executed.outcomes).encode()


def _figure(name: str, drawn: Sequence[str], dark: dict[str, str]) -> Iterator[tuple[str, bytes]]:
    """The figure of a cell, and the last frame of one that moves, in both schemes."""
    if len(drawn) > 1:
        what = f"Cell {name!r} draws {len(drawn)} figures."
        raise Problem(what, todo="Give each figure a cell of its own: the cell's name is the figure's name.")
    for svg in drawn:
        figures.judge(name, svg, dark)
        versions = {name: svg, f"{name}.still": motion.still(svg)} if motion.seconds(svg) else {name: svg}
        for file, version in versions.items():
            yield f"{file}.light.svg", version.encode()
            yield f"{file}.dark.svg", figures.recolour(version, dark).encode()


def _check_results(results: Any) -> None:
    """Raise ``Problem`` unless these are named finite numbers, and lists of them."""
    if not isinstance(results, dict) or not results:
        what = f"Cell 'results': `results` is {type(results).__name__}, not a dict with at least one entry."
        raise Problem(what, todo="Define it as a dict of plain numbers and lists.")
    seeds = results.get("seeds")
    if not isinstance(seeds, list) or not seeds or not all(type(seed) is int for seed in seeds):
        what = "Cell 'results': there is no `seeds`, a list of whole numbers."
        raise Problem(what, todo="Add results['seeds']: in their order, lists have one value per seed.")
    for name, value in results.items():
        if not name.isidentifier():
            raise Problem(f"Cell 'results': {name!r} is not a name that a page can use.", todo="Use a_name.")
        _check_value(value, f"results[{name!r}]")


def _check_value(value: Any, place: str) -> None:
    if isinstance(value, list) and value:
        for position, item in enumerate(value):
            if item is not None:  # an event that did not happen on this seed
                _check_value(item, f"{place}[{position}]")
    elif isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) < 1e300:
        plain = isinstance(value, int | float | str)
        odd = value if plain else "an empty list" if value == [] else f"of type {type(value).__name__}"
        raise Problem(
            f"Cell 'results': {place} is {odd}, not a finite number.",
            todo="Results are plain ints and floats, and lists of them. Convert tensors with .item() or .tolist(), "
            "and write None for the seed on which an event did not happen.",
        )


def _write(path: Path, content: bytes) -> None:
    if path.is_file() and path.read_bytes() == content:
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.new")
    temporary.write_bytes(content)
    temporary.replace(path)


def _commit(root: Path) -> str:
    command = ["git", "-C", str(root), "describe", "--always", "--dirty", "--abbrev=10", "--exclude=*"]
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return ""


def _cpu() -> str:
    cpuinfo = Path("/proc/cpuinfo")  # Linux alone has it
    model = re.search(r"^model name\s*: (.+)$", cpuinfo.read_text("utf-8"), re.MULTILINE) if cpuinfo.exists() else None
    return model[1].strip() if model else platform.processor() or platform.machine()
