"""An animation as one vector figure: what all frames share stands once, what changes carries its values over time.

The values are SMIL, which every browser plays in an ``<img>``; a viewer without it shows the last frame. The process
of a snippet runs this file too (see ``inside/session.py``): it needs the standard library and, to draw, matplotlib.
"""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.animation import TimedAnimation
    from matplotlib.axes import Axes

HOLD = 2.0  # seconds, at least, for which the last frame stays
SVG, XLINK = "http://www.w3.org/2000/svg", "http://www.w3.org/1999/xlink"
ET.register_namespace("", SVG)
ET.register_namespace("xlink", XLINK)

COLOUR = re.compile(r"#[0-9a-f]{6}\b")
NUMBER = re.compile(r"-?\d+(?:\.\d+)?(?:e-?\d+)?")
MOVED = re.compile(r"translate\((\S+ \S+)\) ?(.*)")

INITIAL = {"opacity": "1", "fill-opacity": "1", "stroke-opacity": "1", "stroke-dasharray": "none"}

Versions = Sequence[ET.Element]  # one element as it is in each frame


def draw(animation: TimedAnimation) -> str:
    """All frames of a matplotlib animation, as one SVG."""
    import io

    import matplotlib
    from matplotlib import pyplot
    from matplotlib.animation import AbstractMovieWriter
    from matplotlib.backend_bases import FigureCanvasBase

    frames: list[str] = []
    scales: dict[Axes, list[Any]] = {}

    class Writer(AbstractMovieWriter):
        def setup(self, *given: Any, **named: Any) -> None:
            super().setup(*given, **named)
            FigureCanvasBase(self.fig)  # draws nothing of its own: each frame is drawn once

        def grab_frame(self, **_: Any) -> None:  # it is asked for a white ground
            if not frames:
                self.fig.draw_without_rendering()
                self.fig.set_layout_engine()  # none: the axes stay where the first frame puts them
                plain = (ax for ax in self.fig.axes if ax.name == "rectilinear")
                scales.update({ax: _scales(ax) for ax in plain if ax.xaxis.get_visible() and ax.yaxis.get_visible()})
            for (
                ax,
                before,
            ) in scales.items():  # ticks and their labels, most of the work, are drawn again if they change
                for axis in (ax.xaxis, ax.yaxis):
                    axis.set_visible(not frames or _scales(ax) != before)
            file = io.StringIO()
            self.fig.savefig(file, format="svg", metadata={"Date": None})
            frames.append(file.getvalue())

        def finish(self) -> None:
            pyplot.close(self.fig)  # else it is shown once more, without its motion

    # Not simplified, a line begins with the line of the frame before.
    with matplotlib.rc_context({"path.simplify": False, "figure.constrained_layout.use": False}):
        animation.save("no-file", Writer())
    return merge(frames, animation._interval / 1000)  # type: ignore[attr-defined]  # it has no public name


def _scales(ax: Axes) -> list[Any]:
    """All that decides how the axes' ticks and labels look."""
    return [
        what
        for axis in (ax.xaxis, ax.yaxis)
        for part in (axis.major, axis.minor)
        for what in (part.locator, part.formatter, axis.get_scale(), axis.get_label_text(), *axis.get_view_interval())
    ]


def merge(frames: Sequence[str], interval: float) -> str:
    """One SVG of frames that follow each other after ``interval`` seconds. Raises ``ValueError`` if nothing moves."""
    if not frames:
        raise ValueError("this animation has no frames")
    roots = [ET.fromstring(frame) for frame in frames]
    definitions = ET.Element(f"{{{SVG}}}defs")
    known: set[str] = set()
    for root in roots:
        for parent in list(root.iter()):
            for child in list(parent):
                if child.tag.endswith(("}metadata", "}defs")):
                    parent.remove(child)
                if child.tag.endswith("}defs"):
                    for definition in child:
                        if (text := _text(_plain(definition))) not in known:
                            known.add(text)
                            definitions.append(definition)
        _plain(root)
    film = _Film(len(frames), interval, definitions)
    merged = film.join(roots)
    merged.insert(0, definitions)
    if not any("}animate" in element.tag for element in merged.iter()):
        raise ValueError(f"nothing moves in this animation: its {len(frames)} frames are the same")
    for element in merged.iter():
        element.attrib.pop("class", None)
    return _written(merged)


def still(svg: str) -> str:
    """The last frame of what ``merge`` made, without a trace of the others."""
    root = ET.fromstring(svg)
    for parent in list(root.iter()):
        for child in list(parent):
            if "}animate" in child.tag or child.get("display") == "none":
                parent.remove(child)
    return _written(root)


def seconds(svg: str) -> float:
    """How long it takes to play once; 0 if nothing moves."""
    found = re.search(r'<animate[^>]* dur="([\d.]+)s"', svg)
    return float(found[1]) if found else 0.0


class _Film:
    """So many frames, at so many seconds from each other. The last one is held."""

    def __init__(self, frames: int, interval: float, definitions: ET.Element) -> None:
        held = -int(-HOLD // interval)  # in intervals
        self.frames, self.intervals = frames, frames - 1 + held
        self.duration = f"{round(self.intervals * interval, 3):g}s"
        self.definitions = definitions
        self.windows: dict[tuple[float, ...], str] = {}

    def join(self, versions: Versions) -> ET.Element:
        """One element that looks in each frame like its version there."""
        if len({_text(version) for version in versions}) == 1:
            return versions[-1]
        merged = self._blend(versions)
        return self._switch(versions) if merged is None else merged

    def _switch(self, versions: Versions) -> ET.Element:
        """Every version that there is, each to be seen in its own frames."""
        texts = [_text(version) for version in versions]
        group = ET.Element(f"{{{SVG}}}g")
        for text in dict.fromkeys(texts):
            group.append(self._show(versions[texts.index(text)], [text == other for other in texts]))
        return group

    def _show(self, element: ET.Element, seen: Sequence[bool]) -> ET.Element:
        """The element, to be seen in these frames only."""
        if not all(seen):
            self._animate(element, "display", ["inline" if here else "none" for here in seen], linear=False)
        return element

    def _blend(self, versions: Versions) -> ET.Element | None:
        """The last version, with a motion of each attribute that differs. None if they are not built alike."""
        children = _aligned(versions)
        attributes = _attributes(versions)
        if children is None or len({tuple(a) for a in attributes}) > 1:
            return None
        merged = outer = ET.Element(versions[-1].tag, attributes[-1])
        for name in attributes[-1]:
            values = [a[name] for a in attributes]
            if len(set(values)) == 1:
                continue
            if name == "transform":
                moves = [match.groups() for value in values if (match := MOVED.fullmatch(value))]
                if len(moves) < len(values) or len({others for _, others in moves}) > 1:
                    return None
                merged.set("transform", moves[-1][1])
                outer = _around(outer, transform=f"translate({moves[-1][0]})")
                self._animate(outer, "transform", [place for place, _ in moves])
            elif name == "d" and (ends := _right_ends(values)):
                merged.set("d", max(values, key=len))
                outer = _around(outer, **{"clip-path": f"url(#{self._window(ends)})"})
            elif name in ("id", "clip-path") or name.endswith("href"):
                return None
            else:
                values = _of_one_length(values) if name == "d" else values
                self._animate(merged, name, values, linear=len({_skeleton(value) for value in values}) == 1)
        for child, seen in children:
            merged.append(self._show(self.join(child), seen))
        return outer

    def _window(self, ends: tuple[float, ...]) -> str:
        """The name of a window that opens to the right, up to these ends: what is drawn from left to right grows."""
        if ends not in self.windows:
            self.windows[ends] = f"window-{len(self.windows) + 1}"
            window = ET.SubElement(self.definitions, f"{{{SVG}}}clipPath", id=self.windows[ends])
            pane = ET.SubElement(window, f"{{{SVG}}}rect", x="-9", y="-999", height="9999")
            self._animate(pane, "width", [_short(end + 9) for end in ends])
        return self.windows[ends]

    def _animate(self, element: ET.Element, name: str, values: Sequence[str], linear: bool = True) -> None:
        """Let an attribute take these values, one for each frame; as it is written, it has the last."""
        last = self.frames - 1
        decimals = 1 if name in ("d", "x", "y", "width", "transform") else 2
        values = [value if "#" in value else _rounded(value, decimals) for value in values]
        if name != "transform" and values[-1] != "inline":
            element.set(name, values[-1])
        told = [  # the frames at which something begins or ends
            n
            for n, value in enumerate(values)
            if n == 0 or value != values[n - 1] or (linear and (n == last or value != values[n + 1]))
        ]
        spoken, times = [values[n] for n in told], [n / self.intervals for n in told]
        if linear:
            spoken, times = [*spoken, values[-1]], [*times, 1]
        attributes = {
            "attributeName": name,
            "dur": self.duration,
            "repeatCount": "indefinite",
            "values": ";".join(spoken),
            "keyTimes": ";".join(_short(time, 4) for time in times),
        }
        even = ";".join([*values, *[values[-1]] * (self.intervals - last)])  # needs no times
        if not linear:
            attributes["calcMode"] = "discrete"
        elif len(even) <= len(attributes["values"] + attributes["keyTimes"]) + len(' keyTimes=""'):
            attributes["values"] = even
            del attributes["keyTimes"]
        kind = "animate"
        if name == "transform":
            kind, attributes["type"] = "animateTransform", "translate"
        ET.SubElement(element, f"{{{SVG}}}{kind}", attributes)


def _aligned(versions: Versions) -> list[tuple[list[ET.Element], list[bool]]] | None:
    """Each child as it is in each frame, and whether it is there; where it is not, as it was or will be.

    None if the children are in another order, or are the letters of other texts.
    """
    children = [_named(version) for version in versions]
    names: list[tuple[str, str, int]] = []  # of all frames, in their order
    for named in children:
        place = 0
        for name in named:
            if name not in names:
                names.insert(place, name)
            place = names.index(name) + 1
    if any([name for name in names if name in named] != list(named) for named in children):
        return None
    if versions[-1].get("class") == "text" and len({_letters(version) for version in versions}) > 1:
        return None
    aligned = []
    for name in names:
        found = [named.get(name) for named in children]
        near = next(child for child in found if child is not None)
        if near.get("class") == "matplotlib.axis":  # not drawn again, it is as it was at first: see `draw`
            aligned.append(([near if child is None else child for child in found], [True] * len(found)))
            continue
        filled = [near := near if child is None else child for child in found]
        aligned.append((filled, [child is not None for child in found]))
    return aligned


def _named(element: ET.Element) -> dict[tuple[str, str, int], ET.Element]:
    """The children by kind and place. matplotlib's own numbers say less: one more label shifts all that follow."""
    seen: Counter[tuple[str, str]] = Counter()
    named = {}
    for child in element:
        kind = child.tag, child.get("class", "")
        named[*kind, seen[kind]] = child
        seen[kind] += 1
    return named


def _letters(text: ET.Element) -> tuple[str | None, ...]:
    return tuple(use.get(f"{{{XLINK}}}href") for use in text.iter(f"{{{SVG}}}use"))


def _attributes(versions: Versions) -> list[dict[str, str]]:
    """The attributes of each version, with the parts of `style` as attributes of their own if they differ."""
    if len({version.get("style") for version in versions}) == 1:
        return [dict(version.attrib) for version in versions]
    split = []
    for version in versions:
        attributes = dict(version.attrib)
        pairs = (part.split(":") for part in attributes.pop("style", "").split(";") if part)
        split.append(attributes | {name.strip(): value.strip() for name, value in pairs})
    for attributes in split:  # what one version leaves unsaid has its initial value there
        for name in {name for other in split for name in other} & INITIAL.keys() - attributes.keys():
            attributes[name] = INITIAL[name]
    return [dict(sorted(attributes.items())) for attributes in split]


def _strokes(path: str) -> list[tuple[str, float, float]]:
    """Command and place of each point of a path that has nothing but straight lines; else empty."""
    if not re.fullmatch(r"(?:[ML]\S+ [^ML]+)*", path):
        return []
    return [(command, float(x), float(y)) for command, x, y in re.findall(r"([ML])(\S+) ([^ML]+)", path)]


def _drawing(values: Sequence[str]) -> list[list[tuple[str, float, float]]]:
    """The points of these lines if each is a beginning of the longest; else empty."""
    longest = _strokes(max(values, key=len))
    lines = [_strokes(value) for value in values]
    return lines if longest and all(longest[: len(line)] == line for line in lines) else []


def _right_ends(values: Sequence[str]) -> tuple[float, ...]:
    """Where each line ends, if they are one line being drawn from left to right; else empty."""
    lines = _drawing(values)
    longest = max(lines, key=len, default=[])
    in_order = longest == sorted(longest, key=lambda point: point[1])
    return tuple((line or longest)[len(line) - 1 if line else 0][1] for line in lines) if in_order else ()


def _of_one_length(values: Sequence[str]) -> list[str]:
    """The same if they are one line being drawn, but points not yet drawn wait where it ends."""
    lines = _drawing(values)
    longest = max(lines, key=len, default=[])
    for line in lines:
        line += [(command, *(line or longest)[-1 if line else 0][1:]) for command, *_ in longest[len(line) :]]
    return ["".join(f"{command}{x} {y}" for command, x, y in line) for line in lines] or list(values)


def _plain(element: ET.Element) -> ET.Element:
    """Numbers no longer than is seen, no blanks, and as its class what an id says of its kind."""
    for part in element.iter():
        part.text, part.tail = (part.text or "").strip() or None, None
        for name, value in part.attrib.items():
            if name in ("d", "x", "y", "width", "height", "points"):
                value = _rounded(value, 2)
                part.set(name, re.sub(r"\s*([A-Za-z])\s*", r"\1", value).strip())
            elif name == "transform":
                part.set(name, _rounded(value, 4))
        numbered = re.fullmatch(r"(.+)_\d+", part.attrib.pop("id", "")) if part.tag == f"{{{SVG}}}g" else None
        if numbered:
            part.set("class", numbered[1])
    return element


def _rounded(value: str, decimals: int) -> str:
    return NUMBER.sub(lambda number: _short(float(number[0]), decimals), value)


def _short(number: float, decimals: int = 2) -> str:
    text = f"{number:.{decimals}f}".rstrip("0").rstrip(".")
    return "0" if text in ("-0", "") else text


def _skeleton(value: str) -> str:
    """What has to be the same in two values for all between them to make sense."""
    return NUMBER.sub("0", COLOUR.sub("colour", value))


def _text(element: ET.Element) -> str:
    return ET.tostring(element, encoding="unicode")


def _around(element: ET.Element, **attributes: str) -> ET.Element:
    group = ET.Element(f"{{{SVG}}}g", attributes)
    group.append(element)
    return group


def _written(root: ET.Element) -> str:
    ET.indent(root, "")
    return f'<?xml version="1.0" encoding="utf-8"?>\n{_text(root)}\n'
