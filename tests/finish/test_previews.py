from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.finish import previews
from tests.finish import ADDRESS, guards
from tests.project import Project


def test_two_builds_give_the_same_image_and_draw_it_once(published_copy: Project) -> None:
    project, cache = published_copy, published_copy.folder / ".cache/previews"
    image = project.folder / "site/29/toy/preview.png"
    before = image.read_bytes()
    kept = {path: path.stat().st_mtime_ns for path in cache.iterdir()}
    assert project.build(SITE_URL=ADDRESS).returncode == 0
    assert {path: path.stat().st_mtime_ns for path in cache.iterdir()} == kept
    for path in kept:
        path.unlink()
    assert project.build(SITE_URL=ADDRESS).returncode == 0
    assert image.read_bytes() == before


def test_a_card_holds_any_title_and_any_number_of_figures(tmp_path: Path, good_project: Project) -> None:
    figure = good_project.folder / "docs/generated/29/toy/line.light.svg"
    one = previews.draw(tmp_path, "Site", "A & B <c>", [figure])
    five = previews.draw(
        tmp_path, "Site", "A title so long that it would leave its line if it were set as large as others", [figure] * 5
    )
    assert one != five
    assert one.startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("title", "drawn"),
    [("Toy 🎉 time", "Toy time"), ("玩具 Toy", "Toy"), ("👩‍🔬 Toy 👍🏽", "Toy"), ("玩具", ""), ("Größe – ‘a’ √2 ≤ ∞", "Größe – ‘a’ √2 ≤ ∞")],
)  # fmt: skip
def test_what_no_font_has_is_left_out(title: str, drawn: str, tmp_path: Path) -> None:
    mark = tmp_path / "mark.svg"
    mark.write_text('<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 1 1"></svg>')
    assert previews.draw(tmp_path, "Site 漢", title, [mark]) == previews.draw(tmp_path, "Site", drawn, [mark])


def test_a_damaged_image_is_noticed(published_copy: Project) -> None:
    image = published_copy.folder / "site/29/toy/preview.png"
    image.write_bytes(image.read_bytes()[:-20])
    assert guards.previews(published_copy.folder / "site")
