"""The page of a full run, as mkdocs-jupyter 0.26.3 makes it of a notebook: 880 kB, of which a reader needs a fifth."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator
from urllib.parse import unquote, urlsplit

from selectolax.lexbor import LexborHTMLParser, LexborNode

from pipeline.finish.html import element
from pipeline.finish.site import Page, Site, relative
from pipeline.problem import Problem
from pipeline.write import formulas

STYLES = "assets/notebook.css"
# Formulas are MathML already, and nothing here draws diagrams: these would only look for another host.
NOT_NEEDED = 'script[src=""], script[type="text/x-mathjax-config"], article script[type="module"]'


def finish(tree: LexborHTMLParser, page: Page, site: Site) -> None:
    """Styles move to a file that all notebook pages share, unused scripts go, formulas are drawn, links lead to addresses.

    Raises ``Problem`` for a link to what is not on the site: no engine looks into notebooks.
    """
    for kind in ("href", "src"):
        for node in tree.css(f".jupyter-wrapper [{kind}]"):
            if target := _resolve(node.attributes[kind] or "", page, site):
                node.attrs[kind] = target
    _share_styles(tree, page, site)
    for script in tree.css(NOT_NEEDED):
        script.decompose()
    for cell in tree.css("td[style], th[style]"):  # which the policy forbids
        cell.attrs["class"] = (cell.attributes["style"] or "").partition(":")[2].strip(" ;")
        del cell.attrs["style"]
    _copy_what_is_shown(tree)
    for text in list(_prose(tree)):
        _draw_formulas(text)


def _share_styles(tree: LexborHTMLParser, page: Page, site: Site) -> None:
    file = site.file(STYLES)
    file.parent.mkdir(parents=True, exist_ok=True)
    shared = file.read_text(encoding="utf-8") if file.is_file() else ""
    styles = tree.css("article style")
    if styles:
        link = element(tree, "link", rel="stylesheet", href=relative(STYLES, site.address(page.source)))
        styles[0].insert_before(link)
    for style in styles:
        css = style.text().strip()
        # The last one is a Python list printed as text, which no browser can read.
        if not css.startswith("[") and css not in shared:
            shared = f"{shared}{css}\n"
        style.decompose()
    file.write_text(shared, encoding="utf-8")


def _copy_what_is_shown(tree: LexborHTMLParser) -> None:
    """The buttons copy the code of their cells, not a second copy that is hidden: a quarter of the page, compressed."""
    for hidden in tree.css(".clipboard-copy-txt"):
        if hidden.parent and (code := hidden.parent.css_first(".highlight-ipynb pre")):
            code.attrs["id"] = hidden.id or ""
            hidden.decompose()


def _prose(tree: LexborHTMLParser) -> Iterator[LexborNode]:
    """The pieces of text in text cells, but for code."""
    for cell in tree.css(".jp-RenderedMarkdown"):
        code = {text.mem_id for inner in cell.css("code, pre") for text in inner.traverse(include_text=True)}
        yield from (text for text in cell.traverse(include_text=True) if text.is_text_node and text.mem_id not in code)


def _draw_formulas(text: LexborNode) -> None:
    """Put what stands between dollars in this text as MathML."""
    source, done = text.text_content or "", 0
    for formula in formulas.scan(source):
        text.insert_before(source[done : formula.start])
        for drawn in LexborHTMLParser(formulas.mathml(formula.tex, formula.block)).css("math"):
            text.insert_before(drawn)
        done = formula.end
    if done:
        text.insert_before(source[done:])
        text.decompose()


def _resolve(link: str, page: Page, site: Site) -> str:
    """The link to the address of what it names as seen from the notebook's source; empty if it stays as it is."""
    parts = urlsplit(link)
    if parts.scheme or parts.netloc or not parts.path:
        return ""
    path = unquote(parts.path)
    source = posixpath.normpath(posixpath.join(posixpath.dirname(page.source), path)) if path[0] != "/" else path[1:]
    if source not in site.addresses:
        raise Problem(
            f"The notebook links to {link!r}, and no such file is on the site.",
            f"docs/{page.source}",
            todo=f"Links in the texts of a snippet are as seen from docs/{posixpath.dirname(page.source)}/.",
        )
    return parts._replace(path=relative(site.addresses[source], site.address(page.source))).geturl()
