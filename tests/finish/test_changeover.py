"""The change from the old site to the new one. A failed build leaves the old site as it was, byte for byte."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from pipeline.finish.changeover import Changeover
from pipeline.problem import Problem
from tests.project import PAGE, ROOT, Project, lines_of


def tree(folder: Path) -> dict[str, str | None]:
    """Every entry below a folder, with the text of files."""
    return {
        path.relative_to(folder).as_posix(): path.read_text() if path.is_file() else None
        for path in folder.rglob("*")
    }  # fmt: skip


def build(change: Changeover) -> None:
    change.begin()
    for name in ("index.html", "a/index.html", ".well-known/x"):
        (change.new / name).parent.mkdir(exist_ok=True)
        (change.new / name).write_text("new")


@pytest.fixture
def old(tmp_path: Path) -> Path:
    """A published site, in the checkout of a repository."""
    for name in ("site/index.html", "site/a/index.html", "site/b/c.html", "site/.git/HEAD", "site/.well-known/x"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("old")
    return tmp_path / "site"


NEW = {
    "index.html": "new", "a": None, "a/index.html": "new", ".well-known": None, ".well-known/x": "new", ".git": None, ".git/HEAD": "old",
}  # fmt: skip


def test_the_new_site_takes_the_place_and_the_repository_stays(old: Path) -> None:
    build(change := Changeover(old))
    change.complete()
    assert tree(old) == NEW


def test_a_link_is_followed_and_stays_one(old: Path, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").symlink_to(old)
    build(change := Changeover(tmp_path / "elsewhere"))
    change.complete()
    assert (tmp_path / "elsewhere").is_symlink()
    assert tree(old) == NEW


def test_a_site_that_was_not_there(tmp_path: Path) -> None:
    build(change := Changeover(tmp_path / "x/site"))
    change.abandon()
    assert not (tmp_path / "x/site").exists()
    build(change)
    change.complete()
    assert set(tree(tmp_path / "x/site")) == set(NEW) - {".git", ".git/HEAD"}


def test_a_build_that_fails_leaves_the_old_site(old: Path) -> None:
    before = tree(old)
    build(change := Changeover(old))
    change.abandon()
    assert tree(old) == before


def test_a_build_that_waits_touches_nothing_of_the_one_at_work(old: Path) -> None:
    build(at_work := Changeover(old))
    before = tree(old)
    Changeover(old).abandon()
    assert tree(old) == before
    at_work.complete()
    assert tree(old) == NEW


@pytest.mark.parametrize("stops", range(9))
@pytest.mark.parametrize("error", [OSError(16, "Device or resource busy"), KeyboardInterrupt()])
def test_a_change_that_fails_midway_is_taken_back(
    stops: int, error: BaseException, old: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before, rename, moves = tree(old), Path.rename, 0

    def rename_until(self: Path, target: Path) -> Path:
        nonlocal moves
        moves += 1
        if moves == stops + 1:
            raise error
        return rename(self, target)

    build(change := Changeover(old))
    monkeypatch.setattr(Path, "rename", rename_until)
    if stops == 8:  # four entries aside, three to their place, and one to say that it is done
        change.complete()
        assert tree(old) == NEW
        return
    with pytest.raises(Problem if isinstance(error, OSError) else KeyboardInterrupt):
        change.complete()
    assert tree(old) == before


def test_a_change_that_was_killed_midway_is_taken_back_by_the_next_build(old: Path) -> None:
    before = tree(old)
    build(killed := Changeover(old))
    (old / ".site.old").mkdir()
    for name in ("index.html", "a", "b"):
        (old / name).rename(old / ".site.old" / name)
    (killed.new / "a").rename(old / "a")
    change = Changeover(old)
    change.begin()
    change.abandon()
    assert tree(old) == before


def test_a_disk_of_its_own(old: Path, tmp_path: Path) -> None:
    """As in a container, where the folder to be published is mounted."""
    (tmp_path / "mounted").mkdir()
    private = ["unshare", "--map-root-user", "--mount", "sh", "-c"]
    mount = f"cd {tmp_path} && mount -t tmpfs none mounted"
    if not shutil.which("unshare") or subprocess.run([*private, mount], capture_output=True, check=False).returncode:
        pytest.skip("this system does not let us mount anything")
    script = "from tests.finish.test_changeover import *; build(c := Changeover(Path('mounted'))); c.complete()"
    python = f'PYTHONPATH={ROOT} {sys.executable} -c "{script}"'
    commands = f"{mount} && cp -a site/. mounted && {python} && cp -a mounted result"
    done = subprocess.run([*private, commands], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert tree(tmp_path / "result") == NEW


# -- as a person does it --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("place", ["/proc/site", "README/site"])
def test_where_nothing_can_be_written_one_sentence_says_so(place: str, project: Project) -> None:
    project.write("README", "A file, not a folder.")
    before = project.digest()
    done = project.command("mkdocs", "build", "--strict", "--site-dir", place)
    assert done.returncode != 0
    assert list(lines_of(done.stdout + done.stderr, "cannot be written", place))
    assert "Traceback" not in done.stdout + done.stderr
    assert project.digest() == before


def test_a_checkout_behind_a_link_is_built_into_and_published(project: Project, tmp_path: Path) -> None:
    """`site/` is a link to the checkout of a hosting branch; then `mkdocs gh-deploy` pushes the site to another."""

    def git(folder: Path, *arguments: str) -> str:
        who = ["-c", "user.name=A", "-c", "user.email=a@example.org", "-c", "init.defaultBranch=main"]
        done = subprocess.run(["git", *who, *arguments], cwd=folder, capture_output=True, text=True, check=True)
        return done.stdout

    checkout, site = tmp_path / "checkout", project.folder / "site"
    site.rename(checkout)
    site.symlink_to(checkout)
    git(checkout, "init")
    page = project.read("site/29/toy/index.html")
    project.replace(PAGE, "times later,", "times later, as said,")
    assert project.build().returncode == 0
    assert site.is_symlink()
    assert git(checkout, "status", "--short")
    assert project.read("site/29/toy/index.html") != page

    git(tmp_path, "init", "--bare", "host.git")
    git(project.folder, "init")
    git(project.folder, "remote", "add", "origin", str(tmp_path / "host.git"))
    who = {f"GIT_{role}_{what}": "a@example.org" for role in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
    done = project.command("mkdocs", "gh-deploy", "--strict", "--ignore-version", **who)
    assert done.returncode == 0, done.stderr
    published = git(tmp_path / "host.git", "ls-tree", "-r", "--name-only", "gh-pages").split("\n")
    assert {"index.html", "29/toy/index.html"} <= set(published)
    assert git(tmp_path / "host.git", "show", "gh-pages:29/toy/index.html") == project.read("site/29/toy/index.html")
    assert (checkout / ".git").is_dir()
