"""The experiments as a reader could run them: whole, changed, under another SEED, or only their definitions."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any

from pipeline.run.kernel import ONE_THREAD
from pipeline.run.snippet import STYLE, Snippet, find
from tests.project import ROOT

CONCEPTS = [snippet.concept for snippet in find(ROOT)]


def source(concept: str) -> str:
    return Snippet(ROOT, concept).path.read_text(encoding="utf-8")


def cells(script: str) -> dict[str, str]:
    """The code of each cell, by its name."""
    found = re.findall(r"^# %% (\S+)$\n(.*?)(?=^# %%|\Z)", script, re.MULTILINE | re.DOTALL)
    return {name: code for name, code in found if not name.startswith("[")}


def definitions(concept: str, names: tuple[str, ...], seed: int = 1) -> dict[str, Any]:
    """What these cells define, executed in this order under this SEED."""
    code, defined = cells(source(concept)), {"__name__": "definitions"}
    was = os.environ.get("SEED")
    os.environ["SEED"] = str(seed)
    try:
        for name in names:
            exec(compile(code[name], f"{concept}: {name}", "exec"), defined)
    finally:
        os.environ.pop("SEED")
        if was is not None:
            os.environ["SEED"] = was
    return defined


def recorded(script: str, folder: Path, seed: int = 0) -> dict[str, Any]:
    """Run a script in an empty folder; see ``tests.recorded``. Raises ``AssertionError`` with its traceback if it fails."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "script.py").write_text(script, encoding="utf-8")
    more = {"SEED": str(seed), "MPLBACKEND": "agg", "MATPLOTLIBRC": str(ROOT / STYLE), "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-m", "tests.recorded", "script.py", "found.json"],
        cwd=folder,
        env={**os.environ, **ONE_THREAD, **more},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    found: dict[str, Any] = json.loads((folder / "found.json").read_text(encoding="utf-8"))
    return found


@cache
def as_built(concept: str) -> dict[str, Any]:
    """The results of the built site."""
    built: dict[str, Any] = json.loads(
        (ROOT / "docs" / "generated" / concept / "results.json").read_text(encoding="utf-8")
    )
    return built
