"""What `mkdocs serve` need not make again: MkDocs makes every page anew after each edit, and nearly all are the same.

Of a page with the same source among the same pages, what was rendered, found by the search and laid out is taken from here.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, field
from typing import Any

RENDERED = (
    "content",
    "toc",
    "title",
    "_title_from_render",
    "present_anchor_ids",
)  # what MkDocs keeps of a page's Markdown
SAME = "same.html"  # a template that says next to nothing, in place of the one that lays out a page


@dataclass
class Kept:
    """What became of one page."""

    key: Hashable
    rendered: dict[str, Any]
    links: dict[str, dict[str, str]]  # to anchors of other pages, by their sources
    around: Hashable = None
    entries: list[Any] = field(default_factory=list)  # of the search's index
    output: str = ""


class Memory:
    """``same`` are the pages of this build that are as they were."""

    def __init__(self) -> None:
        self.kept: dict[str, Kept] = {}
        self.same: dict[str, Kept] = {}
        self.around: Hashable = None
        self.indexed = 0

    def render(self, page: Any, render: Callable[..., None], config: Any, files: Any) -> None:
        """In place of ``page.render``. A page that MkDocs warns of is rendered, and warned of, each time."""
        key = (page.markdown, repr(page.meta), tuple((file.src_uri, file.url) for file in files))
        kept = self.kept.get(page.file.src_uri)
        if not kept or kept.key != key:
            warnings = _Count()
            logging.getLogger("mkdocs").addHandler(warnings)
            render(config, files)
            logging.getLogger("mkdocs").removeHandler(warnings)
            links = {to.src_uri: anchors for to, anchors in (page.links_to_anchors or {}).items()}
            kept = Kept(key, {name: vars(page)[name] for name in RENDERED if name in vars(page)}, links)
            self.kept[page.file.src_uri] = kept
            if warnings.count:
                kept.key = None
        vars(page).update(kept.rendered)
        page.links_to_anchors = {files.get_file_from_path(to): anchors for to, anchors in kept.links.items()}

    def look(self, pages: Sequence[Any], around: Hashable) -> None:
        """Find the pages that are as they were; ``around`` is what all pages depend on beside themselves."""
        self.around, self.indexed = (around, tuple((p.title, p.url, repr(p.meta)) for p in pages)), 0
        uris = {page.file.src_uri: page for page in pages}
        self.same = {uri: kept for uri, kept in self.kept.items() if uri in uris and kept.around == self.around}
        for uri in self.same:
            uris[uri].meta |= {"template": SAME, "search": {"exclude": True}}

    def index(self, page: Any, entries: list[Any]) -> None:
        """Keep what the search has found on this page, or tell it what it found before."""
        if kept := self.same.get(page.file.src_uri):
            entries += kept.entries
        elif kept := self.kept.get(page.file.src_uri):
            kept.entries = entries[self.indexed :]
        self.indexed = len(entries)

    def keep(self, page: Any, output: str) -> str:
        """The finished page, as it is."""
        if kept := self.kept.get(page.file.src_uri):
            kept.output, kept.around = output, self.around
        return output


class _Count(logging.Handler):
    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.count = 0

    def emit(self, record: logging.LogRecord) -> None:
        self.count += 1
