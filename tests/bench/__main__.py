"""`make bench`: how long things take and how much they weigh, on this machine, in one run.

Everything is measured on a copy of the project. What is compared is run in turns, and the median is given.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import yaml
from rich.console import Console
from rich.table import Table

from pipeline.run.outputs import Outputs
from pipeline.run.snippet import find
from tests.bench import gallery
from tests.bench.headline import HEADLINES
from tests.bench.recipes import RECIPES, seconds_to_phenomenon
from tests.project import ROOT

INSTEAD = [
    "pymdownx.highlight",
    "pymdownx.superfences",
    {"pymdownx.arithmatex": {"generic": "true"}},
]  # of pipeline.markup
REPEATS = 5
PYTHON = ".venv/bin/python"
console = Console(width=110)


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        project, plain, sphinx = (Path(folder, name) for name in ("project", "plain", "sphinx"))
        _copy(project)
        build, build_gallery = [PYTHON, "-m", "mkdocs", "build", "--strict"], gallery.command()
        cold = _seconds(build, project)
        _plain_site(project, plain)
        gallery.write([snippet.path for snippet in find(project)], sphinx)
        cold_gallery = _seconds(build_gallery, sphinx)
        warm, bare, warm_gallery = _in_turns(
            lambda: _seconds(build, project), lambda: _seconds(build, plain), lambda: _seconds(build_gallery, sphinx)
        )
        rows = [
            ("cold build: every snippet runs", f"{cold:.1f} s"),
            ("the same scripts by sphinx-gallery, cold", f"{cold_gallery:.1f} s"),
            ("warm build: nothing runs", f"{warm:.2f} s"),
            ("the same pages by material and jupyter alone", f"{bare:.2f} s (ours: {warm / bare:.2f} of it)"),
            (
                "the same scripts by sphinx-gallery, warm",
                f"{warm_gallery:.2f} s (ours: {warm / warm_gallery:.2f} of it)",
            ),
            ("check of freshness", f"{_freshness(project) * 1000:.0f} ms"),
            ("a page after an edit of its prose, under serve", f"{_prose_edit(project):.2f} s"),
        ]
        _table(f"The site (median of {REPEATS}, in turns; the cold builds once)", ("what", "time"), rows)
        whole = _snippets(project)
        _headlines(project, whole)
        _pages(project / "site")


def _copy(target: Path) -> None:
    listed = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    names = subprocess.run(listed, cwd=ROOT, capture_output=True, text=True, check=True).stdout.split("\0")
    for name in filter(None, names):
        if (ROOT / name).is_file():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, target / name)
    (target / ".venv").symlink_to(Path(sys.prefix))


def _plain_site(project: Path, plain: Path) -> None:
    """The same pages, their macros and includes resolved, without anything of ours."""
    shutil.copytree(project / "docs", plain / "docs", ignore=shutil.ignore_patterns("templates"))
    for page in (plain / "docs").rglob("*.md"):
        name = page.relative_to(plain / "docs")
        folder = name.parent if name.stem == "index" else name.with_suffix("")
        written = (project / "site" / folder / "index.md").read_text("utf-8")
        page.write_text(re.sub(r'(?m)^(\s*```python) ran="[^"]*"$', r"\1", written), "utf-8")
    config = yaml.load((project / "mkdocs.yml").read_text(), Loader=yaml.BaseLoader)
    for ours in ("hooks", "watch", "site_url", "repo_url", "extra_templates"):
        config.pop(ours, None)
    del config["theme"]["custom_dir"], config["theme"]["icon"]
    config["markdown_extensions"] += INSTEAD
    text = re.sub(r"'(true|false)'", r"\1", yaml.safe_dump(config))
    (plain / "mkdocs.yml").write_text(text)
    (plain / ".venv").symlink_to(Path(sys.prefix))


def _seconds(command: Sequence[str], folder: Path) -> float:
    environment = {**os.environ, "NO_MKDOCS_2_WARNING": "1", "MPLBACKEND": "Agg", "OMP_NUM_THREADS": "1"}
    start = time.perf_counter()
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"{' '.join(command)} failed in {folder}:\n{done.stdout}{done.stderr}")
    return time.perf_counter() - start


def _in_turns(*measures: Callable[[], float]) -> list[float]:
    for measure in measures:
        measure()  # once for the caches
    times = [[measure() for measure in measures] for _ in range(REPEATS)]
    return [statistics.median(column) for column in zip(*times, strict=True)]


def _freshness(project: Path) -> float:
    program = (
        "import time; from pathlib import Path; start = time.perf_counter();"
        "from pipeline.run.schedule import why_stale; from pipeline.run.snippet import find;"
        "assert not any(why_stale(s) for s in find(Path('.'))); print(time.perf_counter() - start)"
    )
    runs = [subprocess.run([PYTHON, "-c", program], cwd=project, capture_output=True, text=True, check=True) for _ in range(REPEATS)]  # fmt: skip
    return statistics.median(float(run.stdout) for run in runs)


def _prose_edit(project: Path) -> float:
    """From saving a page to the browser being told, less the half second in which MkDocs looks for changes."""
    page = next(p for p in sorted((project / "docs").rglob("*.md")) if "claims:" in p.read_text())
    command = [PYTHON, "-u", "-m", "mkdocs", "serve", "--strict", "--dev-addr", "127.0.0.1:0"]
    server = subprocess.Popen(command, cwd=project, stderr=subprocess.PIPE, text=True)
    assert server.stderr is not None
    built: list[float] = []
    try:
        for line in server.stderr:
            if "Serving on" in line or "Reloading browsers" in line:
                if len(built) > REPEATS:
                    break
                page.write_text(page.read_text() + "\nOne more sentence.\n")
            if found := re.search(r"Documentation built in ([\d.]+) seconds", line):
                built.append(float(found[1]))
    finally:
        server.terminate()
        server.communicate()
    return statistics.median(built[1:])


def _snippets(project: Path) -> dict[str, float]:
    """Prints the tables; returns seconds as a plain script."""
    rows, cells, whole = [], [], {}
    for snippet in find(project):
        record = Outputs(project, snippet.concept).record
        alone = whole[snippet.concept] = _seconds([str(project / PYTHON), str(snippet.path)], project)
        again = _seconds([PYTHON, "-m", "pipeline", "run", "--force", snippet.concept], project)
        after = json.loads((project / "docs/generated" / snippet.concept / "run.json").read_text())
        rows.append(
            (
                snippet.concept,
                f"{record['seconds']:.1f} s",
                f"{alone:.1f} s",
                f"{after['seconds']:.1f} s ({after['seconds'] - alone:+.1f} s)",
                f"{again - after['seconds']:.1f} s",
                f"{record['peak_memory_mb']} MB",
            )
        )
        slow = sorted(after["seconds_by_cell"].items(), key=lambda item: -item[1])
        cells.append((snippet.concept, ", ".join(f"{name} {s:.1f}" for name, s in slow if s >= 0.05)))
    columns = ("snippet", "in the cold build", "as a plain script", "by the runner, alone", "its start", "peak memory")
    _table("The snippets", columns, rows)
    _table("Seconds by cell, of at least 0.05", ("snippet", "cells"), cells)
    return whole


def _headlines(project: Path, whole: Mapping[str, float]) -> None:
    """The phenomenon itself, here and by the cited paper's own recipe: CPU seconds of one thread of this machine.

    The papers' networks and data are larger: the ratio says what it costs to see the phenomenon, not whose code is faster.
    """
    rows = []
    for concept in whole.keys() & HEADLINES.keys() & RECIPES.keys():
        command = [PYTHON, "-m", "tests.bench.headline", concept]
        printed = subprocess.run(command, cwd=project, stdout=subprocess.PIPE, text=True, check=True).stdout
        headline = float(printed.splitlines()[-1])
        recipe = RECIPES[concept]()
        per_step, total = seconds_to_phenomenon(recipe)
        rows.append(
            (
                concept,
                f"{headline:.1f} s",
                f"{whole[concept]:.1f} s",
                f"{total:,.0f} s",
                f"{recipe.what}: {recipe.steps:,} steps × {per_step:,.3f} s",
                f"{float(f'{total / headline:.2g}'):,.0f}",
            )
        )
    columns = ("concept", "headline (CPU)", "snippet", "paper (CPU)", "the paper's recipe", "ratio")
    title = "Headline (one seed, no controls) and the paper's recipe (estimated: tests/bench/recipes.py)"
    _table(title, columns, sorted(rows))


def _pages(site: Path) -> None:
    sizes = {path.relative_to(site).as_posix(): path.stat().st_size for path in sorted(site.rglob("*.html"))}
    _table("The pages", ("page", "HTML"), [(name, f"{size / 1000:.0f} kB") for name, size in sizes.items()])


def _table(title: str, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    table = Table(title=title, title_justify="left")
    for column in columns:
        table.add_column(column)
    for row in rows:
        table.add_row(*row)
    console.print(table)


if __name__ == "__main__":
    main()
