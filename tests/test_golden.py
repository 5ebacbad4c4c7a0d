"""All that the toy's build writes and a person could read, compared whole with ``tests/golden``.

After a change that is meant, ``pytest tests/test_golden.py --rewrite`` writes the folder anew, and its diff is reviewed.
"""

from __future__ import annotations

import difflib
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from bs4 import BeautifulSoup

from tests.project import ROOT, Project

GOLDEN = ROOT / "tests" / "golden"
THEME = ("site/assets/images/", "site/assets/javascripts/", "site/assets/stylesheets/")
# What differs from one run, day or version to the next: the pattern, and what stands in its place.
VARYING = (
    (r"<time>[^<]+</time> with torch [\d.]+", "<time>DAY</time> with torch VERSION"),
    (r"\d+&nbsp;s to run|\d+\xa0s to run", "SECONDS to run"),
    (r'ran="[^"]+"', 'ran="SECONDS"'),
    (r"(?<=\| 1 \| 1 \| )\d+ s(?= \|)", "SECONDS"),
    (r"(<td[^>]*>)\d+ s(?=</td>)", r"\1SECONDS"),
)


def read(folder: Path, pattern: str) -> dict[str, str]:
    """The texts of these files, by their paths in the folder."""
    return {p.relative_to(folder).as_posix(): p.read_text(encoding="utf-8") for p in sorted(folder.glob(pattern))}


def written(project: Project, folder: Path) -> Iterator[tuple[str, str]]:
    """The pages as plain Markdown, their articles as HTML, what the run gave them, and which files a site has."""
    done = project.command("pipeline", "write", str(folder))
    assert done.returncode == 0, done.stderr
    yield from read(folder, "**/*.md").items()
    site = project.folder / "site"
    for name, html in read(site, "**/*.html").items():
        if not name.startswith("generated/"):
            yield name, f"{BeautifulSoup(html, 'html.parser').select_one('article')}\n"
    for pattern in ("generated/*/*/cells/*", "generated/*/*/results.json"):
        yield from read(project.folder / "docs", pattern).items()
    yield "files.txt", "\n".join(name for name in project.digest() if not name.startswith(THEME)) + "\n"


def normal(text: str) -> str:
    for pattern, instead in VARYING:
        text = re.sub(pattern, instead, text)
    return text


def difference(golden: dict[str, str], now: dict[str, str]) -> str:
    """As `diff` shows it, file by file; empty if there is none."""
    return "\n".join(
        line
        for name in sorted({*golden, *now})
        for line in difflib.unified_diff(
            golden.get(name, "").splitlines(), now.get(name, "").splitlines(), f"golden/{name}", f"now/{name}", "", "", 1, ""
        )
    )  # fmt: skip


def test_the_toy_s_build_writes_what_it_wrote(
    good_project: Project, tmp_path: Path, pytestconfig: pytest.Config
) -> None:
    now = {name: normal(text) for name, text in written(good_project, tmp_path / "written")}
    if pytestconfig.getoption("--rewrite"):
        shutil.rmtree(GOLDEN, ignore_errors=True)
        for name, text in now.items():
            (GOLDEN / name).parent.mkdir(parents=True, exist_ok=True)
            (GOLDEN / name).write_text(text, encoding="utf-8")
    assert not (wrong := difference(read(GOLDEN, "**/*.*"), now)), wrong


def test_another_word_another_file_and_a_file_that_is_gone_are_shown() -> None:
    shown = difference({"a.md": "one\ntwo\n", "gone.md": "here\n"}, {"a.md": "one\n2\n", "new.md": "x\n"}).splitlines()
    assert {"-two", "+2", "-here", "+x"} == {
        line for line in shown if line[0] in "+-" and line[:3] not in ("+++", "---")
    }
