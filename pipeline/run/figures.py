"""Figures: what a cell may draw, how large it is, and the same in the colours of dark pages."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from pipeline.problem import Problem
from pipeline.run import motion
from pipeline.run.motion import COLOUR, SVG, XLINK
from pipeline.run.snippet import STYLE

FIGURE_LIMIT = 300_000  # bytes of one SVG
PAGES = {"dark": "#1e2129", "light": "#ffffff"}  # the grounds of the theme's pages
LEAST_CONTRAST = 3.0  # WCAG 2.2, of what is drawn
FAINT = {
    "#cccccc",
    "#e6e6e6",
    "#ececec",
    "#f2f2f2",
}  # matplotlib's own frame of a legend, and walls in three dimensions
MOST_BY_HAND = 4  # colours of areas: more come from a colour map
DRAWN = {f"{{{SVG}}}{tag}" for tag in ("path", "use", "rect", "line", "circle", "polygon", "text", "image")}
NOT_DRAWN = {f"{{{SVG}}}{tag}" for tag in ("defs", "clipPath")}
Box = tuple[float, float, float, float]  # left, top, right, bottom, in points


@dataclass(frozen=True)
class Ink:
    """What one element is drawn in, inside which clip path, and where, if that is known."""

    fill: str = "#000000"
    stroke: str = "none"
    clip: str = ""
    box: Box | None = None
    is_text: bool = False
    is_image: bool = False


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
    """Raise ``Problem`` if the figure is too heavy for a page, or not all of it can be seen on light and dark ones."""
    if len(svg) > FIGURE_LIMIT:
        raise Problem(
            f"Figure {name!r} weighs {len(svg) // 1000} kB; the limit is {FIGURE_LIMIT // 1000} kB.",
            todo="Give the animation fewer frames, or fewer points that move."
            if motion.seconds(svg)
            else "Draw what has thousands of points with rasterized=True: a bitmap inside the vector figure.",
        )
    root = ET.fromstring(svg)
    axes = _axes(root)
    inks = list(_inks(root, Ink()))
    width, height = size(svg)
    if grounds := _grounds(inks, [(0, 0, width * 3 / 4, height * 3 / 4), *axes.values()], dark):
        raise Problem(
            f"Figure {name!r} stands on {', '.join(sorted(grounds))}, where ink cannot be seen in both schemes.",
            todo="Leave out its facecolor: the page is the ground.",
        )
    for scheme, page in PAGES.items():
        if unseen := _unseen(inks, axes, dark, page):
            raise Problem(
                f"Figure {name!r} draws in {', '.join(sorted(unseen))}, which cannot be seen on a {scheme} page.",
                todo=f"Take a colour of {STYLE} ('C0' to 'C5', or none for its ink): each has a partner for dark pages.",
            )


def _grounds(inks: Sequence[Ink], boxes: Sequence[Box], dark: Mapping[str, str]) -> set[str]:
    """Colours that fill a whole figure or whole axes, alike in both schemes, and lose the ink of one."""
    ink_of_both = next(iter(dark.items()))  # the style lists its ink first
    full = {ink.fill for ink in inks if not ink.clip and any(_covers(ink.box, box) for box in boxes)} - dark.keys()
    return {
        fill
        for fill in full
        if COLOUR.fullmatch(fill) and min(contrast(fill, ink) for ink in ink_of_both) < LEAST_CONTRAST
    }


def _unseen(inks: Sequence[Ink], axes: Mapping[str, Box], dark: Mapping[str, str], page: str) -> set[str]:
    """Colours of what is drawn in nothing that stands out. Areas may be of a colour map, and anything stand on it."""
    painted = {ink.fill for ink in inks if COLOUR.fullmatch(ink.fill) and not ink.is_text} - dark.keys()
    images = {ink.clip for ink in inks if ink.is_image}
    mapped = bool(images) or len(painted) > MOST_BY_HAND
    maps = images | {ink.clip for ink in inks if mapped and ink.fill in painted}
    unseen: set[str] = set()
    for ink in inks:
        colours = {colour for colour in (ink.fill, ink.stroke) if COLOUR.fullmatch(colour)}
        seen = any(colour in dark or contrast(colour, page) >= LEAST_CONTRAST for colour in colours)
        if ink.is_text:
            exempt = any(clip in maps and _covers(box, ink.box) for clip, box in axes.items())
        else:
            exempt = (mapped and ink.fill in painted) or (ink.clip != "" and ink.clip in images)
        if not seen and not exempt and not ink.is_image and not (page == PAGES["light"] and colours <= FAINT):
            unseen |= colours
    return unseen


def _inks(element: ET.Element, above: Ink) -> Iterator[Ink]:
    """All that is drawn in an element. What it does not say itself is its parent's, and at last a black fill."""
    style = dict(re.findall(r"([\w-]+):\s*([^;]+)", element.get("style", "")))
    said = {name: style.get(name, element.get(name)) for name in ("fill", "stroke", "clip-path")}
    ink = Ink(said["fill"] or above.fill, said["stroke"] or above.stroke, said["clip-path"] or above.clip, above.box)
    moved = re.match(r"translate\(([-\d.]+)[ ,]+([-\d.]+)\)", element.get("transform", ""))
    if moved and not above.box:  # of a text, the place where it begins; what is inside it has other units
        x, y = map(float, moved.groups())
        ink = replace(ink, box=(x, y, x, y))
    if element.tag in DRAWN:
        tag = element.tag.removeprefix(f"{{{SVG}}}")
        is_text = tag == "text" or "-" in element.get(f"{{{XLINK}}}href", "")  # a letter is '#Font-12', a marker '#m12'
        box = _rectangle(element.get("d", "")) if tag == "path" else ink.box
        yield replace(ink, box=box, is_text=is_text and tag != "image", is_image=tag == "image")
    for child in element:
        if child.tag not in NOT_DRAWN:
            yield from _inks(child, ink)


def _axes(root: ET.Element) -> dict[str, Box]:
    """The boxes of the axes, by the address of the clip path that keeps what they hold inside."""
    boxes = {}
    for clip in root.iter(f"{{{SVG}}}clipPath"):
        for pane in clip.iter(f"{{{SVG}}}rect"):
            x, y, width, height = (float(pane.get(side, "0")) for side in ("x", "y", "width", "height"))
            boxes[f"url(#{clip.get('id')})"] = x, y, x + width, y + height
    return boxes


def _rectangle(path: str) -> Box | None:
    """The corners of a path that is a plain rectangle."""
    numbers = [float(number) for number in re.findall(r"-?[\d.]+", path)]
    if len(numbers) not in (8, 10) or re.search(r"[^MLz\d\s.-]", path):
        return None
    return min(numbers[::2]), min(numbers[1::2]), max(numbers[::2]), max(numbers[1::2])


def _covers(outer: Box | None, inner: Box | None) -> bool:
    """Whether one box holds the other, to a point."""
    if not outer or not inner:
        return False
    return all(a <= b + 1 for a, b in zip((*outer[:2], *inner[2:]), (*inner[:2], *outer[2:]), strict=True))


def contrast(a: str, b: str) -> float:
    """How well one colour can be seen on another, each as ``#rrggbb``: from 1 to 21, as WCAG 2.2 defines it."""
    low, high = sorted((_luminance(a), _luminance(b)))
    return (high + 0.05) / (low + 0.05)


def _luminance(colour: str) -> float:
    parts = (int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5))
    r, g, b = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts)
    return 0.2126 * r + 0.7152 * g + 0.0722 * b
