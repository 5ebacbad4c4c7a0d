from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.finish import html, notebook
from pipeline.finish.site import Page, Site
from pipeline.problem import Problem
from tests.project import SNIPPET, Project

SOURCE = "generated/29/toy/run.ipynb"
TEXT = '<div class="jp-RenderedHTMLCommon jp-RenderedMarkdown jp-MarkdownOutput" data-mime-type="text/markdown">'


def site(output: Path, address: str = "generated/29/toy/run/") -> Site:
    addresses = {SOURCE: address, "29/toy.md": "29/toy/", "generated/29/toy/a%b.svg": "generated/29/toy/a%25b.svg"}
    return Site("Site", "", output, output, addresses)


def finished(content: str, site: Site) -> str:
    tree = html.parse(f'<article><div class="jupyter-wrapper">{content}</div></article>')
    notebook.finish(tree, Page(SOURCE, "Toy"), site)
    (article,) = tree.css("article")
    return article.inner_html or ""


def test_formulas_are_drawn_and_code_stays(tmp_path: Path) -> None:
    page = finished(
        rf"{TEXT}<p>$p$, $a &lt; b$ and <b>$$\frac{{a}}{{b}}$$</b> but <code>$HOME$</code>, 3\$ or $5 each.</p></div><p>$x$</p>",
        site(tmp_path),
    )
    assert page.count("<math") == 3
    assert page.count('display="block"') == 1
    assert "<mo>&lt;</mo>" in page
    assert "<code>$HOME$</code>" in page
    assert r"3\$ or $5 each." in page
    assert "<p>$x$</p>" in page  # outside of a text cell nothing is a formula


def test_styles_are_shared_and_scripts_that_are_not_used_go(tmp_path: Path) -> None:
    whole = site(tmp_path)
    page = finished(
        '<style>.a {}</style><script>keep()</script><script src=""> </script><script type="text/x-mathjax-config">a</script>'
        '<script type="module">import("https://x/mermaid.js")</script><p>text</p><style>[\'not css\']</style>',
        whole,
    )
    link = '<link rel="stylesheet" href="../../../../assets/notebook.css">'
    assert page == f'<div class="jupyter-wrapper">{link}<script>keep()</script><p>text</p></div>'
    finished("<style>.b {}</style>", whole)
    finished("<style>.a {}</style>", whole)
    notebook.write_styles(whole)
    assert (tmp_path / notebook.STYLES).read_text() == ".a {}\n.b {}\n"  # what one page alone has is not lost


def test_a_cell_s_button_copies_the_code_that_is_shown(tmp_path: Path) -> None:
    code = '<div class="highlight-ipynb"><pre><span class="n">a</span></pre></div>'
    page = finished(f'<div>{code}<div class="clipboard-copy-txt" id="cell-1">a</div></div>', site(tmp_path))
    assert page.count('id="cell-1"') == 1
    assert '<pre id="cell-1"><span class="n">a</span></pre>' in page


@pytest.mark.parametrize(
    ("link", "address", "seen"),
    [
        ("../../../29/toy.md", "generated/29/toy/run/", "../../../../29/toy/"),
        ("../../../29/toy.md#a", "generated/29/toy/run.html", "../../../29/toy/#a"),
        ("/29/toy.md?b=1", "generated/29/toy/run.html", "../../../29/toy/?b=1"),
        ("a%25b.svg#only-light", "generated/29/toy/run/", "../a%25b.svg#only-light"),
        ("#here", "generated/29/toy/run/", "#here"),
        ("https://x.org/a.md", "generated/29/toy/run/", "https://x.org/a.md"),
    ],
)
def test_links_lead_to_where_their_sources_can_be_read(link: str, address: str, seen: str, tmp_path: Path) -> None:
    assert finished(f'<a href="{link}">a</a>', site(tmp_path, address)).startswith(
        f'<div class="jupyter-wrapper"><a href="{seen}">'
    )


def test_an_image_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(Problem, match=r"'b\.svg'"):
        finished('<img src="b.svg">', site(tmp_path))


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("See [the article](../../../29/toi.md).", "The notebook links to '../../../29/toi.md'"),
        ("It is $\\frac{1}$.", "The formula '\\frac{1}' cannot be read"),
    ],
)
def test_what_is_wrong_in_a_snippet_s_text_fails_the_build(text: str, told: str, project: Project) -> None:
    line = project.replace(SNIPPET, "# # Toy\n", f"# # Toy\n# {text}\n#\n") + 1
    before = project.digest()
    done = project.build()
    assert done.returncode != 0
    assert f"{SNIPPET}:{line}: {told}" in done.stderr
    assert "Traceback" not in done.stderr
    assert project.digest() == before
