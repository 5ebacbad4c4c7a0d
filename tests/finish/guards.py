"""What must be true of the built site for the programs that read it. As in ``guards``, what is wrong comes back as text."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import struct
import xml.etree.ElementTree as ElementTree
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote, urljoin, urlsplit

import feedparser
import rdflib
from bs4 import Tag

from tests.guards import home, pages

HERE = "https://this.site/"  # stands for the root of a site that was built without an address of its own
ERROR_PAGE = "404.html"
SCHEMA = "https://schema.org"
# What Google asks of an article, and what we promise beyond it.
NEEDED = {
    "TechArticle": (
        "headline", "description", "image", "datePublished", "dateModified", "author", "publisher", "isPartOf",
        "citation", "isBasedOn", "associatedMedia", "learningResourceType", "url",
    ),
    "CollectionPage": ("name", "description", "abstract", "datePublished", "isPartOf", "hasPart", "url"),
    "WebSite": ("name", "description", "url"),
    "WebPage": ("name", "description", "url"),
}  # fmt: skip


def _root(site: Path) -> str:
    return home(site) or HERE


def _file(site: Path, root: str, seen_from: str, address: str) -> Path | None:
    """The file of this site that an address means, seen from a page of it; none if it is elsewhere or missing."""
    whole = urljoin(root + seen_from, address)
    if not whole.startswith(root):
        return None
    path = site / unquote(urlsplit(whole).path.removeprefix(urlsplit(root).path))
    path = path / "index.html" if path.is_dir() else path
    return path if path.is_file() else None


def _url(site: Path, name: str) -> str:
    """The address of a page, by the name of its file: that of the folder, unless pages are files."""
    return quote(name if _files(site) else name.removesuffix("index.html"))


def _files(site: Path) -> bool:
    return any(path.name not in ("index.html", ERROR_PAGE) for path in site.rglob("*.html"))


def policies(site: Path) -> list[str]:
    """A page runs nothing that its policy does not name, and the policy allows nothing that the page does not need."""
    wrong = []
    for name, _, soup in pages(site):
        metas = soup.find_all("meta", attrs={"http-equiv": "Content-Security-Policy"})
        if len(metas) != 1:
            wrong.append(f"{name}: has {len(metas)} policies")
            continue
        policy = str(metas[0]["content"])
        if metas[0].find_previous(["script", "link", "style", "img"]):
            wrong.append(f"{name}: its policy comes after what it is about")
        wrong += [f"{name}: its policy allows {word}" for word in re.findall(r"'unsafe-[\w-]+'|\*|https?:", policy)]
        named = set(re.findall(r"'(sha256-[^']+)'", policy))
        inline = {_digest(script.get_text()) for script in soup.find_all("script") if _runs(script)}
        wrong += [f"{name}: a script within the page is not in its policy" for _ in inline - named]
        wrong += [f"{name}: its policy names a script that is not there" for _ in named - inline]
        for tag in soup.find_all(True):
            if tag.name == "style" or tag.get("style") is not None:
                wrong.append(f"{name}: <{tag.name}> has a style that the policy forbids")
            wrong += [f"{name}: <{tag.name}> has a script in {key}" for key in tag.attrs if key.startswith("on")]
            if str(tag.get("href") or "").lower().startswith("javascript:"):
                wrong.append(f"{name}: a link runs a script")
    return wrong


def _runs(script: Tag) -> bool:
    return not script.get("src") and str(script.get("type") or "module") in ("module", "text/javascript")


def _digest(text: str) -> str:
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"


def previews(site: Path) -> list[str]:
    """Every page has a title, a description and an image of its own to be shown where its address is shared."""
    wrong, root, seen = [], _root(site), Counter[str]()
    for name, _, soup in pages(site):
        if name == ERROR_PAGE:
            continue
        given = {
            str(meta.get("property") or meta.get("name")): str(meta["content"]) for meta in soup.select("meta[content]")
        }
        seen[given.get("og:image", "")] += 1
        if (count := len(soup.select('meta[name="description"]'))) != 1:
            wrong.append(f"{name}: has {count} descriptions")
        for key in (
            "description",
            "og:title",
            "og:description",
            "og:type",
            "og:site_name",
            "og:image",
            "og:image:alt",
            "twitter:card",
        ):
            if not given.get(key, "").strip():
                wrong.append(f"{name}: has no {key}")
        if re.search(r"[{}]|<\w", given.get("og:image:alt", "") + given.get("og:description", "")):
            wrong.append(f"{name}: a macro or markup stands in its preview")
        if root != HERE and not given.get("og:image", "").startswith(root):
            wrong.append(f"{name}: the address of its image is not absolute")
        image = _file(site, root, _url(site, name), given.get("og:image", "nothing"))
        if not image:
            wrong.append(f"{name}: its image {given.get('og:image')} is not there")
            continue
        size = _png(image)
        if size is None:
            wrong.append(f"{name}: {image.name} is not an opaque PNG")
        elif size[0] < 600 or [str(length) for length in size] != [
            given.get("og:image:width"),
            given.get("og:image:height"),
        ]:
            wrong.append(f"{name}: its image is {size}, and said to be {given.get('og:image:width')} wide")
    return wrong


def _png(path: Path) -> tuple[int, int] | None:
    """Width and height of a PNG that is one, to its end, and has no hole for the page behind it."""
    content = path.read_bytes()
    if not content.startswith(b"\x89PNG\r\n\x1a\n") or content[-8:-4] != b"IEND":
        return None
    return struct.unpack(">II", content[16:24])


def facts(site: Path) -> list[str]:
    """The data of a page is whole, in the words of schema.org, and names files that are there."""
    wrong, root = [], _root(site)
    for name, _, soup in pages(site):
        blocks = soup.find_all("script", type="application/ld+json")
        if name == ERROR_PAGE:
            continue
        if len(blocks) != 1:
            wrong.append(f"{name}: has {len(blocks)} blocks of data")
            continue
        try:
            data = json.loads(blocks[0].get_text())
        except ValueError as error:
            wrong.append(f"{name}: its data is not JSON: {error}")
            continue
        kind = data.get("@type")
        wrong += [f"{name}: a {kind} has no {key}" for key in NEEDED.get(kind, ("a known @type",)) if not data.get(key)]
        wrong += [f"{name}: schema.org knows no {term}" for term in _unknown(data)]
        for address in _addresses(data):
            relative = not urlsplit(address).scheme
            if relative and root != HERE:
                wrong.append(f"{name}: {address} in its data is not absolute")
            elif (relative or address.startswith(root)) and not _file(site, root, _url(site, name), address):
                wrong.append(f"{name}: its data names {address}, which is not there")
        if data.get("datePublished", "") > data.get("dateModified", "9"):
            wrong.append(f"{name}: was modified before it was published")
    return wrong


def _unknown(data: dict[str, Any]) -> Iterator[str]:
    """Types and properties that schema.org does not have. Its context is put in place, for nothing is to be fetched."""
    graph = rdflib.Graph().parse(
        data=json.dumps(data | {"@context": {"@vocab": f"{SCHEMA}/"}}), format="json-ld", publicID=HERE
    )
    types = {str(value) for value in graph.objects(None, rdflib.RDF.type)}
    properties = {str(value) for value in graph.predicates()} - {str(rdflib.RDF.type)}
    for term in sorted(types | properties):
        if term.removeprefix(f"{SCHEMA}/") not in rdflib.SDO:
            yield term


def _addresses(data: Any) -> Iterator[str]:
    if isinstance(data, dict):
        for key, value in data.items():
            if key in ("url", "image", "contentUrl") and isinstance(value, str):
                yield value
            yield from _addresses(value)
    elif isinstance(data, list):
        for value in data:
            yield from _addresses(value)


def feed(site: Path) -> list[str]:
    """The feed is well formed, and each of its items has all that a reader shows."""
    root, path = _root(site), site / "feed.xml"
    if not path.is_file():
        return ["feed.xml: there is none"]
    read = feedparser.parse(
        path.read_bytes(),
        response_headers={"content-location": f"{root}feed.xml", "content-type": "application/rss+xml; charset=utf-8"},
    )
    wrong = [f"feed.xml: {read.bozo_exception}"] if read.bozo else []
    wrong += [
        f"feed.xml: the channel has no {key}"
        for key in ("title", "link", "description", "language")
        if not read.feed.get(key)
    ]
    if read.version != "rss20" or not read.entries:
        wrong.append(f"feed.xml: is {read.version or 'no feed'} with {len(read.entries)} items")
    for entry in read.entries:
        wrong += [
            f"feed.xml: an item has no {key}"
            for key in ("title", "link", "id", "summary", "published_parsed", "content", "media_content")
            if not entry.get(key)
        ]
        if len(entry.enclosures) != 1:
            wrong.append(f"feed.xml: {entry.get('title')} has {len(entry.enclosures)} enclosures")
        for enclosure in entry.enclosures:
            image = _file(site, root, "feed.xml", enclosure.get("href", ""))
            if (
                not image
                or str(image.stat().st_size) != enclosure.get("length")
                or enclosure.get("type") != "image/png"
            ):
                wrong.append(f"feed.xml: the enclosure {enclosure.get('href')} is not as said")
        texts = "".join(part.value for part in entry.get("content", ()))
        inside = re.findall(r'(?:src|href)="([^"]+)"', texts)
        wrong += [
            f"feed.xml: {address} is not there"
            for address in (entry.get("link", ""), *inside)
            if not _file(site, root, "feed.xml", address)
        ]
        if "<img" not in texts:
            wrong.append(f"feed.xml: {entry.get('title')} shows no figure")
    for name, _, soup in pages(site):
        if name != ERROR_PAGE and not soup.find("link", rel="alternate", type="application/rss+xml"):
            wrong.append(f"{name}: does not say where the feed is")
    return wrong


def listings(site: Path) -> list[str]:
    """``llms.txt``, ``sitemap.xml`` and ``robots.txt`` list what is there, all of it; articles name their Markdown and data."""
    wrong, root = [], _root(site)
    llms = (site / "llms.txt").read_text(encoding="utf-8")
    listed = re.findall(r"\]\(([^)]+)\)", llms)
    wrong += [f"llms.txt: {address} is not there" for address in listed if not _file(site, root, "llms.txt", address)]
    if not re.match(r"# \S.*\n\n> \S.*\n", llms):
        wrong.append("llms.txt: does not begin with a title and a quoted summary")
    for line in llms.splitlines():
        if line.startswith("-") and not re.fullmatch(r"- \[[^\]]+\]\([^)]+\): \S.*", line):
            wrong.append(f"llms.txt: {line!r} is not a link with a description")
    for name, path, soup in pages(site):
        if (markdown := path.with_suffix(".md")).is_file():
            if urljoin(root, quote(path.with_suffix(".md").relative_to(site).as_posix())) not in {
                urljoin(root, address) for address in listed
            }:
                wrong.append(f"llms.txt: does not list {name}")
            found = [link for link in soup.find_all("link", type="text/markdown") if link.get("rel") == ["alternate"]]
            if [_file(site, root, _url(site, name), str(link["href"])) for link in found] != [markdown]:
                wrong.append(f"{name}: does not name its Markdown")
        if '"@type":"TechArticle","headline"' in str(soup.head):
            data = [str(link["href"]) for link in soup.find_all("link", type="application/json")]
            if len(data) != 1 or not data[0].endswith("/results.json"):
                wrong.append(f"{name}: does not name its numbers")
    robots = (site / "robots.txt").read_text(encoding="utf-8")
    if root == HERE:
        return wrong
    if f"\nSitemap: {root}sitemap.xml\n" not in f"{robots}\n":
        wrong.append("robots.txt: does not name the sitemap")
    tree = ElementTree.parse(site / "sitemap.xml")
    places = {str(place.text) for place in tree.iter("{http://www.sitemaps.org/schemas/sitemap/0.9}loc")}
    there = {f"{root}{_url(site, name)}" for name, _, _ in pages(site) if name != ERROR_PAGE}
    wrong += [f"sitemap.xml: {place} is not there" for place in sorted(places - there)]
    wrong += [f"sitemap.xml: does not list {place}" for place in sorted(there - places)]
    for name, _, soup in pages(site):
        canonical = [str(link["href"]) for link in soup.find_all("link", rel="canonical")]
        if name != ERROR_PAGE and canonical != [f"{root}{_url(site, name)}"]:
            wrong.append(f"{name}: says that it stands at {canonical}")
    return wrong


# What stands on buttons and beside headings, and the signs of code and formulas.
NOISE = (
    "¶",
    "&para;",
    "↑",
    "Copy to clipboard",
    "Back to top",
    "download the",
    "import numpy",
    "plt.",
    "\\(",
    "<math",
    "<annotation",
    "✓ holds",
    "data-search",
)


def searches(site: Path) -> list[str]:
    """What the search can find leads to a place that is there, once, and has no noise in it."""
    wrong = []
    found = json.loads((site / "search" / "search_index.json").read_text(encoding="utf-8"))["docs"]
    anchors = {_url(site, name): {str(tag["id"]) for tag in soup.find_all(id=True)} for name, _, soup in pages(site)}
    for entry in found:
        page, _, fragment = entry["location"].partition("#")
        if page not in anchors or (fragment and fragment not in anchors[page]):
            wrong.append(f"search: {entry['location']} leads nowhere")
        if page.startswith("generated/"):
            wrong.append(f"search: {entry['location']} repeats an article")
        wrong += [
            f"search: {noise!r} stands in {entry['location']}"
            for noise in NOISE
            if noise in entry["text"] and "take-it-home" not in fragment
        ]
    counts = Counter(entry["location"] for entry in found)
    wrong += [f"search: {location} is found {count} times" for location, count in counts.items() if count > 1]
    texts = Counter(entry["text"] for entry in found if len(entry["text"]) > 80)
    wrong += [f"search: {count} places say {text[:60]!r}" for text, count in texts.items() if count > 1]
    for name, _, soup in pages(site):
        for claim in soup.select(".claims [id^=claim-]"):
            if f"{_url(site, name)}#{claim['id']}" not in counts:
                wrong.append(f"search: does not find the claim {claim['id']} of {name}")
        if _url(site, name) == "glossary/":
            for term in soup.select("h2[id]"):
                if f"glossary/#{term['id']}" not in counts:
                    wrong.append(f"search: does not find the term {term['id']}")
    return wrong


Guard = Callable[[Path], list[str]]
ALL: tuple[Guard, ...] = (policies, previews, facts, feed, listings, searches)
