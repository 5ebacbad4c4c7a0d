"""An animation in a real browser: still until it is asked to play, and again when it is asked to stop."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Open

pytestmark = pytest.mark.built


def test_an_animation_plays_when_it_is_asked_to_and_stops(visit: Open) -> None:
    with visit() as visited:
        page = visited.open("29/grokking/")
        figure = page.locator("figure.watch")
        picture, button = figure.locator("img:visible"), figure.get_by_role("button")
        still = picture.get_attribute("src") or ""
        assert ".still." in still
        button.focus()
        page.keyboard.press("Enter")
        expect(button).to_have_text("Stop")
        assert ".still." not in (picture.get_attribute("src") or "")
        visited.wait_for_pictures()
        first = picture.screenshot()
        page.wait_for_timeout(1000)  # the one thing here that is about time
        assert picture.screenshot() != first, "nothing moves"
        page.keyboard.press("Escape")
        expect(picture).to_have_attribute("src", still)
        expect(button).to_contain_text("Watch")
        expect(button).to_be_focused()
        figure.locator(".watch__screen").click(position={"x": 5, "y": 5})
        expect(button).to_have_text("Stop")
