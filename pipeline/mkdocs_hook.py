"""How MkDocs calls the rooms: the only file that knows it.

`mkdocs build` runs what is stale, writes every page, and changes over to the new site only if all is well.
`mkdocs serve` shows what is wrong on the page that it concerns, and stays alive.
"""

from __future__ import annotations

import html
import logging
import os
import socket
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))  # MkDocs loads this file by its path alone

from jinja2 import FileSystemBytecodeCache
from mkdocs.config import load_config
from mkdocs.exceptions import BuildError
from mkdocs.plugins import CombinedEvent, event_priority
from mkdocs.structure.files import InclusionLevel, get_files, set_exclusions
from mkdocs.structure.nav import get_navigation

from pipeline.finish import feeds, previews, search
from pipeline.finish import page as finishing
from pipeline.finish.changeover import Changeover
from pipeline.finish.site import Page as SitePage
from pipeline.finish.site import Site
from pipeline.mkdocs_memory import Memory
from pipeline.problem import Problem, report
from pipeline.run.lock import acquire
from pipeline.run.schedule import forget_others, run, why_stale
from pipeline.run.snippet import Snippet, find
from pipeline.write.book import Book, Written
from pipeline.write.sources import Source

if TYPE_CHECKING:
    from jinja2 import Environment
    from mkdocs.config.defaults import MkDocsConfig
    from mkdocs.structure.files import Files
    from mkdocs.structure.nav import Navigation
    from mkdocs.structure.pages import Page


T = TypeVar("T")


class Build:
    """What lasts from one event to the next and, under `mkdocs serve`, from one build to the next."""

    def __init__(self) -> None:
        self.serving = self.whole = False
        self.lock: Any = None
        self.config: MkDocsConfig | None = None
        self.changeover: Changeover | None = None
        self.failures: dict[str, Problem] = {}  # of this build's runs, by concept
        self.failed: dict[str, tuple[dict[str, str], Problem]] = {}  # by concept: the key that failed, and how
        self.book: Book | None = None
        self.written: dict[str, Written] = {}
        self.site: Site | None = None
        self.content = ""  # of the page that is being laid out
        self.memory = Memory()

    def run(self, root: Path) -> None:
        """Run what is stale. A snippet that failed while serving is not run again until it is changed."""
        snippets = find(root)
        forget_others(root, {snippet.concept for snippet in snippets})
        self.failures, stale = {}, list[Snippet]()
        for snippet in snippets:
            key, problem = self.failed.get(snippet.concept, ({}, None))
            reason = why_stale(snippet)
            if reason and self.serving and problem and key == snippet.key():
                self.failures[snippet.concept] = problem
            elif reason:
                print(f"{snippet.concept}: {reason}", file=sys.stderr)
                stale.append(snippet)
        keys = {snippet.concept: snippet.key() for snippet in stale}  # of what is run, whatever is saved meanwhile
        for snippet, problem in run(stale):
            self.failures[snippet.concept] = problem
            self.failed[snippet.concept] = keys[snippet.concept], problem
        if self.failures and not self.serving:
            raise _stopped(self.failures.values())

    def write(self, book: Book) -> None:
        """Write every page. Built, all that is wrong stops it; served, it is told, and shown on its page."""
        self.book, self.written = book, dict(book.write())
        told = book.problems
        if told and not self.serving:
            raise _stopped(told)
        by_concept = {book.pages[uri].source.concept: uri for uri in self.written}
        for concept, problem in self.failures.items():
            told.append(problem)
            if uri := by_concept.get(concept):
                page = self.written[uri]
                # With the numbers of an earlier run the page can still be read; without, the problem stands in its place.
                again = [problem, *page.failing] if book.pages[uri].outputs.record else page.failing
                problems = page.problems if book.pages[uri].outputs.record else [problem]
                self.written[uri] = Written(page.markdown, problems, again)
        if told:
            print(report(told), file=sys.stderr)

    def release(self) -> None:
        if self.lock is not None:
            self.lock.release()


HIDDEN = (InclusionLevel.EXCLUDED, InclusionLevel.DRAFT)
build = Build()


def on_startup(command: str, **_: Any) -> None:
    build.serving = command == "serve"
    # Not --quiet, which hides warnings from strict mode too.
    for name in ("mkdocs.plugins.mkdocs_jupyter", "mkdocs.mkdocs-jupyter"):
        logging.getLogger(name).setLevel(logging.WARNING)


def on_config(config: MkDocsConfig) -> None:
    if build.serving and build.config is None:
        _told(lambda: _check_free(*config.dev_addr))
    build.config = config
    if build.serving:
        config.validation.links.anchors = logging.INFO  # a page that waits to be mended has none to be linked to
    else:
        build.changeover = Changeover(Path(config.site_dir))
        config.site_dir = str(build.changeover.new)
    if "pipeline.markup" not in config.markdown_extensions:
        config.mdx_configs["pipeline.markup"] = {"kept": str(_root(config) / ".cache" / "highlighted")}
        config.markdown_extensions.append("pipeline.markup")  # when mkdocs.yml is read, it cannot be found yet


def on_pre_build(config: MkDocsConfig) -> None:
    root = _root(config)
    build.lock = _told(lambda: acquire(root))
    if build.changeover:
        _told(build.changeover.begin)
    _told(lambda: build.run(root))


@event_priority(-100)  # after all plugins, as below
def on_files(files: Files, **_: Any) -> None:
    there = (file for file in files if file.abs_src_path and file.inclusion not in HIDDEN)
    lost = [file for file in there if not os.access(str(file.abs_src_path), os.R_OK)]
    todo = "Is it a link that leads nowhere? Mend or delete it."
    told = [Problem("This file cannot be read.", f"docs/{file.src_uri}", todo=todo) for file in lost]
    if told and not build.serving:
        raise _stopped(told)
    for file in lost:
        files.remove(file)
    if told:
        print(report(told), file=sys.stderr)


@event_priority(-100)  # after all plugins: the pages are those that MkDocs goes on with
def on_nav(nav: Navigation, config: MkDocsConfig, files: Files) -> None:
    _told(lambda: build.write(_book(nav, config, files)))


def on_pre_page(page: Page, **_: Any) -> None:
    if build.serving:
        vars(page)["render"] = partial(build.memory.render, page, page.render)  # as mkdocs-jupyter does


def on_page_read_source(page: Page, **_: Any) -> str | None:
    if not (written := build.written.get(page.file.src_uri)):
        return None
    if written.problems:
        return _notice(written.problems)
    if written.failing:
        front_matter, end, text = written.markdown.partition("\n---\n")
        return f"{front_matter}{end}{_notice(written.failing)}{text}"
    return written.markdown


def on_page_markdown(_: str, page: Page, **__: Any) -> None:
    if _is_notebook(page):
        page.meta["search"] = {"exclude": True}  # the article says the same, and is the one to find


def on_env(env: Environment, config: MkDocsConfig, files: Files) -> None:
    """All pages are rendered by now: what there is on the site is known."""
    # The theme's compiled templates, from one build to the next: a fifth of a warm build.
    folder = _root(config) / ".cache" / "templates"
    folder.mkdir(parents=True, exist_ok=True)
    env.bytecode_cache = FileSystemBytecodeCache(str(folder))
    build.site = _site(config, files)
    pages = [file.page for file in files.documentation_pages() if file.page]
    # mkdocs-material 9.8.1 puts these into attributes as they stand.
    config.site_description, config.site_author = _escaped(config.site_description), _escaped(config.site_author)
    for page in pages:
        page.meta.update({name: _escaped(page.meta[name]) for name in ("description", "author") if name in page.meta})
    if build.serving:
        build.memory.look(pages, _around(config))


@event_priority(
    100
)  # before the search reads it: what it is not to find, most of the tags of an article, costs it a second
def _on_page_context_before(_: Any, page: Page, **__: Any) -> None:
    build.content = page.content or ""
    page.content = "" if page.file.src_uri in build.memory.same else search.to_be_found(build.content)


def _on_page_context(_: Any, page: Page, config: MkDocsConfig, **__: Any) -> None:
    """Each claim is found by itself, as are the headings."""
    assert build.site
    finder: Any = config.plugins["material/search"]
    if page.file.src_uri in build.memory.same:
        return build.memory.index(page, finder.search_index.entries)
    page.content = search.without_marks(build.content)
    if found := build.site.articles.get(page.file.src_uri):
        finder.search_index.entries += search.entries(found[0], page.url, page.content or "")
    build.memory.index(page, finder.search_index.entries)


on_page_context = CombinedEvent(_on_page_context_before, _on_page_context)


def on_post_template(output_content: str, template_name: str, **_: Any) -> str:
    return _finished(output_content) if template_name.endswith(".html") else output_content


def on_post_page(output: str, page: Page, **_: Any) -> str:
    """Beside each page its Markdown, as it was written: what the tests run and programs read."""
    assert build.site
    here = build.site.pages[page.file.src_uri]
    if not _is_notebook(page):
        path = build.site.file(build.site.markdown(here))
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(build.written[page.file.src_uri].markdown, encoding="utf-8")
    if kept := build.memory.same.get(page.file.src_uri):
        previews.of(here, build.site)
        return kept.output
    return build.memory.keep(page, _finished(output, here))


def on_post_build(**_: Any) -> None:
    site = build.site
    assert site
    _told(lambda: feeds.write(site))
    build.whole = True
    if build.serving:
        build.release()


def on_build_error(**_: Any) -> None:  # strict mode, too, comes here after on_post_build
    build.whole = False
    if build.serving:
        build.release()


def on_shutdown() -> None:
    """The end of the process: change over to the new site if it is whole, else drop it."""
    try:
        if build.changeover and build.config:
            build.config.site_dir = str(build.changeover.site)  # `mkdocs gh-deploy` goes on with it
            (build.changeover.complete if build.whole else build.changeover.abandon)()
    except Problem as problem:
        print(problem, file=sys.stderr)
        sys.exit(1)
    finally:
        build.release()


# -- what the rooms are told, in their words -------------------------------------------------------------------------


def published(file: Path) -> tuple[Book, dict[str, Path]]:
    """The pages that MkDocs finds by this configuration; and by their addresses all other files that it publishes."""
    config = load_config(str(file))
    files = get_files(config)
    set_exclusions(files, config)
    made = _book(get_navigation(files, config), config, files)
    others = (
        file for file in files if file.inclusion not in HIDDEN and file.src_uri not in (*made.pages, *feeds.TEMPLATES)
    )
    return made, {file.src_uri: Path(str(file.abs_src_path)) for file in others}


def _check_free(host: str, port: int) -> None:
    """Raise ``Problem`` if another program listens there, before anything is built for it."""
    with socket.socket() as ours:
        ours.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            ours.bind((host, port))
        except OSError as error:
            what = f"There can be no server on port {port} of {host}: {error.strerror}."
            raise Problem(what, todo="Is it in use? Name another: mkdocs serve --dev-addr 127.0.0.1:8001") from None


def _around(config: MkDocsConfig) -> tuple[int, ...]:
    """When what every page depends on was last changed."""
    files = [Path(config.config_file_path), *(_root(config) / "theme").rglob("*")]
    return tuple(path.stat().st_mtime_ns for path in files)


def _root(config: MkDocsConfig) -> Path:
    return Path(config.config_file_path).parent


def _book(nav: Navigation, config: MkDocsConfig, files: Files) -> Book:
    return Book(_root(config), list(_sources(nav, files)), config.repo_url or "", build.book)


def _sources(nav: Navigation, files: Files) -> Iterator[Source]:
    """The pages in the order of the navigation, then the others. Raises ``Problem`` if one cannot be read."""
    for page in nav.pages:
        if not page.file.is_documentation_page():
            what = f"docs/{page.file.src_uri} is no page, and cannot be in the navigation."
            raise Problem(what, "mkdocs.yml", todo="Link to it from a page, or name a page in its place.")
    inclusion = InclusionLevel.is_in_serve if build.serving else InclusionLevel.is_included
    listed = {page.file.src_uri: page.file for page in nav.pages}
    for uri, file in (listed | {f.src_uri: f for f in files.documentation_pages(inclusion=inclusion)}).items():
        if not uri.endswith(".ipynb"):
            yield Source(uri, file.content_bytes)


def _site(config: MkDocsConfig, files: Files) -> Site:
    pages = [file.page for file in files.documentation_pages() if file.page]
    return Site(
        name=config.site_name,
        description=config.site_description or "",
        root=_root(config),
        output=Path(config.site_dir),
        addresses={file.src_uri: file.url.removeprefix("./") for file in files if file.inclusion not in HIDDEN},
        url=config.site_url or "",
        pages={page.file.src_uri: _described(page) for page in pages},
        parts=build.book.shared.parts if build.book else [],
    )


def _described(page: Page) -> SitePage:
    """Its title is that of its window: in the navigation it may be shorter."""
    own = page.meta.get("title") or (not page.is_homepage and page.title)
    name = build.config.site_name if build.config else ""
    return SitePage(page.file.src_uri, str(own or name), str(page.meta.get("description") or ""))


def _escaped(text: object) -> str:
    return html.escape(str(text or ""))


def _is_notebook(page: Page) -> bool:
    return page.file.src_uri.endswith(".ipynb")


def _finished(output: str, page: SitePage | None = None) -> str:
    assert build.site
    try:
        return finishing.finish(output, build.site, page, served=build.serving)
    except Problem as problem:
        if not build.serving:
            raise _stopped([problem]) from None
        print(problem, file=sys.stderr)
        return output


def _notice(problems: Sequence[Problem]) -> str:
    """What stands in a page's place, or above it, while `mkdocs serve` waits for these to be mended."""
    title = '<p class="admonition-title">This page waits to be mended</p>'
    text = html.escape(report(problems))
    return f'<div class="admonition failure problem" role="alert">{title}<pre>{text}</pre></div>\n\n'


def _stopped(problems: Iterable[Problem]) -> BuildError:
    return BuildError(f"the site was not built.\n\n{report(problems)}\n")


def _told(do: Callable[[], T]) -> T:
    """What ``do`` gives; a problem ends the build with its sentence."""
    try:
        return do()
    except Problem as problem:
        raise _stopped([problem]) from None
