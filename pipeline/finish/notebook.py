"""The page of a full run, as mkdocs-jupyter 0.26.3 makes it of a notebook: 880 kB, of which a reader needs a fifth."""

from __future__ import annotations

import posixpath
from urllib.parse import unquote, urlsplit

from selectolax.lexbor import LexborHTMLParser

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
            node.attrs[kind] = _resolve(node.attributes[kind] or "", page, site)
    _share_styles(tree, page, site)
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
    drawn, done = "", 0
    for formula in formulas.scan(text):
        drawn += text[done : formula.start] + formulas.mathml(formula.tex, formula.block)
        done = formula.end
    return drawn + text[done:]


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


def _resolve(link: str, page: Page, site: Site) -> str:
    """A link to a source, as seen from the notebook's own or from ``docs/``, led to its address; any other as it is."""
    parts, folder = urlsplit(link), posixpath.dirname(page.source)
    if parts.scheme or parts.netloc or not parts.path:
        return link
    source = posixpath.normpath(posixpath.join("/", folder, unquote(parts.path))).lstrip("/")
    if source not in site.addresses:
        what = f"The notebook links to {link!r}, and no such file is on the site."
        raise Problem(what, *_place(link, page, site), f"Links in a snippet's texts are as seen from docs/{folder}/.")
    return parts._replace(path=relative(site.addresses[source], site.address(page.source))).geturl()


def _place(words: str, page: Page, site: Site) -> tuple[str, int | None]:
    """The snippet of which a notebook was made, and the line on which these words begin, if they do."""
    file = f"{posixpath.dirname(page.source).replace('generated', 'snippets', 1)}.py"
    text = (site.root / file).read_text(encoding="utf-8") if (site.root / file).is_file() else ""
    before, found, _ = text.partition(words.partition("\n")[0])
    return file, before.count("\n") + 1 if found else None
