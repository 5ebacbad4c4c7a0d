"""The page of a full run, as mkdocs-jupyter 0.26.3 makes it of a notebook: 880 kB, of which a reader needs a fifth."""

from __future__ import annotations

import posixpath
from urllib.parse import unquote, urlsplit

from selectolax.lexbor import LexborHTMLParser

from pipeline.finish.html import element
from pipeline.finish.site import Page, Site, relative
from pipeline.problem import Problem
from pipeline.write import mathml

STYLES = "assets/notebook.css"
# Formulas are MathML already, and nothing here draws diagrams: these would only look for another host.
NOT_NEEDED = 'script[src=""], script[type="text/x-mathjax-config"], article script[type="module"]'


def finish(tree: LexborHTMLParser, page: Page, site: Site) -> None:
    """Styles move to a file that all notebook pages share, unused scripts go, formulas are drawn, links lead to addresses.

    Raises ``Problem`` for a link to what is not on the site: no engine looks into notebooks.
    """
    for kind in ("href", "src"):
        for node in tree.css(f".jupyter-wrapper [{kind}]"):
            node.attrs[kind] = _resolve(node.attributes[kind] or "", page, site)
    _share_styles(tree, site.styles, relative(STYLES, site.address(page.source)))
    for script in tree.css(NOT_NEEDED):
        script.decompose()
    for cell in tree.css("td[style], th[style]"):  # which the policy forbids
        cell.attrs["class"] = (cell.attributes["style"] or "").partition(":")[2].strip(" ;")
        del cell.attrs["style"]
    _copy_what_is_shown(tree)
    for text in tree.css(".jp-RenderedMarkdown"):
        try:
            text.inner_html = _with_formulas(text.inner_html or "")
        except Problem as problem:
            raise problem.at(*_place(problem.detail, page, site)) from None


def _with_formulas(text: str) -> str:
    drawn = [(formula, mathml.draw(formula.tex, formula.block)) for formula in mathml.scan(text)]
    for formula, math in reversed(drawn):
        text = text[: formula.start] + math + text[formula.end :]
    return text


def write_styles(site: Site) -> None:
    """The styles of all notebook pages, once these are finished."""
    if site.styles:
        site.write(STYLES, "".join(f"{css}\n" for css in site.styles).encode())


def _share_styles(tree: LexborHTMLParser, shared: dict[str, None], address: str) -> None:
    for place, style in enumerate(tree.css("article style")):
        if place == 0:
            style.insert_before(element(tree, "link", rel="stylesheet", href=address))
        css = style.text().strip()
        # The last one is a Python list printed as text, which no browser can read.
        if not css.startswith("[") and not any(css in other for other in shared):
            shared[css] = None
        style.decompose()


def _copy_what_is_shown(tree: LexborHTMLParser) -> None:
    """The buttons copy the code of their cells, not a second copy that is hidden: a quarter of the page, compressed."""
    for hidden in tree.css(".clipboard-copy-txt"):
        if hidden.parent and (code := hidden.parent.css_first(".highlight-ipynb pre")):
            code.attrs["id"] = hidden.id or ""
            hidden.decompose()


def _resolve(link: str, page: Page, site: Site) -> str:
    """A link to a source, as seen from the notebook's own or from ``docs/``, led to its address; any other as it is."""
    parts, folder = urlsplit(link), posixpath.dirname(page.source)
    if parts.scheme or parts.netloc or not parts.path:
        return link
    source = posixpath.normpath(posixpath.join("/", folder, unquote(parts.path))).lstrip("/")
    # Pages have one of several endings, and a notebook does not know which.
    stem = posixpath.splitext(source)[0]
    source = next(
        (uri for uri in (source, *site.pages) if uri in site.addresses and posixpath.splitext(uri)[0] == stem), source
    )
    if source not in site.addresses:
        what = f"The notebook links to {link!r}, and no such file is on the site."
        raise Problem(what, *_place(link, page, site), f"Links in a snippet's texts are as seen from docs/{folder}/.")
    return parts._replace(path=relative(site.addresses[source], site.address(page.source))).geturl()


def _place(words: str, page: Page, site: Site) -> tuple[str, int | None]:
    """The snippet of which a notebook was made, and the line on which these words begin, if they do."""
    file = f"{posixpath.dirname(page.source).replace('generated', 'snippets', 1)}.py"
    path = site.root / file
    text = path.read_text(encoding="utf-8") if path.is_file() else ""
    before, found, _ = text.partition(words.partition("\n")[0])
    return file, before.count("\n") + 1 if found else None
