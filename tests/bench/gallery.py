"""The same scripts as a gallery of Sphinx, the nearest relative of this site: it runs scripts that have changed, and shows what they drew."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from tests.project import ROOT

PACKAGES = ROOT / ".cache" / "bench" / "packages"  # where `make bench` puts Sphinx and its gallery
CONF = """
import os, pathlib

at_once = False if pathlib.Path("gallery").exists() else os.cpu_count()  # where nothing runs, a pool only costs time
project = "Five ML Concepts"
extensions = ["sphinx_gallery.gen_gallery"]
sphinx_gallery_conf = {"examples_dirs": "../scripts", "gallery_dirs": "gallery", "filename_pattern": "/", "parallel": at_once}
"""
INDEX = "Five ML Concepts\n================\n\n.. toctree::\n\n   gallery/index\n"
TITLE = '"""\n%s\n%s\n"""\n'  # a gallery refuses a script that does not begin with one


def write(scripts: Sequence[Path], folder: Path) -> None:
    """Make a project for Sphinx of these scripts: their text as it stands, below the title that a gallery asks for."""
    for name, text in {"source/conf.py": CONF, "source/index.rst": INDEX}.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
    (folder / "scripts").mkdir()
    (folder / "scripts" / "README.rst").write_text("Scripts\n=======\n", encoding="utf-8")
    for script in scripts:
        title = TITLE % (script.stem, "=" * len(script.stem))
        (folder / "scripts" / script.name).write_text(title + script.read_text("utf-8"), encoding="utf-8")


def command() -> list[str]:
    """What builds it: all pages anew, as MkDocs does, but only those scripts run that have not run before."""
    options = ["--fresh-env", "--write-all", "--quiet"]
    return ["env", f"PYTHONPATH={PACKAGES}", sys.executable, "-m", "sphinx", *options, "source", "site"]
