"""The built site: every guard finds nothing on it, and something once it is broken."""

from __future__ import annotations

import json
import random
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import nbformat
import pytest

from tests import codeblocks, guards
from tests.experiments import CONCEPTS, TIME_LIMIT, cells, definitions, plain_environment, source
from tests.project import ROOT, Project

Guard = Callable[[Path], list[str]]
ARTICLE, NOTEBOOK, EXPANDED = "29/toy/index.html", "generated/29/toy/run/index.html", "29/toy/index.md"
NOISE = random.Random(0).randbytes(guards.PAGE_LIMIT).hex()  # which nothing can compress to less than half


@pytest.mark.built
@pytest.mark.parametrize("guard", guards.ALL, ids=lambda guard: guard.__name__)
def test_the_site_passes(guard: Guard, site: Path) -> None:
    assert guard(site) == []


@pytest.mark.parametrize("guard", guards.ALL, ids=lambda guard: guard.__name__)
def test_the_toy_passes(guard: Guard, good_project: Project) -> None:
    assert guard(good_project.folder / "site") == []


@pytest.mark.parametrize(
    ("guard", "page", "old", "new"),
    [
        (guards.broken_links, ARTICLE, "../../generated/29/toy/run/", "../../generated/29/toy/ran/"),
        (guards.broken_links, ARTICLE, 'href="#does-it-hold">c', 'href="#does-it-holt">c'),
        (guards.broken_links, ARTICLE, "line.dark.svg", "lime.dark.svg"),
        (guards.broken_links, NOTEBOOK, 'href="../toy.py"', 'href="../tpy.py"'),
        (guards.broken_links, NOTEBOOK, "../line.light.svg", "line.light.svg"),
        (guards.broken_links, NOTEBOOK, 'href="../../../../29/toy/"', 'href="../../../29/toy/"'),
        (guards.foreign_hosts, ARTICLE, "<h1", '<img src="https://elsewhere.example/x.png" alt="x"><h1'),
        (guards.foreign_hosts, NOTEBOOK, "<h1", '<script>import("https://elsewhere.example/x.js")</script><h1'),
        (guards.foreign_hosts, "assets/notebook.css", ".jupyter-wrapper", "@import url(https://x.example/y);.j"),
        (guards.poor_images, ARTICLE, 'alt="A straight line from 0 to 8." height="326"', 'alt="" height="326"'),
        (guards.poor_images, ARTICLE, 'height="326"', ""),
        (guards.poor_images, NOTEBOOK, 'alt="The figure that the cell line draws."', ""),
        (guards.signs_of_failure, ARTICLE, "It comes", "Traceback (most recent call last)"),
        (guards.signs_of_failure, ARTICLE, "It comes", "{{ toy.delay }}"),
        (guards.signs_of_failure, ARTICLE, "It comes", "Macro Rendering Error"),
        (guards.signs_of_failure, NOTEBOOK, "A snippet as small", "Traceback (most recent call last) A small"),
        (guards.raw_formulas, ARTICLE, "It comes", "With $y = x$, it comes"),
        (guards.raw_formulas, NOTEBOOK, "with a formula:", r"with $\frac{a}{b}$:"),
        (guards.rough_prose, ARTICLE, "It comes", "At this moment in time it is very unique, and comes"),
        (guards.slow_thirty_seconds, ARTICLE, "<p>At most 110 words", f"<p>{'word ' * 110} At most 110 words"),
        (guards.blocks_not_run, EXPANDED, "```python", "```py"),
        (guards.blocks_not_run, EXPANDED, "return 2 * x", "return 3 * x"),
        (guards.blocks_not_run, ARTICLE, 'class="language-python highlight"', 'class="language-rust highlight"'),
        (guards.cells_not_run, NOTEBOOK, "In\xa0[1]:", "In\xa0[ ]:"),
        (
            guards.cells_not_run,
            NOTEBOOK,
            'data-mime-type="text/plain"',
            'data-mime-type="application/vnd.jupyter.stderr"',
        ),
        (guards.cells_copied_otherwise, NOTEBOOK, 'for="cell-2"', 'for="cell-1"'),
        (guards.heavy_pages, ARTICLE, "<h1", NOISE + "<h1"),
        (guards.heavy_pages, NOTEBOOK, "<h1", NOISE + "<h1"),
    ],
)
def test_each_guard_notices_what_it_guards(guard: Guard, page: str, old: str, new: str, project: Project) -> None:
    text = project.read(f"site/{page}").replace("&nbsp;", "\xa0")
    assert old in text, f"{old!r} does not stand in {page}: this test breaks nothing"
    project.write(f"site/{page}", text.replace(old, new, 1))
    assert guard(project.folder / "site")


# -- the code on the pages -----------------------------------------------------------------------------------------


def run_blocks(expanded: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """pytest-codeblocks on one page, in an empty folder."""
    page = folder / "page.md"
    page.write_text(codeblocks.chain(expanded), encoding="utf-8")
    return subprocess.run(
        [sys.executable, "-m", "pytest", "--codeblocks", "-q", "-p", "no:cacheprovider", "-p", "no:xdist", page.name],
        cwd=folder,
        env=plain_environment(),
        capture_output=True,
        text=True,
        timeout=TIME_LIMIT,  # pytest-codeblocks itself has none
        check=False,
    )


def _pages_with_code() -> list[str]:
    source = ROOT / "docs"
    files = (p for p in sorted(source.rglob("*.md")) if "generated" not in p.parts)
    return [
        page.relative_to(source).with_suffix("").as_posix()
        for page in files
        if any(language in codeblocks.RUN for language, _ in codeblocks.read(page.read_text(encoding="utf-8")).code)
    ]


def left_out(expanded: str, concept: str) -> str:
    """The cells of an experiment that its page does not show, and what they print, as blocks that could follow there."""
    shown = {code.strip() for _, code in codeblocks.read(expanded).code}
    rest = {name: code.strip() for name, code in cells(source(concept)).items() if code.strip() not in shown}
    printed = [ROOT / "docs/generated" / concept / "cells" / f"{name}.txt" for name in rest]
    blocks = [f"```python\n{code}\n```" for code in rest.values()]
    blocks += [f"{codeblocks.EXPECTED}\n```text\n{path.read_text()}\n```" for path in printed if path.is_file()]
    return "\n\n".join(blocks)


@pytest.mark.long
@pytest.mark.built
@pytest.mark.parametrize("page", _pages_with_code())
def test_every_block_on_the_page_runs_and_prints_what_is_shown(page: str, site: Path, tmp_path: Path) -> None:
    """One run for the page and its experiment: what the page leaves out follows, down to the results."""
    expanded = (site / page / "index.md").read_text(encoding="utf-8")
    concept = page.replace("-", "_")
    whole = f"{expanded}\n\n{left_out(expanded, concept)}" if concept in CONCEPTS else expanded
    done = run_blocks(whole, tmp_path)
    assert done.returncode == 0, done.stdout[-3000:]
    assert " passed" in done.stdout


def test_the_blocks_of_the_toy_run(good_project: Project, tmp_path: Path) -> None:
    assert run_blocks(good_project.read(f"site/{EXPANDED}"), tmp_path).returncode == 0


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("return 2 * x", "return 2 / 0 * x"),
        ("[20.5, 21, 22.25, 19, 25]\n```", "[20.5, 21, 22.25, 19, 26]\n```"),
        ("import matplotlib.pyplot as plt", ""),
    ],
)
def test_a_block_that_fails_or_prints_otherwise_is_noticed(
    old: str, new: str, good_project: Project, tmp_path: Path
) -> None:
    expanded = good_project.read(f"site/{EXPANDED}")
    assert old in expanded
    assert run_blocks(expanded.replace(old, new, 1), tmp_path).returncode == 1


def test_a_page_that_is_never_run_is_noticed(good_project: Project, tmp_path: Path) -> None:
    silent = good_project.read(f"site/{EXPANDED}").replace("```python", "```py")
    assert run_blocks(silent, tmp_path).returncode != 0  # pytest found nothing to run


# -- the downloads -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("concept", CONCEPTS)
@pytest.mark.parametrize("seed", ["three", "1.5", ""])
def test_a_seed_that_is_no_integer_ends_in_one_sentence(concept: str, seed: str) -> None:
    with pytest.raises(SystemExit, match=r"^SEED must be a[^\n]+$"):  # which Python prints, and ends with status 1
        definitions(concept, ("setup",), seed)


@pytest.mark.built
@pytest.mark.parametrize("concept", CONCEPTS)
def test_every_experiment_has_at_least_five_seeds_and_keeps_its_limits(concept: str) -> None:
    folder = ROOT / "docs/generated" / concept
    results = json.loads((folder / "results.json").read_text())
    record = json.loads((folder / "run.json").read_text())
    assert len(set(results["seeds"])) >= 5
    assert record["peak_memory_mb"] <= 2000
    assert len(list(folder.glob("*.light.svg"))) >= 4


@pytest.mark.built
@pytest.mark.parametrize("concept", CONCEPTS)
def test_the_downloaded_notebook_is_valid_and_holds_its_outputs(concept: str, site: Path) -> None:
    stem = Path(concept).name
    notebook = nbformat.read(site / "generated" / concept / f"{stem}.ipynb", as_version=4)
    nbformat.validate(notebook)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert [cell.execution_count for cell in code] == list(range(1, len(code) + 1))
    assert any("image/svg+xml" in output.get("data", {}) for cell in code for output in cell.outputs)


@pytest.mark.built
@pytest.mark.parametrize("concept", CONCEPTS)
def test_article_and_notebook_page_offer_both_downloads(concept: str, site: Path) -> None:
    stem = Path(concept).name
    article = site / concept.replace("_", "-") / "index.html"
    for page in (article, site / "generated" / concept / "run" / "index.html"):
        html = page.read_text(encoding="utf-8")
        assert f'{stem}.py"' in html, page
        assert f'{stem}.ipynb"' in html, page
    assert f'generated/{concept}/run/"' in article.read_text(encoding="utf-8")
