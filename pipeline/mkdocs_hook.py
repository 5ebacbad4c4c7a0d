"""What MkDocs calls. `mkdocs build` runs what is stale, checks every name, and replaces the site only by a whole one;
`mkdocs serve` shows what is wrong on the page that it concerns, and stays alive."""

from __future__ import annotations

import logging
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))  # MkDocs loads this file by its path alone

from jinja2 import FileSystemBytecodeCache
from mkdocs.exceptions import BuildError
from mkdocs.plugins import event_priority
from mkdocs.utils import get_relative_url

from pipeline.finish import access, dress, search, site
from pipeline.finish import csp as policy
from pipeline.finish import minify as lighten
from pipeline.finish.metadata import Machines
from pipeline.problem import Problem
from pipeline.run.outputs import Outputs
from pipeline.write import glossary, mathml
from pipeline.write.pages import concept_of, measure
from pipeline.write.references import Citations
from pipeline.write.references import read as read_references

if TYPE_CHECKING:
    from jinja2 import Environment
    from mkdocs.config.defaults import MkDocsConfig
    from mkdocs.structure.files import Files
    from mkdocs.structure.pages import Page

NOTEBOOK_STYLES = "assets/notebook.css"
build = site.Build()
fence = dress.Fence()
terms = glossary.Glossary(Path(__file__).resolve().parent.parent / "docs")


def on_startup(command: str, **_: Any) -> None:
    build.serving = command == "serve"
    # Not --quiet, which hides warnings from strict mode too.
    for name in ("mkdocs.plugins.mkdocs_macros", "mkdocs.plugins.mkdocs_jupyter", "mkdocs.mkdocs-jupyter"):
        logging.getLogger(name).setLevel(logging.WARNING)


@event_priority(100)  # before the macros read their own
def on_config(config: MkDocsConfig) -> None:
    docs = Path(config.config_file_path).parent / "docs"  # from whichever folder MkDocs was called
    config.mdx_configs["pymdownx.snippets"]["base_path"] = [str(docs / "generated")]
    config.plugins["macros"].config["include_dir"] = str(docs / "templates")
    python = {"name": "python", "class": "highlight", "format": fence}
    config.mdx_configs.setdefault("pymdownx.superfences", {})["custom_fences"] = [python]
    terms.docs = docs
    config.markdown_extensions.append(terms)  # type: ignore[arg-type]  # Markdown takes more than names
    if build.serving:
        config.plugins["macros"].config["on_error_fail"] = False  # it would end the server
        config.validation.links.anchors = logging.INFO  # a page that waits to be mended has none to be linked to
    else:
        build.stage(config)


def on_pre_build(config: MkDocsConfig) -> None:
    try:
        problems = build.prepare(Path(config.config_file_path).parent)
    except Problem as problem:  # nothing can be written here
        problems = str(problem)
    if problems:
        raise BuildError(f"the site was not built.\n\n{problems}\n")


def on_env(env: Environment, config: MkDocsConfig, files: Files) -> None:
    """Keep the theme's compiled templates from one build to the next: a fifth of a warm build. And all pages are read
    by now: say of each what programs are told."""
    folder = Path(config.config_file_path).parent / ".cache" / "templates"
    folder.mkdir(parents=True, exist_ok=True)
    env.bytecode_cache = FileSystemBytecodeCache(str(folder))
    macros: Any = config.plugins["macros"]
    parts = [] if build.blocked else macros.macros["parts"]()
    config.extra["machines"] = machines = Machines(config, parts, files)
    for page in [file.page for file in files.documentation_pages() if file.page]:
        page.meta["machines"] = machines.about(page)


def on_page_read_source(page: Page, **_: Any) -> str | None:
    return build.instead_of(page.file.src_uri)


@event_priority(-100)  # after the macros
def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, **_: Any) -> str:
    if _is_notebook(page):
        page.meta["search"] = {"exclude": True}  # the article says the same, and is the one to find
    else:
        root = Path(config.config_file_path).parent
        terms.source = page.file.src_uri
        fence.seconds = Outputs(root, concept_of(page.file.src_uri)).seconds
        known = read_references(root)
        markdown = Citations(known, first=str(page.meta.get("reference", ""))).resolve(markdown)
    return build.above(page.file.src_uri) + markdown


def on_page_content(html: str, page: Page, config: MkDocsConfig, **_: Any) -> str:
    if not _is_notebook(page):
        html = search.without_noise(dress.page(mathml.in_article(html)))
        page.meta["lengths"] = measure(html)
        return _with_lengths(html, page)
    html, styles = lighten.notebook(mathml.in_notebook(lighten.code(html)))
    site.write(Path(config.site_dir, NOTEBOOK_STYLES), styles)
    return f'<link rel="stylesheet" href="{get_relative_url(NOTEBOOK_STYLES, page.url)}">\n{html}'


def on_page_context(_: Any, page: Page, config: MkDocsConfig, **__: Any) -> None:
    """Each claim is found by itself, as are the headings."""
    if found := config.extra["machines"].concepts.get(page.file.src_uri):
        finder: Any = config.plugins["material/search"]
        finder.search_index.entries += search.entries(found[0], page.url, page.content or "")


def on_template_context(context: dict[str, Any], config: MkDocsConfig, **_: Any) -> None:
    context["machines"] = config.extra["machines"]  # for the feed and its like


def on_post_template(output_content: str, template_name: str, **_: Any) -> str:
    return _finished(output_content) if template_name.endswith(".html") else output_content


def on_post_page(output: str, page: Page, config: MkDocsConfig) -> str:
    """Beside each page its Markdown, macros and includes resolved: what the tests run and programs read."""
    if not _is_notebook(page):
        path = Path(page.file.abs_dest_path).with_suffix(".md")
        markdown = _with_lengths(page.markdown or "", page).replace(f" {search.EXCLUDED}", "")
        site.write(path, site.expand(markdown, config))
    return _finished(output)


def on_post_build(**_: Any) -> None:
    build.finish(whole=True)


def on_build_error(**_: Any) -> None:  # strict mode, too, comes here after on_post_build
    build.finish(whole=False)


def on_shutdown() -> None:
    build.close()


def _finished(html: str) -> str:
    """The whole page as it is sent. While it is served, it may also run what reloads it."""
    html = access.mend(lighten.page(html))
    return html if build.serving else policy.in_page(html)


def _with_lengths(text: str, page: Page) -> str:
    for place, length in page.meta["lengths"].items():
        text = text.replace(place, length)
    return text


def _is_notebook(page: Page) -> bool:
    return page.file.src_uri.endswith(".ipynb")
