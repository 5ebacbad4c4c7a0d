"""How MkDocs calls the rooms: the only file that knows it.

`mkdocs build` runs what is stale, writes every page, and changes over to the new site only if all is well.
`mkdocs serve` shows what is wrong on the page that it concerns, and stays alive.
"""

from __future__ import annotations

import html
import logging
import os
import signal
import socket
import sys
from collections.abc import Hashable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))  # MkDocs loads this file by its path alone

from jinja2 import Environment, FileSystemBytecodeCache
from mkdocs.config import load_config
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.exceptions import BuildError
from mkdocs.plugins import CombinedEvent, event_priority
from mkdocs.structure.files import Files, InclusionLevel, get_files, set_exclusions
from mkdocs.structure.nav import Navigation, get_navigation
from mkdocs.structure.pages import Page

from pipeline.finish import feeds, notebook, previews, search
from pipeline.finish import site as finished
from pipeline.finish.changeover import Changeover
from pipeline.finish.page import finish
from pipeline.problem import Problem, report
from pipeline.run.lock import acquire
from pipeline.run.schedule import forget_others, run, why_stale
from pipeline.run.snippet import Snippet, find
from pipeline.serve_memory import Memory
from pipeline.write.book import Book
from pipeline.write.sources import Source


@dataclass
class Build:
    """What lasts from one event to the next and, under `mkdocs serve`, from one build to the next."""

    serving: bool = False
    whole: bool = False
    lock: Any = None
    config: MkDocsConfig | None = None
    changeover: Changeover | None = None
    failed: dict[str, tuple[dict[str, str], Problem]] = field(default_factory=dict)  # by concept: the key, and how
    book: Book | None = None
    site: finished.Site | None = None
    problems: list[Problem] = field(default_factory=list)  # found while pages are finished
    content: str = ""  # of the page that is being laid out
    memory: Memory = field(default_factory=Memory)

    def end(self, whole: bool) -> None:
        """Served, the next one can begin; else not before the sites have changed places."""
        self.whole = whole
        if self.serving:
            self.release()

    def release(self) -> None:
        if self.lock:
            self.lock.release()


HIDDEN = (InclusionLevel.EXCLUDED, InclusionLevel.DRAFT)
build = Build()


@contextmanager
def _told() -> Iterator[None]:
    """A problem ends the build with its sentence."""
    try:
        yield
    except Problem as problem:
        raise _stopped([problem]) from None


# -- what MkDocs calls, in this order --------------------------------------------------------------------------------


def on_startup(command: str, dirty: bool = False, **_: Any) -> None:
    """The process begins: it builds once, or serves."""
    build.serving = command == "serve"
    if build.serving:
        signal.signal(signal.SIGTERM, signal.default_int_handler)  # so that MkDocs clears up behind itself
    elif dirty:
        todo = "Each is whole, and takes as long: leave out --dirty."
        raise _stopped([Problem("There is no dirty build of this site.", todo=todo)])
    # Not --quiet, which hides warnings from strict mode too.
    for name in ("mkdocs.plugins.mkdocs_jupyter", "mkdocs.mkdocs-jupyter"):
        logging.getLogger(name).setLevel(logging.WARNING)


@_told()
def on_config(config: MkDocsConfig) -> None:
    """mkdocs.yml has been read: the site is made beside the one that is there, with our own markup."""
    if build.serving and build.config is None:
        _check_free(*config.dev_addr)
    build.config = config
    if build.serving:
        config.validation.links.anchors = logging.INFO  # a page that waits to be mended has none to be linked to
    else:
        _check_apart(Path(config.site_dir).resolve(), _root(config).resolve())
        build.changeover = Changeover(Path(config.site_dir))
        config.site_dir = str(build.changeover.new)
    if "pipeline.markup" not in config.markdown_extensions:
        config.mdx_configs["pipeline.markup"] = {"kept": str(_root(config) / ".cache" / "highlighted")}
        config.markdown_extensions.append("pipeline.markup")  # when mkdocs.yml is read, it cannot be found yet


@_told()
def on_pre_build(config: MkDocsConfig) -> None:
    """Before MkDocs touches a file: wait for other builds, then run what is stale."""
    build.lock = acquire(_root(config))
    if build.changeover:
        build.changeover.begin()
    _run(_root(config))


@event_priority(-100)  # after all plugins, as below
def on_files(files: Files, **_: Any) -> None:
    """All files are known: those that cannot be read would end the server."""
    there = (file for file in files if file.abs_src_path and file.inclusion not in HIDDEN)
    lost = [file for file in there if not os.access(str(file.abs_src_path), os.R_OK)]
    todo = "Is it a link that leads nowhere? Mend or delete it."
    _tell([Problem("This file cannot be read.", f"docs/{file.src_uri}", todo=todo) for file in lost])
    for file in lost:
        files.remove(file)


@event_priority(-100)  # after all plugins: the pages are those that MkDocs goes on with
@_told()
def on_nav(nav: Navigation, config: MkDocsConfig, files: Files) -> None:
    """All pages are known: write them."""
    build.book = _book(nav, config, files)
    build.book.write()
    _tell(build.book.problems)
    build.memory.begin((build.book.common, *_around(config, files)))


def on_pre_page(page: Page, **_: Any) -> None:
    """A page is about to be read: what was rendered of it before is remembered."""
    vars(page)["render"] = partial(build.memory.render, page, page.render)  # as mkdocs-jupyter does


def on_page_read_source(page: Page, **_: Any) -> str | None:
    """In place of what stands in the file, the page as it was written; served, with what is wrong with it."""
    assert build.book
    if not (written := build.book.written.get(page.file.src_uri)):
        return None
    instead, above = written.problems, written.failing
    about = build.book.pages[page.file.src_uri]
    if about.source.concept in build.failed:
        _, problem = build.failed[about.source.concept]
        # With the numbers of an earlier run the page can still be read; without, the problem stands in its place.
        instead, above = (instead, [problem, *above]) if about.outputs.record else ([problem], [])
    if instead:
        return _notice(instead)
    front_matter, end, text = written.markdown.partition("\n---\n")
    return f"{front_matter}{end}{_notice(above) if above else ''}{text}"


def on_page_markdown(_: str, page: Page, **__: Any) -> None:
    """A full run is not for the search: the article says the same, and is the one to find."""
    if page.file.src_uri.endswith(".ipynb"):
        page.meta["search"] = {"exclude": True}


def on_env(env: Environment, config: MkDocsConfig, files: Files) -> None:
    """All pages are rendered: what there is on the site is known, and they are about to be laid out."""
    # The theme's compiled templates, from one build to the next: a fifth of a warm build.
    folder = _root(config) / ".cache" / "templates"
    folder.mkdir(parents=True, exist_ok=True)
    env.bytecode_cache = FileSystemBytecodeCache(str(folder))
    pages = [file.page for file in files.documentation_pages() if file.page]
    build.site, build.problems = _site(config, files, pages), []
    # mkdocs-material 9.8.1 puts these into attributes as they stand.
    for said in (config, *(page.meta for page in pages)):
        for name in ("site_description", "site_author", "description", "author"):
            if said.get(name):
                said[name] = html.escape(str(said[name]))
    build.memory.look(pages)


@event_priority(100)
def _before_the_search(_: Any, page: Page, **__: Any) -> None:
    """What the search is not to find, most of the tags of an article, costs it a second."""
    build.content = page.content or ""
    if page.file.src_uri not in build.memory.same:
        page.content = search.to_be_found(build.content)


def _after_the_search(_: Any, page: Page, config: Any, **__: Any) -> None:
    """Each claim is found by itself, as are the headings."""
    assert build.site
    page.content = build.content
    found = config.plugins["material/search"].search_index.entries
    if kept := build.memory.same.get(page.file.src_uri):
        found += kept.entries
    elif article := build.site.articles.get(page.file.src_uri):
        found += search.entries(article[0], page.url, page.content)


on_page_context = CombinedEvent(_before_the_search, _after_the_search)  # a page is about to be laid out


def on_post_template(output_content: str, template_name: str, **_: Any) -> str:
    """A page without a source has been laid out: finish it."""
    assert build.site
    if not template_name.endswith(".html"):
        return output_content
    return finish(output_content, build.site, served=build.serving)


def on_post_page(output: str, page: Page, config: Any) -> str:
    """A page has been laid out: finish it. Beside it, its Markdown as it was written, which the tests run and programs read."""
    assert build.site
    assert build.book
    here = build.site.pages[page.file.src_uri]
    if written := build.book.written.get(page.file.src_uri):
        build.site.write(build.site.markdown(here), written.markdown.encode())
    if kept := build.memory.same.get(page.file.src_uri):
        previews.of(here, build.site)
        return kept.output
    try:
        output = finish(output, build.site, here, served=build.serving)
    except Problem as problem:
        build.problems.append(problem)  # and is found each time
    else:
        build.memory.keep(page, output, config.plugins["material/search"].search_index.entries)
    return output


@_told()
def on_post_build(**_: Any) -> None:
    """All pages are there: add what belongs to none. Strict mode may yet refuse the site."""
    assert build.site
    _tell(build.problems)
    notebook.write_styles(build.site)
    feeds.write(build.site)
    build.end(whole=True)


def on_build_error(**_: Any) -> None:
    """The build has failed: strict mode, too, comes here after on_post_build."""
    build.end(whole=False)


def on_shutdown() -> None:
    """The process ends: change over to the new site if it is whole, else drop it."""
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
    known = {*made.pages, *feeds.TEMPLATES}
    others = (file for file in files if file.inclusion not in HIDDEN and file.src_uri not in known)
    return made, {file.src_uri: Path(str(file.abs_src_path)) for file in others}


def _check_apart(site: Path, root: Path) -> None:
    """Raise ``Problem`` if the site would take the place of what it is made from."""
    for kept in (".git", ".venv", "docs", "pipeline", "snippets", "tests", "theme"):
        if (root / kept).is_relative_to(site) or site.is_relative_to(root / kept):
            what = f"The site cannot be made in {site.name}/: {kept}/ is kept there, and would be deleted."
            raise Problem(what, "mkdocs.yml", todo="Name another folder in `site_dir`.")


def _check_free(host: str, port: int) -> None:
    """Raise ``Problem`` if another program listens there, before anything is built for it."""
    with socket.socket() as ours:
        ours.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            ours.bind((host, port))
        except (OSError, OverflowError) as error:
            what = f"There can be no server on port {port} of {host}: {getattr(error, 'strerror', error)}."
            raise Problem(what, todo="Is it in use? Name another: mkdocs serve --dev-addr 127.0.0.1:8001") from None


def _run(root: Path) -> None:
    """Run what is stale. A snippet that failed while serving is not run again until it is changed."""
    snippets = find(root)
    forget_others(root, {snippet.concept for snippet in snippets})
    before, build.failed = build.failed, {}
    stale: dict[Snippet, dict[str, str]] = {}  # with their keys, whatever is saved while they run
    for snippet in snippets:
        if reason := why_stale(snippet):
            key = snippet.key()
            if snippet.concept in before and before[snippet.concept][0] == key:
                build.failed[snippet.concept] = before[snippet.concept]
            else:
                print(f"{snippet.concept}: {reason}", file=sys.stderr)
                stale[snippet] = key
    build.failed |= {snippet.concept: (stale[snippet], problem) for snippet, problem in run(list(stale))}
    _tell([problem for _, problem in build.failed.values()])


def _root(config: MkDocsConfig) -> Path:
    return Path(config.config_file_path).parent


def _around(config: MkDocsConfig, files: Files) -> Iterator[Hashable]:
    """What every page depends on beside what is written."""
    for path in (*sorted(_root(config).glob("*.yml")), *sorted((_root(config) / "theme").rglob("*"))):
        yield path, path.lstat().st_mtime_ns
    yield from ((file.src_uri, file.url, file.inclusion) for file in files)


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


def _site(config: MkDocsConfig, files: Files, pages: Iterable[Page]) -> finished.Site:
    return finished.Site(
        name=config.site_name,
        description=config.site_description or "",
        root=_root(config),
        output=Path(config.site_dir),
        addresses={file.src_uri: file.url.removeprefix("./") for file in files if file.inclusion not in HIDDEN},
        url=config.site_url or "",
        pages={page.file.src_uri: _described(page, config) for page in pages},
        parts=build.book.shared.parts if build.book else [],
        styles=build.site.styles if build.site else {},
    )


def _described(page: Page, config: MkDocsConfig) -> finished.Page:
    """Its title is that of its window: in the navigation it may be shorter."""
    title = page.meta.get("title") or (not page.is_homepage and page.title) or config.site_name
    return finished.Page(page.file.src_uri, str(title), str(page.meta.get("description") or ""))


def _notice(problems: Sequence[Problem]) -> str:
    """What stands in a page's place, or above it, while `mkdocs serve` waits for these to be mended."""
    title = '<p class="admonition-title">This page waits to be mended</p>'
    text = html.escape(report(problems))
    return f'<div class="admonition failure problem" role="alert">{title}<pre>{text}</pre></div>\n\n'


def _tell(problems: Sequence[Problem]) -> None:
    """Built, what is wrong stops the build; served, it is told."""
    if problems and not build.serving:
        raise _stopped(problems)
    if problems:
        print(report(problems), file=sys.stderr)


def _stopped(problems: Iterable[Problem]) -> BuildError:
    return BuildError(f"the site was not built.\n\n{report(problems)}\n")
