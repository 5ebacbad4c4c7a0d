"""What there is on the site, listed: for those who follow it, for language models, for search engines.

Each is a template in ``docs/``, where engines find what pages link to and copy it as it stands; here it is written anew.
"""

from __future__ import annotations

from datetime import UTC, datetime, time
from email.utils import format_datetime
from functools import partial

from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape

from pipeline.finish import metadata, previews
from pipeline.finish.site import Site
from pipeline.write.parts import Part

TEMPLATES = ("feed.xml", "llms.txt", "robots.txt")


def write(site: Site) -> None:
    """Write them into the site. Its previews are drawn by then, or are drawn now."""
    environment = Environment(
        loader=FileSystemLoader(site.root / "docs"),
        undefined=StrictUndefined,
        autoescape=select_autoescape(["xml"]),
        trim_blocks=True,
        keep_trailing_newline=True,
    )
    listed = {*site.articles, *(part.page for part in site.parts)}
    for name in TEMPLATES:
        text = environment.get_template(name).render(
            site=site,
            others=[page for page in site.pages.values() if page.source.endswith(".md") and page.source not in listed],
            description=partial(metadata.description, site=site),
            preview=partial(previews.of, site=site),
            published=published,
        )
        site.write(name, text.encode())


def published(part: Part) -> str:
    """When a part appeared, as RSS writes it."""
    return format_datetime(datetime.combine(part.meta["date"], time(), UTC))
