"""What a page is, for the programs that index it: in the words of schema.org, made from its front matter."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from pipeline.finish.site import Page, Site
from pipeline.write.parts import Concept, Part

Fields = dict[str, Any]
At = Callable[[str], str]  # an address as the page gives it


def description(page: Page, site: Site) -> str:
    """One line of what the page is about."""
    if concept := site.runs.get(page.source):
        return f"Every cell of the experiment on {concept.name}, with what it gave."
    return " ".join((page.description or site.description).split())


def data(page: Page, site: Site, cited: Sequence[str]) -> Fields:
    """The page as a schema.org thing, for JSON-LD. ``cited`` are the keys of what it cites, in that order."""
    here = site.address(page.source)

    def at(address: str) -> str:
        return site.link(address, here)

    common: Fields = {
        "@context": "https://schema.org",
        "description": description(page, site),
        "url": at(here),
        "image": at(site.preview(page)),
        "inLanguage": "en",
    }
    publisher = {"@type": "Organization", "name": site.name, "url": at("")}
    if page.source in site.articles:
        concept, part = site.articles[page.source]
        return common | _article(concept, part, site, at, cited) | {"author": publisher, "publisher": publisher}
    for part in site.parts:
        if part.page == page.source:
            return common | _part(page, part, site, at) | {"publisher": publisher}
    if site.is_home(page):
        return common | {"@type": "WebSite", "name": site.name, "publisher": publisher}
    return common | {"@type": "WebPage", "name": page.title, "isPartOf": {"@type": "WebSite", "url": at("")}}


def _part(page: Page, part: Part, site: Site, at: At) -> Fields:
    return {
        "@type": "CollectionPage",
        "name": page.title,
        "abstract": part.abstract,
        "datePublished": str(part.meta["date"]),
        "isPartOf": {"@type": "CreativeWorkSeries", "name": site.name, "url": at("")},
        "hasPart": [
            {"@type": "TechArticle", "name": concept.name, "url": at(site.address(concept.page))}
            for concept in part.concepts
        ],
    }


def _article(concept: Concept, part: Part, site: Site, at: At, cited: Sequence[str]) -> Fields:
    published = str(part.meta["date"])
    script = at(site.output_of(concept, f"{concept.generated.folder.name}.py"))
    results = at(site.output_of(concept, "results.json"))
    keys = dict.fromkeys((concept.reference.key, *(key for key in cited if key in concept.references)))
    return {
        "@type": "TechArticle",
        "headline": concept.name,
        "datePublished": published,
        "dateModified": max(published, concept.built),  # the run cannot be newer than what is shown of it
        "keywords": concept.meta.get("tags", []),
        "learningResourceType": "article with a reproducible experiment",
        "isPartOf": {"@type": "CreativeWorkSeries", "name": part.meta["title"], "url": at(site.address(part.page))},
        # Known by where they can be read: the list of references on the page has the rest.
        "citation": [{"@id": concept.references[key].links[0][1]} for key in keys],
        "isBasedOn": {"@type": "SoftwareSourceCode", "programmingLanguage": "Python", "url": script},
        "associatedMedia": {"@type": "DataDownload", "encodingFormat": "application/json", "contentUrl": results},
    }
