"""From the HTML of an engine to the page that is sent."""

from __future__ import annotations

from pipeline.finish import csp, head, html, notebook
from pipeline.finish.site import Page, Site


def finish(markup: str, site: Site, page: Page | None = None, *, served: bool = False) -> str:
    """A whole page, finished. ``page`` is none for what has no source, as the page that says there is no such page;
    ``served`` says that the engine will put a script of its own into it, which a policy would forbid.

    Draws the page's preview into the site. Raises ``Problem`` for a link within a notebook that leads nowhere.
    """
    tree = html.parse(markup)
    html.mend(tree)
    if page:
        if page.source.endswith(".ipynb"):
            notebook.finish(tree, page, site)
        head.complete(tree, page, site)
    if not served:
        csp.protect(tree)
    return html.serialise(tree)
