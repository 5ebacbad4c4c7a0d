"""What a built site says, kind by kind, freed of how an engine dresses it."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from urllib.parse import unquote, urljoin, urlsplit

from selectolax.lexbor import LexborHTMLParser, LexborNode

ARTICLE = "article.md-content__inner"
TOPICS = ".md-tags"  # above the text or below it, as the theme likes
CHROME = "a.headerlink, a.anchor-link, #__skip, script, style, link, clipboard-copy, .clipboard-copy-txt, .md-content__button, .md-source-file, .jp-InputPrompt, .jp-OutputPrompt"
INDEXES = {"search/search_index.json": "docs", "search.json": "items"}  # MkDocs's, Zensical's
Content = dict[str, list[str]]  # what there is of each kind, in the order of the page


@dataclass(frozen=True)
class Site:
    """A folder of HTML, as some engine left it. Pages go by their address, such as ``29/grokking/``."""

    folder: Path

    @cached_property
    def pages(self) -> dict[str, LexborHTMLParser]:
        files = sorted(self.folder.rglob("index.html"))
        folders = {path.parent.relative_to(self.folder).as_posix(): path for path in files}
        return {_address(name): LexborHTMLParser(path.read_text("utf-8")) for name, path in folders.items()}

    @cached_property
    def content(self) -> dict[str, Content]:
        """Of each page, what its article says; its entries in the search are one more kind."""
        entries = self._search_entries()
        return {page: {**self._said(page), "search": entries[page]} for page in self.pages}

    def broken(self, page: str) -> list[str]:
        """The addresses within a page's article that lead nowhere."""
        addresses = [_whole(page, value) for value in self._addresses(page)]
        return [address for address in addresses if not self._is_there(address)]

    def article(self, page: str) -> LexborNode:
        """The text of a page, in a tree of its own."""
        article = LexborHTMLParser(self.pages[page].html or "").css_first(ARTICLE)
        assert article is not None, f"{self.folder}: the page /{page} has no {ARTICLE}"
        return article

    def title(self, page: str) -> str:
        article = self.article(page)
        for node in article.css(CHROME):
            node.decompose()
        return _text(article.css_first("h1"))

    def _said(self, page: str) -> Content:
        article = self.article(page)
        topics = [link for node in article.css(TOPICS) for link in _links(node, page)]
        for node in article.css(f"{CHROME}, {TOPICS}"):
            node.decompose()
        found = {kind: list(values(article, page)) for kind, values in KINDS.items()}
        for node in article.css("pre, table, math, h1, h2, h3, h4, h5, h6"):
            node.decompose()  # they have been compared
        return {"head": list(_head(self.pages[page])), "topics": topics, **found, "words": _text(article).split()}

    def _search_entries(self) -> dict[str, list[str]]:
        index = next(name for name in INDEXES if (self.folder / name).is_file())
        entries: dict[str, list[str]] = defaultdict(list)
        for entry in json.loads((self.folder / index).read_text("utf-8"))[INDEXES[index]]:
            words = _text(LexborHTMLParser(f"<p>{entry['title']}</p> {entry['text']}").root)
            entries[entry["location"].partition("#")[0]].append(f"{entry['location']}: {words}")
        return entries

    def _addresses(self, page: str) -> Iterator[str]:
        for attribute in ("href", "src"):
            for node in self.pages[page].css(f"{ARTICLE} [{attribute}]"):
                yield node.attributes[attribute] or ""

    def _is_there(self, address: str) -> bool:
        parts = urlsplit(address)
        if parts.scheme or parts.netloc:
            return True
        path = unquote(parts.path).removeprefix("/")
        if path not in self.pages:
            return bool(path) and (self.folder / path).is_file()
        return not parts.fragment or self.pages[path].css_first(f'[id="{unquote(parts.fragment)}"]') is not None


def _address(folder: str) -> str:
    return "" if folder == "." else f"{folder}/"


def _whole(page: str, address: str) -> str:
    """An address as it is written in a page, from the root of the site."""
    return urljoin(f"/{page}", address)


def _text(node: LexborNode | None) -> str:
    """What is read, with one blank for each gap."""
    return " ".join(node.text().split()) if node else ""


def _head(page: LexborHTMLParser) -> Iterator[str]:
    """What programs are told: descriptions, links to other forms of the page, data; and that there is a policy."""
    for node in page.css(
        'head meta[name="description"], head meta[property], head link[rel^="alternate"], head link[rel^="describedby"]'
    ):
        yield " ".join(f'{name}="{value}"' for name, value in sorted(node.attributes.items()))
    for node in page.css('script[type="application/ld+json"]'):
        yield node.text()
    if page.css_first('head meta[http-equiv="Content-Security-Policy"]'):
        yield "a policy"


def _headings(article: LexborNode, _: str) -> Iterator[str]:
    for node in article.css("h1, h2, h3, h4, h5, h6"):
        yield f"{node.tag} {_text(node)} #{node.id}"


def _links(article: LexborNode, page: str) -> Iterator[str]:
    for node in article.css("a[href]"):
        download = f" as {node.attributes['download']}" if "download" in node.attributes else ""
        title = f" ({node.attributes['title']})" if "title" in node.attributes else ""
        yield f"{_text(node)} -> {_whole(page, node.attributes['href'] or '')}{title}{download}"


def _figures(article: LexborNode, page: str) -> Iterator[str]:
    for node in article.css("img, figcaption"):
        if node.tag == "figcaption":
            yield f"caption: {_text(node)}"
        else:
            alt, source, width, height = (node.attributes.get(name) for name in ("alt", "src", "width", "height"))
            yield f"{_whole(page, source or '')} {width}x{height}: {alt}"


def _tables(article: LexborNode, _: str) -> Iterator[str]:
    for row in article.css("tr"):
        yield " | ".join(_text(cell) for cell in row.css("th, td"))


def _formulas(article: LexborNode, _: str) -> Iterator[str]:
    """As MathML; in which order an element's attributes stand says nothing."""
    for node in article.css("math, .arithmatex"):
        for element in (node, *node.css("*")):
            for name, value in sorted(element.attributes.items()):
                del element.attrs[name]
                element.attrs[name] = value or ""
        yield node.html or ""


def _code(article: LexborNode, _: str) -> Iterator[str]:
    for node in article.css("pre"):
        holder = node.parent
        ran = holder.attributes.get("data-ran") if holder else None
        yield (f"ran {ran}: " if ran else "") + node.text().strip()


def _references(article: LexborNode, _: str) -> Iterator[str]:
    """Each entry of the bibliography and each place that cites it, and the links between the two."""
    for node in article.css('[id^="ref-"], [id^="cite-"], a[href^="#ref-"], a[href^="#cite-"]'):
        yield " ".join(filter(None, (node.id, "->", node.attributes.get("href"))))


KINDS: dict[str, Callable[[LexborNode, str], Iterator[str]]] = {
    "headings": _headings,
    "links": _links,
    "figures": _figures,
    "tables": _tables,
    "formulas": _formulas,
    "code": _code,
    "references": _references,
}
