"""How each engine is called. MkDocs and ProperDocs read the pages; Zensical reads the Markdown that `pipeline write` makes of them."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import yaml

from tests.engines.finishing import finish_site

PACKAGES = ".cache/engines/packages"  # where `make engines` puts ProperDocs and Zensical


class Failed(Exception):
    """A command that ended with an error; its text is what the command said."""


def mkdocs(root: Path, work: Path) -> Path:
    """Build the project in ``root`` with MkDocs, the default; returns the folder of the site, in ``work``."""
    return _with_hook("mkdocs", root, work)


def properdocs(root: Path, work: Path) -> Path:
    """The same with ProperDocs: it reads mkdocs.yml, and answers our hook's imports of `mkdocs` itself."""
    return _with_hook("properdocs", root, work)


def zensical(root: Path, work: Path) -> Path:
    """Write the pages of ``root`` as plain Markdown and build that with Zensical, by mkdocs.yml as it stands.

    Zensical wants its sources and its site below the folder of its configuration, so all lie in ``work``.
    """
    folder = work / "zensical"
    shutil.rmtree(folder, ignore_errors=True)
    _run(root, "pipeline", "write", str(folder / "docs"))
    shutil.copytree(root / "theme", folder / "theme")
    # Its lists are added to those of mkdocs.yml. Ours comes last: it has a fence of its own to add to the others.
    ours = {
        "docs_dir": "docs",
        "theme": {"custom_dir": "theme"},
        "markdown_extensions": ["pymdownx.superfences", "pipeline.markup"],
    }
    config = {"INHERIT": str(root / "mkdocs.yml"), **ours}
    (folder / "mkdocs.yml").write_text(yaml.safe_dump(config), encoding="utf-8")
    _run(root, "zensical", "build", "--clean", "--strict", "--config-file", str(folder / "mkdocs.yml"))
    finish_site(root, folder / "site")
    return folder / "site"


def _with_hook(engine: str, root: Path, work: Path) -> Path:
    site = work / engine
    _run(root, engine, "build", "--strict", "--config-file", "mkdocs.yml", "--site-dir", str(site))
    return site


def _run(root: Path, module: str, *arguments: str) -> None:
    """`python -m module …` in the project's folder, which is also where Zensical finds `pipeline.markup`."""
    path = os.pathsep.join((str(root), str(root / PACKAGES)))
    environment = {**os.environ, "NO_MKDOCS_2_WARNING": "1", "PYTHONPATH": path}
    command = [sys.executable, "-m", module, *arguments]
    done = subprocess.run(command, cwd=root, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise Failed(f"{' '.join(command[1:])} failed:\n{done.stdout}{done.stderr}")
