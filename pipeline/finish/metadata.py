"""What programs are told about a page: its preview where it is shared, its data where it is indexed, the feed.

``theme/main.html`` writes it into the page; ``docs/feed.xml``, ``docs/llms.txt`` and ``docs/robots.txt`` are templates.
Addresses are absolute where the environment says where the site will stand (``SITE_URL``), and relative elsewhere.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from email.utils import format_datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mkdocs.utils import get_relative_url

from pipeline.finish import previews
from pipeline.write.parts import Concept, Part
from pipeline.write.references import cited

if TYPE_CHECKING:
    from mkdocs.config.defaults import MkDocsConfig
    from mkdocs.structure.files import Files
    from mkdocs.structure.pages import Page

Fields = dict[str, Any]


@dataclass(frozen=True)
class Preview:
    """The image that stands for a page. ``address`` is from the root of the site."""

    address: str
    alt: str
    size: int
    width: int = previews.WIDTH
    height: int = previews.HEIGHT


@dataclass(frozen=True)
class Link:
    """What there is of a page for programs. ``address`` is as seen from the page."""

    rel: str
    type: str
    address: str
    title: str


class Machines:
    """One build's pages, as programs see them."""

    def __init__(self, config: MkDocsConfig, parts: Sequence[Part], files: Files) -> None:
        self.config, self.parts = config, parts
        self.urls = {file.src_uri: file.url.removeprefix("./") for file in files.documentation_pages()}
        self.root = Path(config.config_file_path).parent
        self.concepts = {concept.page: (concept, part) for part in parts for concept in part.concepts}
        self.runs = {f"generated/{c.generated.concept}/run.ipynb": c for c, _ in self.concepts.values()}
        self.by_page = {part.page: part for part in parts}
        self.previews: dict[str, Preview] = {}  # by the page that each stands for

    def at(self, address: str, seen_from: str = "") -> str:
        """An address from the root of the site, for those who read it elsewhere."""
        if self.config.site_url:
            return f"{self.config.site_url}{address}"
        return get_relative_url(address or ".", seen_from)

    def title(self, page: Page) -> str:
        """As in the title of its window: in the navigation it may be shorter."""
        own = page.meta.get("title") or (not page.is_homepage and page.title)
        return str(own or self.config.site_name)

    # -- previews ------------------------------------------------------------------------------------------------

    def preview(self, page: Page) -> Preview:
        """Draw what stands for a page, put it beside the page, and say where it is."""
        source = page.file.src_uri
        figures: list[Concept] = []
        if source in self.concepts or source in self.runs:
            figures = [self.runs.get(source) or self.concepts[source][0]]
        elif source in self.by_page or page.is_homepage:
            figures = (self.by_page.get(source) or self.parts[0]).concepts if self.parts else []
        title = self.title(page)
        files = [concept.figure.light for concept in figures] or [self.root / "docs" / "assets" / "mark.svg"]
        image = previews.draw(self.root, self.config.site_name, title, files)
        address = f"{page.url}preview.png"
        path = Path(self.config.site_dir, address)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(image)
        if len(figures) == 1:
            alt = figures[0].alt
        elif figures:
            alt = f"Five figures: {', '.join(concept.name for concept in figures)}."
        else:
            alt = f"{title}, and the mark of {self.config.site_name}: five points, all joined."
        self.previews[source] = Preview(address, alt, len(image))
        return self.previews[source]

    # -- pages ---------------------------------------------------------------------------------------------------

    def about(self, page: Page) -> Fields:
        """All that ``theme/main.html`` writes into the head of a page."""
        source = page.file.src_uri
        concept, _ = self.concepts.get(source, (None, None))
        links = []
        if not source.endswith(".ipynb"):
            links.append(Link("alternate", "text/markdown", "index.md", "This page in Markdown"))
        if concept:
            results = get_relative_url(_results(concept), page.url)
            links.append(Link("describedby", "application/json", results, "All numbers of this page's run"))
        elif source in self.runs:
            page.meta["description"] = f"Every cell of the experiment on {self.runs[source].name}, with what it gave."
        preview = self.preview(page)
        return {
            "kind": "article" if concept else "website",
            "title": self.title(page),
            "description": page.meta.get("description") or self.config.site_description,
            "preview": preview,
            "image": self.at(preview.address, page.url),
            "links": links,
            "data": _as_script(self.data(page, preview)),
        }

    def data(self, page: Page, preview: Preview) -> Fields:
        """What the page is, in the words of schema.org."""
        source = page.file.src_uri

        def at(address: str) -> str:
            return self.at(address, page.url)

        site = {"@type": "Organization", "name": self.config.site_name, "url": at("")}
        common: Fields = {
            "@context": "https://schema.org",
            "description": page.meta.get("description") or self.config.site_description,
            "url": at(page.url),
            "image": at(preview.address),
            "inLanguage": "en",
        }
        if source in self.concepts:
            return common | self._article(*self.concepts[source], at) | {"author": site, "publisher": site}
        if part := self.by_page.get(source):
            articles = [
                {"@type": "TechArticle", "name": concept.name, "url": at(self.urls[concept.page])}
                for concept in part.concepts
            ]
            return common | {
                "@type": "CollectionPage",
                "name": self.title(page),
                "abstract": part.abstract,
                "datePublished": str(part.meta["date"]),
                "isPartOf": {"@type": "CreativeWorkSeries", "name": self.config.site_name, "url": at("")},
                "hasPart": articles,
                "publisher": site,
            }
        if page.is_homepage:
            return common | {"@type": "WebSite", "name": self.config.site_name, "publisher": site}
        return common | {"@type": "WebPage", "name": self.title(page), "isPartOf": {"@type": "WebSite", "url": at("")}}

    def _article(self, concept: Concept, part: Part, at: Callable[[str], str]) -> Fields:
        published = str(part.meta["date"])
        folder, stem = f"generated/{concept.generated.concept}", concept.generated.folder.name
        text = (self.root / "docs" / concept.page).read_text(encoding="utf-8")
        keys = dict.fromkeys((concept.reference.key, *(key for key, _ in cited(text))))
        return {
            "@type": "TechArticle",
            "headline": concept.name,
            "datePublished": published,
            "dateModified": max(published, concept.built),  # the run cannot be newer than what is shown of it
            "keywords": concept.meta.get("tags", []),
            "learningResourceType": "article with a reproducible experiment",
            "isPartOf": {"@type": "CreativeWorkSeries", "name": part.meta["title"], "url": at(self.urls[part.page])},
            # Known by where they can be read: the list of references on the page has the rest.
            "citation": [{"@id": concept.references[key].links[0][1]} for key in keys],
            "isBasedOn": {
                "@type": "SoftwareSourceCode",
                "programmingLanguage": "Python",
                "url": at(f"{folder}/{stem}.py"),
            },
            "associatedMedia": {
                "@type": "DataDownload",
                "encodingFormat": "application/json",
                "contentUrl": at(_results(concept)),
            },
        }

    # -- the feed ------------------------------------------------------------------------------------------------

    def published(self, part: Part) -> str:
        """When a part appeared, as RSS writes it."""
        day: date = part.meta["date"]
        return format_datetime(datetime.combine(day, time(), UTC))


def _results(concept: Concept) -> str:
    return f"generated/{concept.generated.concept}/results.json"


def _as_script(data: Fields) -> str:
    """JSON that can stand within a ``<script>``."""
    return json.dumps(data, ensure_ascii=False, separators=(",", ":")).replace("<", "\\u003c")
