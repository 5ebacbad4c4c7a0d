"""A figure is judged before it is published: drawn at all, drawn whole, and seen on dark pages too."""

from __future__ import annotations

import re

import pytest

from pipeline.run.figures import contrast, dark_colours
from tests import colours
from tests.project import ROOT, SNIPPET, Project
from tests.run.refused import FIRST, LABELS, refused

GENERATED = "docs/generated/29/toy"


def draw(project: Project, more: str) -> int:
    """Draw more in the cell `line`; returns the line at which that cell begins."""
    project.replace(SNIPPET, LABELS, f"{more}\n{LABELS}")
    return project.read(SNIPPET).split("\n").index("# %% line") + 1


def test_a_warning_names_its_line(project: Project) -> None:
    line = project.replace(SNIPPET, FIRST, f"import warnings\nwarnings.warn('this is odd')\n{FIRST}")
    refused(project, f"{SNIPPET}:{line + 1}:", "'setup' warns: UserWarning: this is odd")


def test_a_warning_that_the_script_silences(project: Project) -> None:
    silent = "import warnings\nwarnings.filterwarnings('ignore', 'this is odd')\nwarnings.warn('this is odd')\n"
    caught = "with warnings.catch_warnings(record=True) as caught:\n    warnings.warn('so is this')\nassert caught\n"
    project.replace(SNIPPET, FIRST, silent + caught + FIRST)
    assert project.command("pipeline", "run").returncode == 0


@pytest.mark.parametrize("shown", ["plt.show()", ""])
def test_a_formula_that_cannot_be_drawn(project: Project, shown: str) -> None:
    project.replace(SNIPPET, LABELS, r'ax.set_title(r"$\frac{1$")' + f"\n{shown}")
    refused(project, f"{SNIPPET}:", "'line' raised ValueError", r"Expected \frac{num}{den}")


@pytest.mark.parametrize(("title", "name"), [("数", "CJK UNIFIED IDEOGRAPH-6570"), ("🦜", "PARROT")])
def test_a_character_that_no_font_has(project: Project, title: str, name: str) -> None:
    line = draw(project, f'ax.set_title("{title}")')
    refused(project, f"{SNIPPET}:{line}:", "'line' warns", "Glyph", name)


def test_a_character_in_a_frame_that_no_font_has(project: Project) -> None:
    project.replace(SNIPPET, 'f"seed {seeds[k]}"', '"\u6570" if k == 3 else ""')
    line = project.read(SNIPPET).split("\n").index("# %% in-motion") + 1
    refused(project, f"{SNIPPET}:{line}:", "'in-motion' warns", "Glyph", "CJK UNIFIED IDEOGRAPH-6570")


@pytest.mark.parametrize(
    "how",
    [
        'matplotlib.use("Agg")',
        'import matplotlib.pyplot; matplotlib.pyplot.switch_backend("pdf")',
        'import os; os.environ["MPLBACKEND"] = "Agg"',
    ],
)
def test_figures_that_are_sent_elsewhere(project: Project, how: str) -> None:
    start = "" if "environ" in how else "import matplotlib\n"  # which would read it at once
    project.replace(SNIPPET, FIRST, f"{start}{how}\n{FIRST}")
    refused(project, f"{SNIPPET}:5:", "'setup' sends its figures to", "leave out matplotlib.use()")


@pytest.mark.parametrize(
    ("more", "colour"),
    [
        ('ax.set_title("t", color="black")', "#000000"),
        ('ax.plot(seeds, seeds, color="black")', "#000000"),
        ('ax.plot(seeds, seeds, "o", color="k")', "#000000"),
        ('ax.bar(seeds, seeds, color="navy")', "#000080"),
        ('ax.axhline(3, color="darkgreen")', "#006400"),
        ('ax.axvspan(0, 1, color="black", alpha=0.1)', "#000000"),
        ("plt.style.use('default'); ax.text(1, 1, 'label')", "#000000"),
    ],
)
def test_a_colour_that_is_lost_on_dark_pages(project: Project, more: str, colour: str) -> None:
    line = draw(project, more)
    refused(project, f"{SNIPPET}:{line}:", f"Figure 'line' draws in {colour}", "dark page")


@pytest.mark.parametrize(
    ("more", "colour"),
    [
        ('ax.plot(seeds, seeds, color="white")', "#ffffff"),
        ('ax.imshow([[1, 2], [3, 4]]); ax.set_title("t", color="white")', "#ffffff"),
        ('ax.bar(seeds, seeds, color="yellow")', "#ffff00"),
    ],
)
def test_a_colour_that_is_lost_on_light_pages(project: Project, more: str, colour: str) -> None:
    line = draw(project, more)
    refused(project, f"{SNIPPET}:{line}:", f"Figure 'line' draws in {colour}", "light page")


@pytest.mark.parametrize(
    "more",
    [
        'ax.set_title("t", color="black")',
        'ax.set_ylabel("t", color="black")',
        'ax.tick_params(labelcolor="black")',
        'plt.colorbar(ax.images[0]).set_label("t", color="black")',
        'fig.suptitle("t", color="black"); plt.rc("svg", fonttype="none")',
    ],
)
def test_text_beside_an_image_is_judged(project: Project, more: str) -> None:
    project.replace(SNIPPET, LABELS, f"ax.clear(); ax.imshow([[1, 2], [3, 4]]); {more}\nplt.show()")
    refused(project, f"{SNIPPET}:", "Figure 'line' draws in #000000", "dark page")


@pytest.mark.parametrize(
    "more",
    [
        'fig.set_facecolor("white")',
        'ax.set_facecolor("#f0f0f0")',
        'ax.imshow([[1, 2], [3, 4]]); fig.set_facecolor("white")',
        'ax.imshow([[1, 2], [3, 4]]); ax.set_facecolor("black")',
    ],
)
def test_a_ground_that_stays_as_it_is(project: Project, more: str) -> None:
    line = draw(project, more)
    refused(project, f"{SNIPPET}:{line}:", "Figure 'line' stands on #", "ink cannot be seen in both schemes")


@pytest.mark.parametrize(
    "more",
    [
        'ax.plot(seeds, seeds, color="gray")',
        'ax.plot(seeds, seeds, "o", color="C1", markeredgecolor="white")',
        "ax.scatter(seeds, seeds, c=seeds)",
        "ax.pcolormesh([[1, 2, 3], [4, 5, 6]])",
        'ax.imshow([[1, 2], [3, 4]]); ax.text(1, 1, "3", color="black")',
        'ax.imshow([[1, 2], [3, 4]]); ax.axhline(1, color="white"); ax.text(1, 1, "3", color="white")',
        "import numpy; ax.contourf(numpy.random.default_rng(0).random((9, 9)))",
        "ax.legend(['one'], frameon=True)",
        "fig.clear(); ax = fig.add_subplot(projection='3d')",
    ],
)
def test_a_colour_that_is_seen_or_a_colour_map(project: Project, more: str) -> None:
    draw(project, more)
    done = project.command("pipeline", "run")
    assert done.returncode == 0, done.stderr


def test_a_figure_need_not_be_shown(project: Project) -> None:
    before = project.read(f"{GENERATED}/line.light.svg")
    project.replace(SNIPPET, "plt.show()\n", "")
    assert project.command("pipeline", "run").returncode == 0
    assert project.read(f"{GENERATED}/line.light.svg") == before


def test_the_two_schemes_differ_in_their_colours_alone(good_project: Project) -> None:
    light, dark = (good_project.read(f"{GENERATED}/line.{scheme}.svg") for scheme in ("light", "dark"))
    for ink, other in dark_colours(good_project.folder).items():
        light = light.replace(ink, other)
    assert light == dark
    assert "#dde4ea" in dark


def test_every_colour_of_the_style_has_a_legible_partner_for_dark_pages() -> None:
    pairs = dark_colours(ROOT)
    style = (ROOT / "snippets/matplotlibrc").read_text()
    settings = "\n".join(line for line in style.splitlines() if not line.startswith("#"))
    assert set(re.findall(r"#[0-9a-f]{6}", settings)) == set(pairs)
    for light, dark in pairs.items():
        assert colours.contrast(light, "#ffffff") >= 4.5, light  # a notebook's ground, where it was downloaded to
        assert colours.contrast(dark, "#1e2129") >= 4.5, dark  # the grounds of this site's pages: test_look.py


def test_contrast_is_that_of_wcag() -> None:
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#767676", "#ffffff") == pytest.approx(4.54, abs=0.01)  # WCAG's own example of what just passes
