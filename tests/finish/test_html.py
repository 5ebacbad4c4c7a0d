"""Finished HTML: the parser keeps what a reader sees, the theme's faults are mended, and the pages are valid HTML.

Validity is judged by the Nu HTML Checker (vnu), which stands behind validator.w3.org/nu.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest
from bs4 import BeautifulSoup

from pipeline.finish import html
from tests.project import ROOT, Project

JAR = os.environ.get("VNU_JAR", "")

validated = pytest.mark.skipif(
    not JAR,
    reason="HTML is validated by vnu.jar, which needs Java: 'npm pack vnu-jar' brings it; name its path in VNU_JAR.",
)


@pytest.mark.parametrize(
    "markup",
    [
        '<template id="scripts"><script src="a.js"></script><p>a</p></template>',
        '<svg viewBox="0 0 1 1"><linearGradient id="a"></linearGradient><use xlink:href="#a"></use></svg>',
        '<math display="block"><mi>x</mi><mo>&lt;</mo></math>',
        "<pre>\n\n  a\n    b &lt; c\n</pre>",
        "<pre><span></span><code>\n a</code></pre>",
        "<textarea>\n\n a</textarea>",
        "<p>a&nbsp;b &amp; c &lt; d “e” 漢 🎉</p>",
        '<input type="checkbox" checked=""><button hidden="" disabled="">x</button>',
        '<script>if (a < b && c > d) "</p>"</script><script type="application/json">{"a":"\\u003c"}</script>',
        '<a href="a?b=1&amp;c=2" title="&quot;x&quot; &lt;y>">z</a>',
        "<!-- a comment --><noscript>b</noscript>",
        "<clipboard-copy>a</clipboard-copy>",
        "<p>a <b>b</b> <i>c</i>\nd</p>",
    ],
)
def test_the_parser_keeps_what_it_is_given(markup: str) -> None:
    page = f"<!DOCTYPE html><html><head><title>a &amp; b</title></head><body>{markup}</body></html>"
    kept = html.serialise(html.parse(page))
    assert BeautifulSoup(kept, "html.parser") == BeautifulSoup(page, "html.parser")
    assert html.serialise(html.parse(kept)) == kept


# -- what the theme leaves out --------------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def theme(tmp_path_factory: pytest.TempPathFactory, good_project: Project) -> list[str]:
    """Pages as the theme and mkdocs-jupyter make them, without us: articles, a notebook, a page outside the navigation."""
    folder = tmp_path_factory.mktemp("theme")
    (folder / "docs/part").mkdir(parents=True)
    (folder / "docs/index.md").write_text("# Home\n\n## A heading\n")
    (folder / "docs/part/index.md").write_text("# Part\n\n## A heading\n")
    (folder / "docs/outside.md").write_text("# Outside\n\n## A heading\n")
    shutil.copy(good_project.folder / "docs/generated/29/toy/run.ipynb", folder / "docs/part")
    config = (ROOT / "mkdocs.yml").read_text(encoding="utf-8")
    look = config[config.index("theme:") : config.index("extra_css:")].replace("custom_dir: theme", "")
    look = look.replace("logo: mark  # theme/.icons/mark.svg", "logo: material/library")
    (folder / "mkdocs.yml").write_text(
        f"site_name: Theme\n{look}\nnav:\n  - index.md\n  - Part: [part/index.md, part/run.ipynb]\n"
        "plugins: [search, {mkdocs-jupyter: {include: ['*.ipynb'], execute: false, custom_mathjax_url: ''}}]\n"
    )
    done = good_project.command("mkdocs", "build", "--quiet", "--config-file", str(folder / "mkdocs.yml"))
    assert done.returncode == 0, done.stderr
    return [path.read_text(encoding="utf-8") for path in sorted(folder.glob("site/**/index.html"))]


@pytest.mark.parametrize("fault", html.MENDS)
def test_the_theme_still_has_each_fault_and_it_is_mended(fault: str, theme: list[str]) -> None:
    trees = [html.parse(page) for page in theme]
    assert any(tree.css(fault) for tree in trees), f"no page has this any more, and html.MENDS need not: {fault}"
    for tree in trees:
        html.mend(tree)
        assert not tree.css(fault)


def test_what_is_offered_to_be_kept_is_kept() -> None:
    tree = html.parse(
        '<a href="a.py">a</a><a href="b.ipynb" download="c.ipynb">b</a><a href="https://x.org/d.py">d</a>'
    )
    html.mend(tree)
    assert [link.attributes.get("download") for link in tree.css("a")] == ["", "c.ipynb", None]


# -- validity -------------------------------------------------------------------------------------------------------


def errors(site: Path) -> list[str]:
    assert shutil.which("java"), "VNU_JAR is set, and there is no java to run it."
    done = subprocess.run(
        ["java", "-jar", JAR, "--errors-only", "--skip-non-html", "--format", "json", "--stdout", str(site)],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.stdout, done.stderr
    return [
        f"{message['url'].removeprefix(f'file:{site.resolve()}/')}: {message['message']} {message.get('extract', '')!r}"
        for message in json.loads(done.stdout)["messages"]
    ]


@validated
@pytest.mark.built
def test_every_page_is_valid(site: Path) -> None:
    assert errors(site) == []


@validated
def test_the_odd_toy_is_valid(odd: Project) -> None:
    assert errors(odd.folder / "site") == []


@validated
def test_the_validator_notices(good_project: Project, tmp_path: Path) -> None:
    page = good_project.read("site/29/toy/index.html")
    wrong = ["<p>one</p></p>", '<img src="x.svg">', '<a href="#" tabindex="">x</a>', "<p><h2>x</h2></p>"]
    for n, added in enumerate(["", *wrong]):
        (tmp_path / f"{n}.html").write_text(page.replace("<h1 ", f"{added}<h1 "), encoding="utf-8")
    found = {error.partition(":")[0] for error in errors(tmp_path)}
    assert found == {"1.html", "2.html", "3.html", "4.html"}
