"""A page as any engine makes it that runs Python-Markdown with the extensions of mkdocs.yml and ours."""

from __future__ import annotations

from bs4 import BeautifulSoup
from markdown import Markdown

EXTENSIONS = [
    *("abbr", "admonition", "attr_list", "footnotes", "md_in_html", "smarty", "tables", "toc"),
    *("pymdownx.details", "pipeline.markup"),
]


def html(markdown: str, extensions: list[str] = EXTENSIONS) -> str:
    return Markdown(extensions=extensions).convert(markdown)


def page(markdown: str) -> BeautifulSoup:
    return BeautifulSoup(html(markdown), "html.parser")
