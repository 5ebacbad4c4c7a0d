"""What `mkdocs serve` need not make again: MkDocs makes every page anew after each edit, and nearly all are the same."""

from __future__ import annotations

import logging
from collections.abc import Callable, Hashable, Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from logging.handlers import BufferingHandler
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
    """What became of one page. Its ``output`` is empty until it has been finished."""

    markdown: str
    rendered: dict[str, Any]
    links: dict[str, dict[str, str]]  # to anchors of other pages, by their sources
    entries: list[Any] = field(default_factory=list)  # of the search's index
    output: str = ""


@dataclass
class Memory:
    """``same`` are the pages of this build that need not be laid out again, by their sources."""

    kept: dict[str, Kept] = field(default_factory=dict)
    same: dict[str, Kept] = field(default_factory=dict)
    around: Hashable = None
    titles: list[str] = field(default_factory=list)

    def begin(self, around: Hashable) -> None:
        """Forget all if ``around`` has changed: what every page depends on beside its own text and the titles."""
        if around != self.around:
            self.kept, self.around = {}, around

    def render(self, page: Any, render: Callable[..., None], config: Any, files: Any) -> None:
        """In place of ``page.render``. A page that MkDocs warns of is rendered, and warned of, each time."""
        kept = self.kept.get(page.file.src_uri)
        if not kept or kept.markdown != page.markdown:
            warnings = BufferingHandler(100)
            warnings.setLevel(logging.WARNING)
            logging.getLogger("mkdocs").addHandler(warnings)
            render(config, files)
            logging.getLogger("mkdocs").removeHandler(warnings)
            links = {to.src_uri: anchors for to, anchors in (page.links_to_anchors or {}).items()}
            kept = Kept(page.markdown, {name: vars(page)[name] for name in RENDERED if name in vars(page)}, links)
            self.kept[page.file.src_uri] = kept
            if warnings.buffer:
                del self.kept[page.file.src_uri]
        vars(page).update(deepcopy(kept.rendered))  # plugins change it: that of tags adds to the contents
        page.links_to_anchors = {files.get_file_from_path(to): anchors for to, anchors in kept.links.items()}

    def look(self, pages: Sequence[Any]) -> None:
        """Find what need not be laid out again, once all titles are known: each page may show those of others."""
        before, self.titles = self.titles, [page.title for page in pages]
        if self.titles != before:
            for kept in self.kept.values():
                kept.output = ""
        self.same = {uri: kept for uri, kept in self.kept.items() if kept.output}
        for page in pages:
            if page.file.src_uri in self.same:
                page.meta |= {"template": SAME, "search": {"exclude": True}}

    def keep(self, page: Any, output: str, entries: Sequence[Any]) -> None:
        """Remember a finished page, and of all entries of the search its own."""
        if kept := self.kept.get(page.file.src_uri):
            kept.output = output
            kept.entries = [entry for entry in entries if entry["location"].partition("#")[0] == page.url]
