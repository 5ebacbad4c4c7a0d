"""The head of a page: what is shown where its address is shared, its data, and the other forms in which it is there."""

from __future__ import annotations

import json
from collections.abc import Iterator

from selectolax.lexbor import LexborHTMLParser

from pipeline.finish import metadata, previews
from pipeline.finish.html import element
from pipeline.finish.site import Page, Site, relative


def complete(tree: LexborHTMLParser, page: Page, site: Site) -> None:
    """Put into the head of a page, as any engine made it, all that programs are told. Draws its preview."""
    assert tree.head
    for old in tree.head.css('meta[name="description"]'):
        old.decompose()
    metas = [element(tree, "meta", **{kind: name}, content=said) for kind, name, said in _shared(page, site)]
    links = [element(tree, "link", **attributes) for attributes in _elsewhere(page, site)]
    cited = [(link.attributes["href"] or "").removeprefix("#ref-") for link in tree.css('a[href^="#ref-"]')]
    data = json.dumps(metadata.data(page, site, cited), ensure_ascii=False, separators=(",", ":"))
    safe = data.replace("<", "\\u003c")  # what would end the script
    for made in (*metas, *links, element(tree, "script", safe, type="application/ld+json")):
        tree.head.insert_child("\n")
        tree.head.insert_child(made)


def _shared(page: Page, site: Site) -> Iterator[tuple[str, str, str]]:
    """What others show of the page: the words of opengraphprotocol.org, and of those who have their own."""
    preview, here = previews.of(page, site), site.address(page.source)
    description = metadata.description(page, site)
    yield "name", "description", description
    yield "name", "twitter:card", "summary_large_image"
    yield "property", "og:site_name", site.name
    yield "property", "og:type", "article" if page.source in site.articles else "website"
    yield "property", "og:title", page.title
    yield "property", "og:description", description
    yield "property", "og:image", site.link(preview.address, here)
    yield "property", "og:image:type", "image/png"
    yield "property", "og:image:width", str(previews.WIDTH)
    yield "property", "og:image:height", str(previews.HEIGHT)
    yield "property", "og:image:alt", preview.alt
    if site.url:
        yield "property", "og:url", site.link(here)


def _elsewhere(page: Page, site: Site) -> Iterator[dict[str, str]]:
    """The same in other forms. The blank after ``alternate``: Material 9.8.1 asks for a sitemap beside exactly that."""
    here = site.address(page.source)

    def link(rel: str, kind: str, address: str, title: str) -> dict[str, str]:
        return {"rel": rel, "type": kind, "href": relative(address, here), "title": title}

    if not page.source.endswith(".ipynb"):
        yield link("alternate ", "text/markdown", site.markdown(page), "This page in Markdown")
    if page.source in site.articles:
        results = site.output_of(site.articles[page.source][0], "results.json")
        yield link("describedby ", "application/json", results, "All numbers of this page's run")
    yield link("alternate", "application/rss+xml", "feed.xml", site.name)
