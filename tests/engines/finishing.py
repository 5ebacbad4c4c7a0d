"""What the hook has `pipeline.finish` do to MkDocs's HTML, done to Zensical's."""

from __future__ import annotations

import json
from pathlib import Path

from mkdocs.config import load_config

from pipeline import mkdocs_hook
from pipeline.finish import feeds, search
from pipeline.finish.page import finish
from pipeline.finish.site import Page, Site
from tests.engines.content import Site as Built


def finish_site(root: Path, output: Path) -> None:
    """Give each page its head, its mends and its policy, the search each claim, and the site its feed."""
    built = Built(output)
    site = _site(root, built)
    index = output / "search.json"
    found = json.loads(index.read_text("utf-8"))
    for page in site.pages.values():
        address = site.address(page.source)
        if about := site.articles.get(page.source):
            entries = search.entries(about[0], address, built.article(address).html or "")
            found["items"] += [{**entry, "level": 2, "path": []} for entry in entries]
        path = output / address / "index.html"
        path.write_text(finish(path.read_text("utf-8"), site, page), encoding="utf-8")
    index.write_text(json.dumps(found), encoding="utf-8")
    feeds.write(site)


def _site(root: Path, built: Built) -> Site:
    """The site in plain values. A full run goes by its notebook, though Zensical reads the Markdown beside it."""
    config = load_config(str(root / "mkdocs.yml"))
    book, others = mkdocs_hook.published(root / "mkdocs.yml")
    addresses = {source: _address(source) for source in (*book.pages, *others)}
    pages = [
        Page(uri, str(page.meta["title"]), str(page.meta.get("description", ""))) for uri, page in book.pages.items()
    ]
    runs = [Page(uri, built.title(address), "") for uri, address in addresses.items() if uri.endswith("/run.ipynb")]
    return Site(
        name=config.site_name,
        description=config.site_description or "",
        root=root,
        output=built.folder,
        addresses=addresses,
        pages={page.source: page for page in pages + runs},
        parts=book.shared.parts,
    )


def _address(source: str) -> str:
    """Where Zensical puts a file of ``docs/``, as MkDocs does."""
    page, ending = source.rsplit(".", 1) if "." in source else (source, "")
    return f"{page}/".removesuffix("index/") if ending == "md" or page.endswith("/run") else source
