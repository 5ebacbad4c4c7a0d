"""Figures: what a cell may draw, how large it is, and the same in the colours of dark pages."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from collections.abc import Iterator, Mapping
from pathlib import Path

from pipeline.problem import Problem
from pipeline.run import motion
from pipeline.run.motion import COLOUR, SVG
from pipeline.run.snippet import STYLE

FIGURE_LIMIT = 300_000  # bytes of one SVG
DARK_PAGE = "#1e2129"  # the ground of the theme's dark pages
LEAST_CONTRAST = 3.0  # WCAG 2.2, of what is drawn
MOST_BY_HAND = 4  # colours of areas: more come from a colour map
DRAWN = {f"{{{SVG}}}{tag}" for tag in ("path", "use", "rect", "line", "circle", "polygon")}
NOT_DRAWN = {f"{{{SVG}}}{tag}" for tag in ("defs", "clipPath")}


def dark_colours(root: Path) -> dict[str, str]:
    """The colour that stands in for each colour of the style on a dark page, from the style file's own list."""
    style = (root / STYLE).read_text(encoding="utf-8")
    return dict(re.findall(r"^#\s+(#[0-9a-f]{6}) -> (#[0-9a-f]{6})\b", style, re.MULTILINE))


def recolour(svg: str, dark: Mapping[str, str]) -> str:
    """The same figure for dark pages."""
    return COLOUR.sub(lambda match: dark.get(match[0], match[0]), svg)


def size(svg: str) -> tuple[int, int]:
    """Width and height in CSS pixels, of which three are four points."""
    width, height = re.findall(r'(?:width|height)="([\d.]+)pt"', svg[:2000])[:2]
    return round(float(width) * 4 / 3), round(float(height) * 4 / 3)


def judge(name: str, svg: str, dark: Mapping[str, str]) -> None:
    """Raise ``Problem`` if the figure is too heavy for a page, or something in it cannot be seen on a dark one."""
    if len(svg) > FIGURE_LIMIT:
        raise Problem(
            f"Figure {name!r} weighs {len(svg) // 1000} kB; the limit is {FIGURE_LIMIT // 1000} kB.",
            todo="Give the animation fewer frames, or fewer points that move."
            if motion.seconds(svg)
            else "Draw what has thousands of points with rasterized=True: a bitmap inside the vector figure.",
        )
    if unseen := _unseen(svg, dark):
        raise Problem(
            f"Figure {name!r} draws in {', '.join(sorted(unseen))}, which cannot be seen on a dark page.",
            todo=f"Take a colour of {STYLE} ('C0' to 'C5', or none for its ink): each has a partner for dark pages.",
        )


def _unseen(svg: str, dark: Mapping[str, str]) -> set[str]:
    """Colours of what is drawn in nothing lighter. Areas may be of a colour map, and anything stand on its image."""
    inks = list(_inks(ET.fromstring(svg), "#000000", "none"))
    painted = {fill for fill, _ in inks if COLOUR.fullmatch(fill)} - dark.keys()
    mapped = "<image" in svg or len(painted) > MOST_BY_HAND
    unseen: set[str] = set()
    for fill, stroke in inks:
        colours = {colour for colour in (fill, stroke) if COLOUR.fullmatch(colour)}
        seen = any(colour in dark or contrast(colour, DARK_PAGE) >= LEAST_CONTRAST for colour in colours)
        if not seen and not (mapped and fill in painted):
            unseen |= colours
    return unseen


def _inks(element: ET.Element, fill: str, stroke: str) -> Iterator[tuple[str, str]]:
    """Fill and stroke of all that is drawn in an element: its own, else its parent's, and at last a black fill."""
    style = dict(re.findall(r"([\w-]+):\s*([^;]+)", element.get("style", "")))
    fill = style.get("fill", element.get("fill", fill))
    stroke = style.get("stroke", element.get("stroke", stroke))
    if element.tag in DRAWN:
        yield fill, stroke
    for child in element:
        if child.tag not in NOT_DRAWN:
            yield from _inks(child, fill, stroke)


def contrast(a: str, b: str) -> float:
    """How well one colour can be seen on another, each as ``#rrggbb``: from 1 to 21, as WCAG 2.2 defines it."""
    low, high = sorted((_luminance(a), _luminance(b)))
    return (high + 0.05) / (low + 0.05)


def _luminance(colour: str) -> float:
    parts = (int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5))
    r, g, b = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts)
    return 0.2126 * r + 0.7152 * g + 0.0722 * b
