"""What must be true of the built site. Each guard returns what it found wrong, as text; nothing found, nothing wrong."""

from __future__ import annotations

import gzip
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from urllib.parse import unquote, urlsplit

from bs4 import BeautifulSoup, Tag

from tests import codeblocks

PAGE_LIMIT = 40_000  # bytes of HTML, compressed as hosts send it
SHORT_LIMIT = 110  # words: half a minute
SIGNS_OF_FAILURE = (
    "Traceback (most recent call last)",
    "Macro Rendering Error",
    "Macro Syntax Error",
    "UndefinedError",
    "<function ",
    "This page waits to be mended",
    "--8<--",
    "{{",
    "{%",
)
SHOWN_ONLY = {"text", "yaml", "shell"}  # no code, or commands for a terminal: test_docs.py looks at those


@cache
def _soup(path: Path, _mtime: int) -> BeautifulSoup:
    return BeautifulSoup(path.read_text(encoding="utf-8"), "html.parser")


def pages(site: Path) -> Iterator[tuple[str, Path, BeautifulSoup]]:
    for path in sorted(site.rglob("*.html")):
        yield path.relative_to(site).as_posix(), path, _soup(path, path.stat().st_mtime_ns)


def is_notebook(name: str) -> bool:
    return name.startswith("generated/")


def _addresses(soup: BeautifulSoup) -> Iterator[tuple[str, str]]:
    """What each element points to, and whether the browser loads it or the reader may follow it."""
    for tag in soup.find_all(["a", "link", "img", "script", "source", "video", "iframe"]):
        attribute = "href" if tag.name in ("a", "link") else "src"
        if isinstance(value := tag.get(attribute), str):
            follows = tag.name == "a" or "canonical" in (tag.get("rel") or [])
            yield value, "follow" if follows else "load"


def home(site: Path) -> str:
    """The address at which the site says that it stands; nothing if it was built without one."""
    front = site / "index.html"
    canonical = _soup(front, front.stat().st_mtime_ns).find("link", rel="canonical")
    return str(canonical["href"]).removesuffix("index.html") if isinstance(canonical, Tag) else ""


def base_path(site: Path) -> str:
    """What precedes an address that begins at the root of the host: only the error page has such."""
    return urlsplit(home(site)).path or "/"


def broken_links(site: Path) -> list[str]:
    """Links to files or anchors that are not there; notebook pages, which MkDocs does not look into, included."""
    wrong = []
    for name, path, soup in pages(site):
        for address, _ in _addresses(soup):
            parts = urlsplit(address)
            if parts.scheme or parts.netloc:
                continue
            if not parts.path:
                target = path
            elif parts.path.startswith("/"):
                target = site / unquote(parts.path).removeprefix(base_path(site))
            else:
                target = (path.parent / unquote(parts.path)).resolve()
            if target.is_dir():
                target /= "index.html"
            if not target.is_file() or not target.is_relative_to(site.resolve() if target.is_absolute() else site):
                wrong.append(f"{name}: {address} leads nowhere")
            elif parts.fragment and target.suffix == ".html" and not _has_anchor(target, unquote(parts.fragment)):
                wrong.append(f"{name}: {address}: no such anchor")
    return wrong


def _has_anchor(page: Path, fragment: str) -> bool:
    soup = _soup(page, page.stat().st_mtime_ns)
    return any(fragment in (tag.get("id"), tag.get("name")) for tag in soup.find_all(True))


def foreign_hosts(site: Path) -> list[str]:
    """Anything that the browser would load from another host, also from within styles."""
    wrong = [
        f"{name}: loads {address}"
        for name, _, soup in pages(site)
        for address, how in _addresses(soup)
        if how == "load" and (urlsplit(address).netloc or urlsplit(address).scheme not in ("", "data"))
    ]
    for name, _, soup in pages(site):
        scripts = "\n".join(
            str(tag.string or "")
            for tag in soup.find_all(["script", "style"])
            if tag.get("type") != "application/ld+json"
        )
        wrong += [f"{name}: a script names {url}" for url in re.findall(r"""["'(](https?://[^"')\s]+)""", scripts)]
    for css in sorted(site.rglob("*.css")):
        text = css.read_text(encoding="utf-8")
        wrong += [f"{css.relative_to(site)}: loads {url}" for url in re.findall(r"url\([\"']?(https?:[^\"')]+)", text)]
    return wrong


def poor_images(site: Path) -> list[str]:
    """Images without alternative text or size. (Missing files are broken links.)"""
    wrong = []
    for name, _, soup in pages(site):
        for image in soup.find_all("img"):
            if not str(image.get("alt") or "").strip():
                wrong.append(f"{name}: {image.get('src')} has no alternative text")
            if not (str(image.get("width") or "").isdigit() and str(image.get("height") or "").isdigit()):
                wrong.append(f"{name}: {image.get('src')} has no size: the page jumps while it loads")
    return wrong


def signs_of_failure(site: Path) -> list[str]:
    """A traceback, a template's error or a macro that was not resolved, anywhere in the text."""
    wrong = []
    for name, _, soup in pages(site):
        body = soup.find("main") or soup
        # In a notebook braces may be a program's; elsewhere code is shown to be read, and run by pytest-codeblocks.
        text = _without(body, ["script", "style"] if is_notebook(name) else ["script", "style", "pre", "code"])
        signs = SIGNS_OF_FAILURE[:-2] if is_notebook(name) else SIGNS_OF_FAILURE
        wrong += [f"{name}: {sign!r} stands in the text" for sign in signs if sign in text]
    return wrong


def raw_formulas(site: Path) -> list[str]:
    """TeX that no one drew: in articles and in the text cells of notebooks."""
    wrong = []
    for name, _, soup in pages(site):
        texts = soup.select(".jp-RenderedMarkdown") if is_notebook(name) else soup.select("article")
        for text in texts:
            prose = _without(text, ["code", "pre", "math", "script", "style"])
            if found := re.search(r"\$[^$\n]+\$|\\(?:frac|cos|sum|text|mathrm)\b", prose):
                wrong.append(f"{name}: {found[0]!r} is not drawn as a formula")
    return wrong


def _without(tag: Tag, names: list[str]) -> str:
    return "".join(str(s) for s in tag.strings if not any(parent.name in names for parent in s.parents))


def rough_prose(site: Path) -> list[str]:
    """What proselint, an editor's ear, finds in the sentences of the pages; code, formulas and tables are not sentences."""
    with tempfile.TemporaryDirectory() as folder:
        for number, (name, _, soup) in enumerate(pages(site)):
            if not is_notebook(name):
                sentences = soup.select("article :is(p, figcaption), article li:not(:has(p), :has(> a:only-child))")
                text = "\n\n* * *\n\n".join(
                    " ".join(_without(tag, ["code", "math", "small"]).split()) for tag in sentences
                )
                Path(folder, f"{number}: {name.replace('/', ' ')}").write_text(text, encoding="utf-8")
        command = [sys.executable, "-m", "proselint", "check", *sorted(map(str, Path(folder).iterdir()))]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert not done.stderr, done.stderr
        return [line.removeprefix(f"{folder}/") for line in done.stdout.splitlines()]


def slow_thirty_seconds(site: Path) -> list[str]:
    """*In 30 seconds* takes half a minute to read, with its numbers, citations and analogy; a formula is a word."""
    wrong = []
    for name, _, soup in pages(site):
        for short in soup.select("section.short"):
            text = " ".join(_without(p, ["math"]) + " x" * len(p.select("math")) for p in short.select("p"))
            if (words := len(text.split())) > SHORT_LIMIT:
                wrong.append(f"{name}: {words} words in thirty seconds; the limit is {SHORT_LIMIT}")
    return wrong


def blocks_not_run(site: Path) -> list[str]:
    """Blocks rendered = blocks run: the code in the HTML, word for word, is what pytest-codeblocks is given."""
    wrong = []
    for name, path, soup in pages(site):
        if is_notebook(name) or not (expanded := path.with_suffix(".md")).is_file():
            if soup.select("div.highlight pre") and not is_notebook(name):
                wrong.append(f"{name}: shows code, and has no expanded page to run it from")
            continue
        rendered = [(_language(block), block.get_text().strip("\n")) for block in soup.select("div.highlight")]
        blocks = codeblocks.read(expanded.read_text(encoding="utf-8"))
        run = [(language, code.strip("\n")) for language, code in blocks.code if language in codeblocks.RUN]
        to_run = [(language, code) for language, code in rendered if language not in SHOWN_ONLY]
        wrong += [
            f"{name}: a block of {language!r} is shown and not run:\n{code[:200]}"
            for language, code in to_run
            if (language, code) not in run
        ]
        if len(to_run) != len(run):
            wrong.append(f"{name}: {len(to_run)} blocks of code are shown, {len(run)} run")
    return wrong


def _language(block: Tag) -> str:
    classes = " ".join(block.get("class") or [])
    found = re.search(r"language-(\S+)", classes)
    return found[1] if found else ""


def cells_not_run(site: Path) -> list[str]:
    """Every code cell of a notebook page has run, and none ended in an error."""
    wrong = []
    for name, _, soup in pages(site):
        if is_notebook(name):
            cells = soup.select(".jp-CodeCell")
            if not cells:
                wrong.append(f"{name}: has no code cells")
            for prompt in soup.select(".jp-CodeCell .jp-InputPrompt"):
                if not re.search(r"\[\d+\]", prompt.get_text()):
                    wrong.append(f"{name}: a cell was not executed: {prompt.get_text().strip()!r}")
            if soup.select('[data-mime-type="application/vnd.jupyter.stderr"], .jp-RenderedText .ansi-red-fg'):
                wrong.append(f"{name}: a cell wrote an error")
    return wrong


def cells_copied_otherwise(site: Path) -> list[str]:
    """What the button of a notebook's cell copies is the code of that cell, its indents included."""
    wrong = []
    for name, _, soup in pages(site):
        for button in soup.select("clipboard-copy"):
            copied, cell = soup.find(id=str(button.get("for"))), button.find_parent(class_="jp-CodeCell")
            shown = cell.select_one(".highlight-ipynb pre") if cell else None
            if not copied or not shown or copied.get_text().strip("\n") != shown.get_text().strip("\n"):
                wrong.append(f"{name}: {button.get('for')} is copied otherwise than it is shown")
    return wrong


def heavy_pages(site: Path) -> list[str]:
    wrong = []
    for name, path, _ in pages(site):
        if (size := len(gzip.compress(path.read_bytes()))) > PAGE_LIMIT:
            wrong.append(f"{name}: {size // 1000} kB of compressed HTML; the limit is {PAGE_LIMIT // 1000} kB")
    return wrong


ALL = (
    broken_links,
    foreign_hosts,
    poor_images,
    signs_of_failure,
    raw_formulas,
    rough_prose,
    slow_thirty_seconds,
    blocks_not_run,
    cells_not_run,
    cells_copied_otherwise,
    heavy_pages,
)
