"""The image that stands for a page where someone shares its address: a card with its title and its figures.

What the fonts cannot draw, such as emoji, is left out.
"""

from __future__ import annotations

import hashlib
import html
import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from pipeline.finish.site import Page, Site
from pipeline.write.parts import Concept

WIDTH, HEIGHT = 1200, 630  # the form that is shown whole everywhere
LEFT, TOP, ROOM = 60, 128, (1080, 474)  # where the figures stand, and how much room they have
GAP = 12
REGULAR, BOLD = "DejaVuSans.ttf", "DejaVuSans-Bold.ttf"

# The colours of the figures, as on top of each page. Always light: who shows it has one image for both schemes, on a ground of their own.
CARD = """\
<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" width="{width}" height="{height}">
<rect width="100%" height="100%" fill="#fdfcfa"/>
<path d="M0 5h240" stroke="#0b6fb8" stroke-width="10"/><path d="M240 5h240" stroke="#c4501b" stroke-width="10"/>
<path d="M480 5h240" stroke="#1b7f5c" stroke-width="10"/><path d="M720 5h240" stroke="#8e4fa8" stroke-width="10"/>
<path d="M960 5h240" stroke="#8f6c00" stroke-width="10"/>
<g font-family="DejaVu Sans">
<text x="60" y="48" font-size="22" fill="#22303c">{site}</text>
<text x="60" y="102" font-size="{size}" font-weight="700" fill="#22303c">{title}</text>
</g>
{pictures}
</svg>
"""


@dataclass(frozen=True)
class Preview:
    """``address`` is from the root of the site, ``size`` in bytes."""

    address: str
    alt: str
    size: int


def of(page: Page, site: Site) -> Preview:
    """The preview of a page, drawn and put beside it."""
    concepts = _shown(page, site)
    if len(concepts) == 1:
        alt = concepts[0].meta["headline"]["alt"]
    elif concepts:
        alt = f"Five figures: {', '.join(concept.name for concept in concepts)}."
    else:
        alt = f"{page.title}, and the mark of {site.name}: five points, all joined."
    files = [concept.figure.light for concept in concepts] or [site.root / "docs" / "assets" / "mark.svg"]
    image, address = draw(site.root, site.name, page.title, files), site.preview(page)
    site.write(address, image)
    return Preview(address, alt, len(image))


def _shown(page: Page, site: Site) -> Sequence[Concept]:
    """Whose figures stand for a page; those of the newest part for the front page."""
    if page.source in site.articles:
        return [site.articles[page.source][0]]
    if page.source in site.runs:
        return [site.runs[page.source]]
    return next((part.concepts for part in site.parts if part.page == page.source or site.is_home(page)), [])


def draw(root: Path, site: str, title: str, figures: Sequence[Path]) -> bytes:
    """A PNG of 1200 × 630: this title above these SVGs. The same card is drawn once, and kept in ``.cache``."""
    svgs = [figure.read_text(encoding="utf-8") for figure in figures]
    card = "\0".join((CARD, site, title, *svgs))
    kept = root / ".cache" / "previews" / f"{hashlib.sha256(card.encode()).hexdigest()[:16]}.png"
    if not kept.is_file():
        kept.parent.mkdir(parents=True, exist_ok=True)
        temporary = kept.with_suffix(".new")
        temporary.write_bytes(_png(_card(site, title, svgs)))
        temporary.replace(kept)
    return kept.read_bytes()


def _card(site: str, title: str, svgs: list[str]) -> str:
    above = "" if title.startswith(site) else _drawable(site, REGULAR)
    title = _drawable(title, BOLD)
    return CARD.format(
        width=WIDTH,
        height=HEIGHT,
        site=html.escape(above),
        title=html.escape(title),
        size=min(44, 1500 // max(1, len(title))),  # of the letters: a long title keeps to its line
        pictures="\n".join(_side_by_side(svgs)),
    )


def _drawable(text: str, font: str) -> str:
    """A text without the signs that a font does not have, of which it would draw boxes, and without what joins them."""
    from matplotlib.ft2font import FT2Font

    has = FT2Font(_font(font)).get_charmap()
    words = ("".join(sign for sign in word if ord(sign) in has and sign.isprintable()) for word in text.split())
    return " ".join(filter(None, words))


def _side_by_side(svgs: list[str]) -> Iterator[str]:
    """Each as an element of the card, as large as there is room: one alone, more in rows of three."""
    columns = min(3, len(svgs))
    rows = math.ceil(len(svgs) / columns)
    width, height = ROOM[0] / columns, ROOM[1] / rows
    for place, svg in enumerate(svgs):
        row, column = divmod(place, columns)
        x = LEFT + width * column + (width / 2 * (columns * rows - len(svgs)) if row == rows - 1 else 0)
        start, _, rest = svg[svg.index("<svg") :].partition(">")
        start = re.sub(r'\s(?:x|y|width|height)="[^"]*"', "", start)
        yield f'{start} x="{x:g}" y="{TOP + height * row:g}" width="{width - GAP:g}" height="{height - GAP:g}">{rest}'


def _png(svg: str) -> bytes:
    import resvg_py

    files = [_font(REGULAR), _font(BOLD)]
    return bytes(resvg_py.svg_to_bytes(svg_string=svg, skip_system_fonts=True, font_files=files))


def _font(name: str) -> str:
    """One of those that matplotlib brings: the same on every machine."""
    import matplotlib as mpl

    return str(Path(mpl.get_data_path()) / "fonts" / "ttf" / name)
