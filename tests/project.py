"""A small project of its own, with one toy snippet and its page, on which the real commands run."""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil

from tests import warm

ROOT = Path(__file__).resolve().parent.parent
SNIPPET = "snippets/29/toy.py"
PAGE = "docs/29/toy.md"
MARK = "TEST_PROJECT"  # in the environment of every process that works for a project


@dataclass(frozen=True)
class Project:
    folder: Path

    def make(self, *targets: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """What a person does: `make site`, in this folder."""
        return subprocess.run(
            ["make", "--no-print-directory", *(targets or ("site",))],
            cwd=self.folder,
            env=self.environment(**environment),
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )

    def build(self, **environment: str) -> subprocess.CompletedProcess[str]:
        """What `make site` does once all is installed, in a fraction of its time."""
        return self.command("mkdocs", "build", "--strict", NO_MKDOCS_2_WARNING="1", **environment)

    def environment(self, **more: str) -> dict[str, str]:
        # What the surrounding `make test` and pytest put there is not part of the person's machine.
        mine = {
            k: v
            for k, v in os.environ.items()
            if not k.startswith(("MAKE", "MFLAGS", "PYTEST", "SEED", "SITE_URL", "REPO_URL"))
        }
        return {**mine, MARK: str(self.folder), "COLUMNS": "200", **more}

    def command(self, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """`python -m …` in this folder."""
        return warm.run(list(arguments), self.folder, self.environment(**environment))

    def read(self, file: str) -> str:
        return (self.folder / file).read_text(encoding="utf-8")

    def write(self, file: str, text: str) -> None:
        path = self.folder / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")

    def replace(self, file: str, old: str, new: str) -> int:
        """Edit a file; returns the number of the line at which the edit begins."""
        text = self.read(file)
        assert text.count(old) == 1, f"{old!r} stands {text.count(old)} times in {file}"
        self.write(file, text.replace(old, new))
        return text[: text.index(old)].count("\n") + 1

    def digest(self, folder: str = "site") -> dict[str, str]:
        """Every file below a folder, by name, with a digest of its bytes."""
        files = (path for path in sorted((self.folder / folder).rglob("*")) if path.is_file())
        return {str(p.relative_to(self.folder)): hashlib.sha256(p.read_bytes()).hexdigest() for p in files}

    def processes(self) -> list[psutil.Process]:
        """The kernels that work for this project."""
        found = []
        for process in psutil.process_iter(["cmdline"]):
            with contextlib.suppress(psutil.Error):
                if "session.py" in str(process.info["cmdline"]) and process.environ().get(MARK) == str(self.folder):
                    found.append(process)
        return found

    def copy(self, folder: Path) -> Project:
        subprocess.run(["cp", "-a", self.folder, folder], check=True)  # in a third of the time that Python takes
        return Project(folder)


def create(folder: Path) -> Project:
    """A project with the real Makefile, configuration and runner, and the toy in place of the articles."""
    folder.mkdir(parents=True)
    for name in ("Makefile", "requirements.txt", "requirements.lock"):
        shutil.copy2(ROOT / name, folder)
    shutil.copytree(ROOT / "pipeline", folder / "pipeline", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(ROOT / "tests" / "toy", folder, dirs_exist_ok=True)
    for name in ("docs/assets", "docs/templates", "theme"):
        shutil.copytree(ROOT / name, folder / name)
    for name in ("_headers", "feed.xml", "llms.txt", "robots.txt", "tags.md"):
        shutil.copy(ROOT / "docs" / name, folder / "docs")
    shutil.copy(ROOT / "snippets" / "matplotlibrc", folder / "snippets")
    config = (ROOT / "mkdocs.yml").read_text(encoding="utf-8")
    (folder / "mkdocs.yml").write_text(re.sub(r"^nav:\n(?:[ ].*\n)+", "", config, flags=re.MULTILINE), encoding="utf-8")
    (folder / ".venv").symlink_to(Path(os.environ.get("VENV", ROOT / ".venv")).resolve())
    return Project(folder)


def lines_of(text: str, *parts: str) -> Iterator[str]:
    """The lines of a message that hold every one of these parts."""
    return (line for line in text.splitlines() if all(part in line for part in parts))
