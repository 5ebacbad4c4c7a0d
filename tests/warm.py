"""Runs `python -m …` again and again without importing the same libraries again and again.

A process that has them is copied (``fork``) for each run, which is then as alone as any other: folder, environment,
output, exit status and all that it changes are its own, and the project's ``pipeline`` is imported from its folder.
What this saves is most of the time of a build of the toy.
"""

from __future__ import annotations

import atexit
import contextlib
import importlib
import json
import os
import runpy
import signal
import subprocess
import sys
import tempfile
import threading
from functools import cache
from pathlib import Path
from typing import Any

TIME_LIMIT = 300  # seconds
# What a build of a site imports of other people's, and what a run of a snippet does.
LIBRARIES = (
    "click", "mkdocs.commands.build", "mkdocs.theme", "material.plugins.search.plugin", "material.plugins.tags.plugin",
    "mkdocs_jupyter.plugin", "nbconvert.nbconvertapp", "rich.progress",
    "markdown.extensions.attr_list", "markdown.extensions.md_in_html", "markdown.extensions.footnotes",
    "pymdownx.superfences",
    "pygments.lexers.python", "latex2mathml.converter", "pybtex.database.input.bibtex", "selectolax.lexbor", "bs4", "PIL.ImageFont",
    "statistics", "simpleeval", "filelock",
)  # fmt: skip


@cache
def _server() -> subprocess.Popen[str]:
    server = subprocess.Popen(
        [sys.executable, "-m", "tests.warm"],
        cwd=Path(__file__).resolve().parent.parent,
        stdin=subprocess.PIPE,  # it ends when this closes, with the process that reads here
        stdout=subprocess.PIPE,
        text=True,
    )
    atexit.register(server.communicate)  # which closes both, and waits for its end
    return server


def run(arguments: list[str], folder: Path, environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """``python -m`` with these arguments in this folder; what ran beyond the time limit has the status of its alarm."""
    server = _server()
    assert server.stdin is not None
    assert server.stdout is not None
    with tempfile.TemporaryDirectory() as outputs:
        request = {"arguments": arguments, "folder": str(folder), "environment": environment, "outputs": outputs}
        print(json.dumps(request), file=server.stdin, flush=True)
        status = int(server.stdout.readline())
        told = [Path(outputs, name).read_text(encoding="utf-8") for name in ("stdout", "stderr")]
    return subprocess.CompletedProcess(arguments, status, *told)


def _become(request: dict[str, Any], arguments: list[str]) -> None:
    """This process is from here on what was asked for."""
    signal.alarm(TIME_LIMIT)
    os.chdir(request["folder"])
    os.environ.clear()
    os.environ.update(request["environment"])
    for number, name in ((1, "stdout"), (2, "stderr")):
        os.dup2(os.open(Path(request["outputs"], name), os.O_CREAT | os.O_WRONLY | os.O_APPEND), number)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    sys.path[0] = request["folder"]
    sys.executable = str(Path(request["folder"], ".venv", "bin", "python"))
    sys.argv[:] = arguments
    runpy.run_module(arguments[0], run_name="__main__", alter_sys=True)


def _serve() -> None:
    for name in LIBRARIES:
        with contextlib.suppress(ImportError):  # what is not there is not imported by a build either
            importlib.import_module(name)
    assert threading.active_count() == 1, "a copy of this process would lack its other threads"
    while line := sys.stdin.readline():
        request = json.loads(line)
        if not (copy := os.fork()):
            return _become(request, request["arguments"])
        print(os.waitstatus_to_exitcode(os.waitpid(copy, 0)[1]), flush=True)


if __name__ == "__main__":
    _serve()
