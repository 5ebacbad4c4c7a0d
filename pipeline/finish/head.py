"""The head of a page: what is shown where its address is shared, its data, and the other forms in which it is there."""

from __future__ import annotations

import json
from collections.abc import Iterator

from selectolax.lexbor import LexborHTMLParser, LexborNode

from pipeline.finish import metadata, previews
from pipeline.finish.html import element
from pipeline.finish.site import Page, Site, relative


def complete(tree: LexborHTMLParser, page: Page, site: Site) -> None:
    """Put into the head of a page, as any engine made it, all that programs are told. Draws its preview."""
    assert tree.head
    for old in tree.head.css('meta[name="description"]'):
        old.decompose()
    for made in (*_shared(tree, page, site), *_elsewhere(tree, page, site), _data(tree, page, site)):
        tree.head.insert_child("\n")
        tree.head.insert_child(made)


def _shared(tree: LexborHTMLParser, page: Page, site: Site) -> Iterator[LexborNode]:
    """What others show of the page: the words of opengraphprotocol.org, and of those who have their own."""
    preview, here = previews.of(page, site), site.address(page.source)
    description = metadata.description(page, site)
    named = {"description": description, "twitter:card": "summary_large_image"}
    properties = {
        "og:site_name": site.name,
        "og:type": "article" if page.source in site.articles else "website",
        "og:title": page.title,
        "og:description": description,
        "og:image": site.link(preview.address, here),
        "og:image:type": "image/png",
        "og:image:width": str(previews.WIDTH),
        "og:image:height": str(previews.HEIGHT),
        "og:image:alt": preview.alt,
    }
    if site.url:
        properties["og:url"] = site.link(here)
    yield from (element(tree, "meta", name=name, content=content) for name, content in named.items())
    yield from (element(tree, "meta", property=name, content=content) for name, content in properties.items())


def _elsewhere(tree: LexborHTMLParser, page: Page, site: Site) -> Iterator[LexborNode]:
    """The same in other forms. With a blank after ``alternate``: Material 9.8.1 asks for a sitemap beside whatever is exactly
    that."""
    here = site.address(page.source)

    def link(rel: str, kind: str, address: str, title: str) -> LexborNode:
        return element(tree, "link", rel=rel, type=kind, href=relative(address, here), title=title)

    if not page.source.endswith(".ipynb"):
        yield link("alternate ", "text/markdown", site.markdown(page), "This page in Markdown")
    if page.source in site.articles:
        concept, _ = site.articles[page.source]
        yield link(
            "describedby ",
            "application/json",
            site.output_of(concept, "results.json"),
            "All numbers of this page's run",
        )
    yield link("alternate", "application/rss+xml", "feed.xml", site.name)


def _data(tree: LexborHTMLParser, page: Page, site: Site) -> LexborNode:
    """JSON-LD that can stand within a ``<script>``."""
    links = (link.attributes["href"] or "" for link in tree.css('a[href^="#ref-"]'))
    about = metadata.data(page, site, [link.removeprefix("#ref-") for link in links])
    text = json.dumps(about, ensure_ascii=False, separators=(",", ":")).replace("<", "\\u003c")
    return element(tree, "script", text, type="application/ld+json")
