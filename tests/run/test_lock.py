"""One build at a time, and one sentence where there can be none."""

from __future__ import annotations

import shutil

from tests.project import Project


def test_a_checkout_in_which_no_lock_can_be_kept(project: Project) -> None:
    shutil.rmtree(project.folder / ".cache")
    project.write(".cache", "a file, where a folder should be")
    before = project.digest()
    for done in (project.make("site"), project.command("pipeline", "run")):
        assert done.returncode == 2
        assert ".cache cannot be written" in done.stderr
        assert "Traceback" not in done.stderr
    assert project.digest() == before
