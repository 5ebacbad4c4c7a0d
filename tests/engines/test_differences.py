"""The comparison of `make engines`, on two small sites: whatever one engine loses is told, with page, kind and both values."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.engines.content import Site
from tests.engines.differences import Allowed, Difference, compare, judge

PAGE = """<html><head><meta http-equiv="Content-Security-Policy" content="default-src 'self'">
<meta name="description" content="A toy."><script type="application/ld+json">{"name":"Toy"}</script></head><body><nav><a href="gone/">a menu</a></nav><article class="md-content__inner md-typeset">
<h1 id="toy">Toy<a class="headerlink" href="#toy">¶</a></h1>
<p>A <a class="term" href="../glossary/#seed" title="Where chance begins.">seed</a> (<a href="#ref-a" id="cite-a-1">A 2022</a>)
and <math><mi>x</mi></math>.</p>
<figure><img src="../x.svg" alt="A line rises." width="3" height="2"><figcaption>How it rises</figcaption></figure>
<div class="table"><table><tr><th>Claim</th><td>1.5 (1–2)</td></tr></table></div>
<div class="highlight" data-ran="0.1 s"><pre><span></span><code>print(1)</code></pre></div>
<ul><li id="ref-a">A paper <a class="back" href="#cite-a-1">↑</a></li></ul>
<p><a href="../x.py" download="x.py">The script</a></p>
</article></body></html>"""
GLOSSARY = (
    '<article class="md-content__inner"><h1 id="glossary">Glossary</h1><dl><dt id="seed">seed</dt></dl></article>'
)
ENTRY = {"location": "toy/#toy", "title": "Toy", "text": "<p>A seed</p>"}


def site(folder: Path, page: str = PAGE, entry: dict[str, str] = ENTRY, index: str = "search.json") -> Site:
    for name, text in {"toy/index.html": page, "glossary/index.html": GLOSSARY, "x.svg": "", "x.py": ""}.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
    (folder / index).parent.mkdir(exist_ok=True)
    (folder / index).write_text(json.dumps({"docs" if "search/" in index else "items": [entry]}), encoding="utf-8")
    return Site(folder)


@pytest.fixture
def here(tmp_path: Path) -> Site:
    return site(tmp_path / "here", index="search/search_index.json")


def test_another_dress_is_no_difference(here: Site, tmp_path: Path) -> None:
    dressed = PAGE.replace('<a class="headerlink" href="#toy">¶</a>', "").replace("<p>A ", "<p>\n  A\n")
    dressed = dressed.replace('href="../glossary/#seed"', 'href="/glossary/#seed"').replace("gone/", "elsewhere/")
    assert list(compare(here, site(tmp_path / "there", dressed))) == []


@pytest.mark.parametrize(
    ("kind", "old", "new", "told"),
    [
        ("head", 'content="A toy."', 'content=""', ('content="A toy." name="description"', 'content="" name="description"')),
        ("head", '{"name":"Toy"}', "{}", ('{"name":"Toy"}', "{}")),
        ("head", "Content-Security-Policy", "X", ("a policy", "(nothing)")),
        ("headings", "<h1", "<h2", ("h1 Toy #toy", "h2 Toy #toy")),
        ("headings", 'id="toy"', 'id="toy_1"', ("h1 Toy #toy", "h1 Toy #toy_1")),
        ("links", 'title="Where chance begins."', 'title="Luck."', ("seed -> /glossary/#seed (Where chance begins.)", "seed -> /glossary/#seed (Luck.)")),
        ("links", 'download="x.py"', "", ("The script -> /x.py as x.py", "The script -> /x.py")),
        ("links that work", "../glossary/#seed", "../glossary/#sead", ("(nothing)", "/glossary/#sead is not there")),
        ("links that work", "../x.py", "x.py", ("(nothing)", "/toy/x.py is not there")),
        ("links that work", "../x.svg", "../y.svg", ("(nothing)", "/y.svg is not there")),
        ("figures", 'alt="A line rises."', "", ("/x.svg 3x2: A line rises.", "/x.svg 3x2: None")),
        ("figures", "How it rises", "It rises", ("caption: How it rises", "caption: It rises")),
        ("tables", "1.5 (1–2)", "1.5", ("Claim | 1.5 (1–2)", "Claim | 1.5")),
        ("formulas", "<mi>x</mi>", "<mi>y</mi>", ("<math><mi>x</mi></math>", "<math><mi>y</mi></math>")),
        ("formulas", "<math><mi>x</mi></math>", r"\(x\)", ("<math><mi>x</mi></math>", "(nothing)")),
        ("code", "print(1)", "print(2)", ("ran 0.1 s: print(1)", "ran 0.1 s: print(2)")),
        ("code", ' data-ran="0.1 s"', "", ("ran 0.1 s: print(1)", "print(1)")),
        ("references", 'id="ref-a"', 'id="a"', ("ref-a ->", "(nothing)")),
        ("references", 'href="#cite-a-1"', 'href="#toy"', ("-> #cite-a-1", "(nothing)")),
        ("words", "A paper", "A book", ("paper", "book")),
    ],
)  # fmt: skip
def test_what_is_lost_is_told(here: Site, tmp_path: Path, kind: str, old: str, new: str, told: tuple[str, str]) -> None:
    assert PAGE.count(old) == 1
    found = [d for d in compare(here, site(tmp_path / "there", PAGE.replace(old, new))) if d.kind == kind]
    assert Difference("toy/", kind, *told) in found
    assert all(part in judge(found, ())[0] for part in ("toy/", kind, told[1]))


def test_topics_may_stand_elsewhere_but_not_be_lost(here: Site, tmp_path: Path) -> None:
    topics = '<nav class="md-tags"><a href="../glossary/">chance</a></nav>'
    above = site(tmp_path / "above", PAGE.replace("<h1", f"{topics}<h1"))
    assert list(compare(above, site(tmp_path / "below", PAGE.replace("</article>", f"{topics}</article>")))) == []
    assert Difference("toy/", "topics", "chance -> /glossary/", "(nothing)") in list(compare(above, here))


def test_the_order_of_attributes_says_nothing(here: Site, tmp_path: Path) -> None:
    pages = [
        PAGE.replace("<mi>x</mi>", f"<mo {order}>(</mo>") for order in ('a="1" form="prefix"', 'form="prefix" a="1"')
    ]
    assert list(compare(site(tmp_path / "one", pages[0]), site(tmp_path / "other", pages[1]))) == []


def test_a_page_that_is_lost_is_told(here: Site, tmp_path: Path) -> None:
    there = site(tmp_path / "there")
    (there.folder / "toy/index.html").unlink()
    assert Difference("toy/", "pages", "a page", "(nothing)") in list(compare(here, there))


@pytest.mark.parametrize("change", [{"title": "Toys"}, {"text": "<p>A</p>"}, {"location": "toy/#top"}])
def test_an_entry_of_the_search_is_compared(here: Site, tmp_path: Path, change: dict[str, str]) -> None:
    (found,) = compare(here, site(tmp_path / "there", entry={**ENTRY, **change}))
    assert (found.page, found.kind, found.here) == ("toy/", "search", "toy/#toy: Toy A seed")


def test_an_allowance_covers_its_own_kind_pages_and_values_only(here: Site, tmp_path: Path) -> None:
    found = list(compare(here, site(tmp_path / "there", PAGE.replace("print(1)", "print(2)"))))
    assert judge(found, [Allowed("it counts on", "code", "t*/", lambda here, there: there.endswith("(2)"))]) == []
    for other in (Allowed("", "tables"), Allowed("", "code", "29/*"), Allowed("", "code", fits=lambda *_: False)):
        assert "print(2)" in judge(found, [other])[0]


def test_an_allowance_that_nothing_needs_is_told(here: Site) -> None:
    (told,) = judge([], [Allowed("it once lost tables", "tables")])
    assert "it once lost tables" in told
