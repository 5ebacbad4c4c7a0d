"""The experiments as a reader could run them: whole, changed, under another SEED, or only their definitions."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

from filelock import FileLock

from pipeline.run.kernel import ONE_THREAD
from pipeline.run.snippet import LIBRARIES, Snippet, find
from tests.project import ROOT

RECORDER = ROOT / "tests" / "recorded.py"
TIME_LIMIT = 600  # seconds
CONCEPTS = [snippet.concept for snippet in find(ROOT)]


def page_of(concept: str) -> str:
    """The page about a concept, within ``docs/``: ``29/neural-collapse.md``."""
    return f"{concept.replace('_', '-')}.md"


def source(concept: str) -> str:
    return Snippet(ROOT, concept).path.read_text(encoding="utf-8")


def cells(script: str) -> dict[str, str]:
    """The code of each cell, by its name."""
    found = re.findall(r"^# %% (\S+)$\n(.*?)(?=^# %%|\Z)", script, re.MULTILINE | re.DOTALL)
    return {name: code for name, code in found if not name.startswith("[")}


def definitions(concept: str, names: tuple[str, ...], seed: int | str = 1) -> dict[str, Any]:
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


def recorded(script: str, seed: int = 0) -> dict[str, Any]:
    """What ``recorded.py`` notes of a script that runs as whoever downloaded it would run it, by ``run_alone``.

    Kept under all that decides it, so nothing runs twice. Raises ``AssertionError`` with the traceback if it fails.
    """
    decides = [script, str(seed), RECORDER.read_text(encoding="utf-8"), sys.version, *map(version, LIBRARIES)]
    kept = ROOT / ".cache" / "recorded" / f"{hashlib.sha256(json.dumps(decides).encode()).hexdigest()}.json"
    kept.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(kept.with_suffix(".lock")):
        if not kept.is_file():
            with tempfile.TemporaryDirectory(dir=kept.parent) as folder:
                found = Path(folder, "found.json")
                run_alone(script, str(RECORDER), "script.py", str(found), SEED=str(seed))
                found.replace(kept)
        noted: dict[str, Any] = json.loads(kept.read_text(encoding="utf-8"))
    return noted


def run_alone(script: str, *before: str, **more: str) -> str:
    """What a script prints that is alone in its folder, without this project's settings and without a network."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "script.py").write_text(script, encoding="utf-8")
        done = subprocess.run(
            [*_offline(), sys.executable, "-P", *(before or ("script.py",))],
            cwd=folder,
            env={**plain_environment(), **more},
            capture_output=True,
            text=True,
            timeout=TIME_LIMIT,
            check=False,
        )
        assert done.returncode == 0, done.stderr[-2000:]
        assert os.listdir(folder) == ["script.py"], "it writes: the folder may be read-only"
    return done.stdout


def plain_environment() -> dict[str, str]:
    """Of a reader who runs a script, with one thread for each of several at once."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("PYTEST", "MATPLOTLIBRC", "SEED"))}
    return {**kept, **ONE_THREAD, "MPLBACKEND": "agg"}


@cache
def _offline() -> tuple[str, ...]:
    """What cuts a program off from every network, where the system can."""
    command = ("unshare", "--map-root-user", "--net")
    can = shutil.which("unshare") and subprocess.run([*command, "true"], capture_output=True, check=False)
    return command if can and can.returncode == 0 else ()


def rows(concept: str) -> list[str]:
    """*Try it yourself*: the first column of the article's table, as it is written."""
    text = (ROOT / "docs" / page_of(concept)).read_text(encoding="utf-8")
    section = text.split("## Try it yourself\n")[1].split("\n## ")[0]
    return re.findall(r"^\| (`.+?) \|", section, re.MULTILINE)


def other_seed(concept: str) -> int:
    """A SEED under which the article was not built: the one that it tells its readers to try, if it does."""
    named = [int(found[1]) for row in rows(concept) if (found := re.match(r"`SEED=(\d+) ", row))]
    return next(iter(named), 1)


@cache
def as_built(concept: str) -> dict[str, Any]:
    """The results of the built site."""
    built: dict[str, Any] = json.loads(
        (ROOT / "docs" / "generated" / concept / "results.json").read_text(encoding="utf-8")
    )
    return built
