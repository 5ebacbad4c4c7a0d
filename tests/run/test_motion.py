"""Animations: each frame is in the one SVG, the last is what stands still, and what goes wrong is told."""

from __future__ import annotations

import io
import re
import xml.etree.ElementTree as ET
from collections.abc import Callable, Iterator

import matplotlib.pyplot as plt
import numpy as np
import pytest
from bs4 import BeautifulSoup
from matplotlib.animation import FuncAnimation
from matplotlib.figure import Figure

from pipeline.run import motion
from pipeline.run.figures import dark_colours
from tests.project import PAGE, ROOT, SNIPPET, Project
from tests.test_bad_input import fails

GENERATED = "docs/generated/29/toy"
SHOWN = "{http://www.w3.org/2000/svg}"
LOOK = "    tip.set_data([k], [double(k)])"
NUMBER = re.compile(r"-?\d+(?:\.\d+)?")

# -- what is drawn -------------------------------------------------------------------------------------------------

Draw = tuple[Figure, Callable[[int], None]]
FRAMES, INTERVAL = 6, 0.4


def growing(dashes: str = "-") -> Draw:
    fig, ax = plt.subplots()
    (line,) = ax.plot([], [], dashes)
    ax.set(xlim=(0, 6), ylim=(-1, 1))
    x = np.linspace(0, 6, 4 * FRAMES)
    return fig, lambda k: line.set_data(x[: 4 * k], np.sin(x[: 4 * k]))


def wandering() -> Draw:
    """A line that turns back: it cannot be uncovered from left to right."""
    fig, ax = plt.subplots()
    (line,) = ax.plot([], [])
    ax.set(xlim=(-2, 2), ylim=(-2, 2))
    t = np.linspace(0, 6, 4 * FRAMES)
    return fig, lambda k: line.set_data(np.cos(t[: 4 * k]), np.sin(t[: 4 * k]))


def bending() -> Draw:
    fig, ax = plt.subplots()
    x = np.linspace(0, 6, 9)
    (line,) = ax.plot(x, x)
    return fig, lambda k: line.set_ydata(k * np.sin(x))


def scattered() -> Draw:
    fig, ax = plt.subplots()
    points = ax.scatter([0, 1], [1, 0], c=["C0", "C1"])
    ax.set(xlim=(-2, 2), ylim=(-2, 2))

    def look(k: int) -> None:
        points.set_offsets(np.eye(2) - k / 4)
        points.set_alpha(0.1 + k / 9)
        points.set_sizes([20 + k])

    return fig, look


def told() -> Draw:
    fig, ax = plt.subplots()
    step, label = ax.text(0.2, 0.5, ""), ax.text(0, 0, "here")

    def look(k: int) -> None:
        step.set_text(f"step {10**k}" if k else "")
        label.set_position((k / 9, k / 9))
        label.set_color(["C0", "C1"][k % 2])

    return fig, look


def pictured() -> Draw:
    fig, ax = plt.subplots()
    image = ax.imshow(np.zeros((3, 3)), vmin=0, vmax=1)
    return fig, lambda k: image.set_data(np.eye(3) * k / FRAMES)


def coming_and_going() -> Draw:
    fig, ax = plt.subplots()
    lines = [ax.plot([0, 1], [0, slope])[0] for slope in (1, 2, 3)]
    return fig, lambda k: lines[1].set_visible(k in (2, 3))


def zooming() -> Draw:
    fig, ax = plt.subplots()
    ax.plot([0, 1])

    def look(k: int) -> None:
        ax.set(xlim=(0, 9 - abs(k - 2)))

    return fig, look


def film(draw: Callable[[], Draw]) -> tuple[str, list[str]]:
    """The animation as one SVG, and each of its frames as a figure of its own."""
    frames = []
    with plt.rc_context(fname=ROOT / "snippets" / "matplotlibrc"):
        fig, look = draw()
        svg = motion.draw(FuncAnimation(fig, look, frames=FRAMES, interval=round(1000 * INTERVAL)))
        fig, look = draw()
        look(0)
        fig.draw_without_rendering()
        fig.set_layout_engine("none")
        with plt.rc_context({"path.simplify": False}):
            for frame in range(FRAMES):
                look(frame)
                file = io.StringIO()
                fig.savefig(file, format="svg")
                frames.append(file.getvalue())
        plt.close(fig)
    return svg, frames


DRAWINGS = [growing, lambda: growing("--"), wandering, bending, scattered, told, pictured, coming_and_going, zooming]


@pytest.mark.parametrize("draw", DRAWINGS, ids=lambda draw: draw.__name__.strip("<>"))
def test_at_its_time_each_frame_is_there(draw: Callable[[], Draw]) -> None:
    svg, frames = film(draw)
    assert len(frames) == FRAMES
    for number, frame in enumerate(frames):
        seen, drawn = shapes(at(svg, number * INTERVAL)), shapes(frame)
        assert [kind for kind, _ in seen] == [kind for kind, _ in drawn]
        for (_, one), (_, other) in zip(seen, drawn, strict=True):
            assert one == pytest.approx(other, abs=0.11)


@pytest.mark.parametrize("draw", DRAWINGS, ids=lambda draw: draw.__name__.strip("<>"))
def test_without_motion_it_is_the_last_frame(draw: Callable[[], Draw]) -> None:
    svg, frames = film(draw)
    still = motion.still(svg)
    assert "animate" not in still
    for (_, one), (_, other) in zip(shapes(ET.fromstring(still)), shapes(frames[-1]), strict=True):
        assert one == pytest.approx(other, abs=0.11)
    assert motion.seconds(still) == 0


def test_the_last_frame_is_held() -> None:
    svg, _ = film(growing)
    assert motion.seconds(svg) == pytest.approx((FRAMES - 1) * INTERVAL + 2)


def test_an_animation_without_frames_is_none() -> None:
    with pytest.raises(ValueError, match="no frames"):
        motion.merge([], INTERVAL)


def test_what_does_not_change_stands_once() -> None:
    svg, frames = film(growing)
    assert len(svg) < 1.1 * len(frames[-1])


def at(svg: str, time: float) -> ET.Element:
    """The picture at this time, as a browser computes it."""
    root = ET.fromstring(svg)
    windows = {}
    for parent in list(root.iter()):
        for move in [child for child in parent if "}animate" in child.tag]:
            value = value_at(move, time)
            name = move.get("attributeName", "")
            parent.set(name, f"translate({value})" if name == "transform" else value)
            parent.remove(move)
    for window in root.iter(f"{SHOWN}clipPath"):
        if window.get("id", "").startswith("window-"):
            windows[f"url(#{window.get('id')})"] = float(window[0].get("width", "")) - 9
    for group in root.iter(f"{SHOWN}g"):
        if group.get("clip-path") in windows:
            (path,) = group.iter(f"{SHOWN}path")
            points = re.findall(r"([ML])(\S+) ([^ML]+)", path.get("d", ""))
            kept = [p for p in points if float(p[1]) <= windows[group.get("clip-path", "")] + 0.1]
            path.set("d", "".join(f"{c}{x} {y}" for c, x, y in kept) if len(kept) > 1 else "")
    return root


def value_at(move: ET.Element, time: float) -> str:
    values = move.get("values", "").split(";")
    share = time / float(move.get("dur", "").rstrip("s"))
    if move.get("calcMode") == "discrete":
        times = [float(t) for t in move.get("keyTimes", "").split(";")]
        return [value for start, value in zip(times, values, strict=True) if start <= share + 1e-4][-1]
    even = np.linspace(0, 1, len(values)).tolist()
    times = [float(t) for t in move.get("keyTimes", "").split(";")] if move.get("keyTimes") else even
    assert (times[0], times[-1]) == (0, 1)
    place = np.interp(share, times, range(len(values)))
    low, part = int(place), place % 1
    high = values[min(low + 1, len(values) - 1)]
    if "#" in high:
        return values[round(place)]
    numbers = zip(NUMBER.findall(values[low]), NUMBER.findall(high), strict=True)
    mixed = iter([f"{float(a) + part * (float(b) - float(a)):.4f}" for a, b in numbers])
    return NUMBER.sub(lambda _: next(mixed), values[low])


def shapes(svg: str | ET.Element) -> list[tuple[str, list[float]]]:
    """All that is to be seen, in its order: kind, and numbers of place and looks."""
    root = ET.fromstring(svg) if isinstance(svg, str) else svg

    def walk(element: ET.Element, x: float, y: float, looks: str) -> Iterator[tuple[str, list[float]]]:
        kind = element.tag.removeprefix(SHOWN)
        if element.get("display") == "none" or kind in ("defs", "metadata", "clipPath"):
            return
        transform = element.get("transform", "")
        if (moved := re.match(r"translate\((\S+) ([^)]+)\)", transform)) and kind == "g":
            x, y = x + float(moved[1]), y + float(moved[2])
        style = ";".join(f"{k}:{v}" for k, v in element.attrib.items() if "opacity" in k)
        looks += style + ";".join(re.findall(r"[a-z-]*opacity: *[\d.]+", element.get("style", "")))
        if kind in ("path", "use", "image") and (path := element.get("d", "M0 0")) and ("L" in path or kind != "path"):
            href = next((v for k, v in element.attrib.items() if k.endswith("href")), "")
            inner = NUMBER.findall(re.sub(r"scale\(\S+ \S+\)", "", transform)) if kind != "g" else []
            path = re.sub(r"L([^ML]+)(?:L\1)+(?=L|M|$)", r"L\1", re.sub(r"M([^ML]+)(?:L\1)+(?=L|M|$)", r"M\1", path))
            numbers = [*NUMBER.findall(path), element.get("x", "0"), element.get("y", "0"), *inner]
            if len(set(numbers)) > 1 or kind != "path":
                opacity = [float(v) for v in re.findall(r"opacity: *([\d.]+)", looks)]
                yield kind + href, [x, y, *map(float, numbers), *opacity]
        for child in element:
            yield from walk(child, x, y, looks)

    return list(walk(root, 0, 0, ""))


# -- in the site ---------------------------------------------------------------------------------------------------


def test_the_page_shows_the_still_and_loads_no_motion(good_project: Project) -> None:
    page = BeautifulSoup(good_project.read("site/29/toy/index.html"), "html.parser")
    (figure,) = page.select("figure.watch")
    sources = [str(image["src"]) for image in figure.select("img")]
    assert [s.rpartition("/")[2] for s in sources] == [f"in-motion.still.{s}.svg#only-{s}" for s in ("light", "dark")]
    assert figure.select("button")[0].get_text() == figure.select("a")[0].get_text() == "Watch, 4 s"
    assert str(figure.select("a")[0]["href"]).endswith("/in-motion.light.svg")
    assert not page.select('[src$="in-motion.light.svg"], object, embed')


def test_the_notebook_page_shows_the_still_and_the_notebook_moves(good_project: Project) -> None:
    page = good_project.read("site/generated/29/toy/run/index.html")
    assert "../in-motion.still.dark.svg#only-dark" in page
    assert '<a href="../in-motion.light.svg">Watch it move, 4 s</a>' in page
    notebook = good_project.read(f"{GENERATED}/toy.ipynb")
    assert r"<animate attributeName=\"" in notebook
    assert " at 0x" not in notebook


@pytest.mark.parametrize("kind", ["", ".still"])
def test_the_two_schemes_of_an_animation_differ_in_their_colours_alone(kind: str, good_project: Project) -> None:
    light, dark = (good_project.read(f"{GENERATED}/in-motion{kind}.{scheme}.svg") for scheme in ("light", "dark"))
    for ink, other in dark_colours(good_project.folder).items():
        light = light.replace(ink, other)
    assert light == dark
    assert "#dde4ea" in dark


def test_an_animation_that_is_shown_as_well_is_one_figure(project: Project) -> None:
    project.replace(SNIPPET, "\nanimation\n", "\nplt.show()\nanimation\n")
    before = project.read(f"{GENERATED}/in-motion.light.svg")
    assert project.command("pipeline", "run").returncode == 0
    after = project.read(f"{GENERATED}/in-motion.light.svg")
    number = r"\bp[0-9a-f]{10}\b"  # of a clip path: the axes' place to the last decimal
    assert re.sub(number, "", after) == re.sub(number, "", before)


# -- what goes wrong -----------------------------------------------------------------------------------------------


def test_an_animation_in_which_nothing_moves(project: Project) -> None:
    old = project.read(SNIPPET)
    line = project.replace(SNIPPET, "# %% in-motion", "# %%  in-motion")
    project.write(SNIPPET, re.sub(r'(place k\."""\n).*?\n\n\nanim', r"\1\n\nanim", old, flags=re.DOTALL))
    fails(project, f"{SNIPPET}:{line}:", "'in-motion'", "nothing moves in this animation: its 5 frames are the same")


def test_a_frame_that_raises(project: Project) -> None:
    line = project.replace(SNIPPET, LOOK, "    tip.set_data([k], [double(1 / (k - 3))])")
    fails(project, f"{SNIPPET}:{line}:", "'in-motion'", "ZeroDivisionError")


def test_an_animation_too_heavy_for_a_page(project: Project) -> None:
    line = project.replace(SNIPPET, "# %% in-motion", "# %%  in-motion")
    many = "__import__('numpy').random.default_rng(k).random((2, 5000))"
    project.replace(SNIPPET, LOOK, f"    tip.set_data(*{many})")
    told = fails(project, f"{SNIPPET}:{line}:", "'in-motion' weighs", "the limit is 300 kB")
    assert "fewer frames" in told


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('watch("29/toy", "in-motion"', 'watch("29/toy", "in-moton"', "Did you mean 'in-motion'?"),
        ('watch("29/toy", "in-motion"', 'watch("29/tpy", "in-motion"', "Did you mean '29/toy'?"),
        ('watch("29/toy", "in-motion"', 'watch("29/toy", "line"', "no animation named 'line'"),
        ('figure("29/toy", "line"', 'figure("29/toy", "in-motion"', "Write watch(…) for figure(…)"),
        ('watch("29/toy", "in-motion", ', 'watch("29/toy", ', 'Write watch("29/concept", "cell"'),
        ('alt="A point that climbs along a line."', 'alt=""', "'in-motion' has no alt text"),
    ],
)
def test_an_animation_named_wrongly(project: Project, old: str, new: str, said: str) -> None:
    line = project.replace(PAGE, old, new)
    assert said in fails(project, f"{PAGE}:{line}:")
