"""The built pages are valid HTML, says the Nu HTML Checker (vnu), which stands behind validator.w3.org/nu."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.project import Project

JAR = os.environ.get("VNU_JAR", "")

pytestmark = pytest.mark.skipif(
    not JAR,
    reason="HTML is validated by vnu.jar, which needs Java: 'npm pack vnu-jar' brings it; name its path in VNU_JAR.",
)


def errors(site: Path) -> list[str]:
    assert shutil.which("java"), "VNU_JAR is set, and there is no java to run it."
    done = subprocess.run(
        ["java", "-jar", JAR, "--errors-only", "--skip-non-html", "--format", "json", "--stdout", str(site)],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.stdout, done.stderr
    return [
        f"{message['url'].removeprefix(f'file:{site.resolve()}/')}: {message['message']} {message.get('extract', '')!r}"
        for message in json.loads(done.stdout)["messages"]
    ]


@pytest.mark.built
def test_every_page_is_valid(site: Path) -> None:
    assert errors(site) == []


def test_the_validator_notices(good_project: Project, tmp_path: Path) -> None:
    page = good_project.read("site/29/toy/index.html")
    wrong = ["<p>one</p></p>", '<img src="x.svg">', '<a href="#" tabindex="">x</a>', "<p><h2>x</h2></p>"]
    for n, html in enumerate(["", *wrong]):
        (tmp_path / f"{n}.html").write_text(page.replace("<h1 ", f"{html}<h1 "), encoding="utf-8")
    found = {error.partition(":")[0] for error in errors(tmp_path)}
    assert found == {"1.html", "2.html", "3.html", "4.html"}
