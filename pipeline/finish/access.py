"""What the theme leaves out for people who have no mouse or see no screen, and for validators of HTML."""

from __future__ import annotations

import re

REPLACED = (
    (re.compile(r'(<div class="md-search" data-md-component="search" role="dialog")>'), r'\1 aria-label="Search">'),
    (re.compile(r'(<input class="md-toggle"[^>]*) autocomplete="off"'), r"\1"),  # not for a box to be ticked
    (re.compile(r'(<label class="md-nav__link"[^>]*) tabindex="">'), r"\1>"),
    # A file that is offered to be downloaded is downloaded, whatever type the host gives it.
    (re.compile(r'<a (href="[^":]*\.(?:py|ipynb|bib)")>'), r"<a \1 download>"),
    # Of a notebook's cells only the code that does not fit can be scrolled, and docs/assets/access.js sees to that.
    (re.compile(r'(<div class="jp-[^>]*) tabindex="0"'), r"\1"),
    (re.compile(r'<clipboard-copy ,="" aria-label='), '<clipboard-copy role="button" tabindex="0" aria-label='),
)  # fmt: skip


def mend(html: str) -> str:
    """A finished page with what was missing."""
    for wrong, right in REPLACED:
        html = wrong.sub(right, html)
    if 'id="__toc"' not in html:  # a notebook page without contents keeps their title
        html = html.replace(' for="__toc"', "")
    return html
