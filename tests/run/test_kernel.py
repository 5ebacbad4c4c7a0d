"""The process of a snippet: what it runs in, what it says, and how it ends."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import nbformat
import psutil
import pytest

from pipeline.run.kernel import plain_text
from tests.project import SNIPPET, Project
from tests.run.refused import FIRST, LABELS, refused

GENERATED = "docs/generated/29/toy"
FOREVER = "import threading\nthreading.Event().wait()\n"


def test_an_empty_folder_and_one_thread(project: Project) -> None:
    more = "results['files'] = len(os.listdir())\nresults['threads'] = int(os.environ['OMP_NUM_THREADS'])"
    project.replace(SNIPPET, 'print(results["delay"])', more)
    assert project.command("pipeline", "run").returncode == 0
    results = json.loads(project.read(f"{GENERATED}/results.json"))
    assert (results["files"], results["threads"]) == (0, 1)


def test_escape_codes_reach_no_file(project: Project) -> None:
    project.replace(SNIPPET, 'print(results["delay"])', r'print("\x1b[1;31mred\x1b[0m \x1b]8;;http://a\x07link\a")')
    assert project.command("pipeline", "run").returncode == 0
    assert project.read(f"{GENERATED}/cells/results.txt") == "red link"
    for name in ("toy.ipynb", "run.ipynb"):
        notebook = nbformat.read(project.folder / GENERATED / name, as_version=4)
        assert notebook.cells[-1].outputs[0].text == "red link\n"


@pytest.mark.parametrize("path", ["os.getcwd()", "[os.path.abspath('x')]"])
def test_a_path_that_is_another_in_every_run(project: Project, path: str) -> None:
    line = project.replace(SNIPPET, 'print(results["delay"])', f"print({path})") - 2
    refused(project, f"{SNIPPET}:{line}:", "'results' prints the path of its folder")


def test_the_script_knows_its_name(project: Project) -> None:
    project.replace(SNIPPET, 'print(results["delay"])', "print(os.path.basename(__file__))")
    assert project.command("pipeline", "run").returncode == 0
    assert project.read(f"{GENERATED}/cells/results.txt") == "toy.py"


@pytest.mark.parametrize(
    ("printed", "shown"),
    [
        ("10%\r50%\r100%\ndone\n", "100%\ndone\n"),
        ("half\r", "half"),
        ("a\r\nb\r\n", "a\nb\n"),
        ("\x1b[2K\x1b(B|\x9b|\x00|\tx é 数\u2028", "|||\tx é 数\u2028"),
        ("\x1b", ""),
    ],
)
def test_what_a_terminal_shows(printed: str, shown: str) -> None:
    assert plain_text(printed.encode()) == shown


def test_standard_error_is_for_the_terminal_alone(project: Project) -> None:
    noise = "import logging, sys, tempfile\nlogging.warning(tempfile.mkdtemp())\nprint('to error', file=sys.stderr)\n"
    project.replace(SNIPPET, FIRST, noise + FIRST)
    done = project.command("pipeline", "run")
    assert done.returncode == 0, done.stderr
    assert "29/toy on standard error, which no page shows:\n" in done.stderr
    assert "to error\n" in done.stderr
    first = project.digest("docs/generated")
    assert project.command("pipeline", "run", "--force").returncode == 0
    record = f"{GENERATED}/run.json"
    assert {**first, record: ""} == {**project.digest("docs/generated"), record: ""}
    assert not list(project.folder.glob(f"{GENERATED}/cells/setup.txt"))


def test_a_flood_on_standard_error(project: Project) -> None:
    project.replace(SNIPPET, FIRST, "import sys\nwhile True:\n    sys.stderr.write('x' * 100_000)\n" + FIRST)
    refused(project, f"{SNIPPET}:5:", "'setup'", "printed more than 1 MB")


@pytest.mark.parametrize("how", ["exit()", "quit()", "import sys; sys.exit()", "raise SystemExit"])
def test_the_cell_that_ends_the_script_is_named(project: Project, how: str) -> None:
    line = project.replace(
        SNIPPET, "fig, ax = plt.subplots()\nax.plot(seeds", f"{how}\nfig, ax = plt.subplots()\nax.plot(seeds"
    )
    refused(project, f"{SNIPPET}:{line}:", "'line' ended the script")


def test_a_process_that_dies_and_leaves_another_behind(project: Project) -> None:
    code = "import os, signal, threading\nif os.fork() == 0:\n    threading.Event().wait()\nos.kill(os.getpid(), signal.SIGKILL)\n"
    project.replace(SNIPPET, FIRST, code + FIRST)
    refused(project, f"{SNIPPET}:5:", "'setup'", "SIGKILL")


def test_a_crash_shows_where(project: Project) -> None:
    line = project.replace(SNIPPET, FIRST, "import ctypes\nctypes.string_at(0)\n" + FIRST)
    told = refused(project, f"{SNIPPET}:5:", "'setup'", "SIGSEGV")
    assert f'File "{SNIPPET}", line {line + 1} in <module>' in told


@pytest.mark.parametrize("character", ["\x0c", "\u2028", "\x85", "\x1c"])
def test_no_odd_character_shifts_the_lines(project: Project, character: str) -> None:
    odd = f"s = '{character}'\n# {character}\n"
    project.replace(SNIPPET, FIRST, odd + FIRST)
    line = project.replace(SNIPPET, LABELS, f"{odd}1 / 0\n{LABELS}")  # in a later cell, below two more
    assert "|     1 / 0" in refused(project, f"{SNIPPET}:{line + 2}:", "'line' raised ZeroDivisionError")


@pytest.fixture
def running(project: Project, request: pytest.FixtureRequest) -> Iterator[subprocess.Popen[bytes]]:
    """A run in the middle of its first cell, its temporary folders in `tmp`. The parameter: in the background."""
    (project.folder / "tmp").mkdir()
    os.mkfifo(pipe := project.folder / "started")
    project.replace(SNIPPET, FIRST, f"open({str(pipe)!r}, 'w').close()\n{FOREVER}{FIRST}")
    environment = project.environment(TMPDIR=str(project.folder / "tmp"))
    command = [".venv/bin/python", "-m", "pipeline", "run"]
    if getattr(request, "param", False):
        command = ["sh", "-c", 'trap "" INT; exec "$@"', "sh", *command]  # as a shell starts what is in the background
    running = subprocess.Popen(command, cwd=project.folder, env=environment, stderr=subprocess.PIPE)
    with pipe.open():
        assert project.processes()
    yield running
    running.kill()


@pytest.mark.parametrize(
    ("running", "request_to_end"),
    [(False, signal.SIGINT), (False, signal.SIGTERM), (True, signal.SIGTERM)],
    indirect=["running"],
)
def test_a_run_that_is_told_to_end_leaves_nothing_behind(
    project: Project, running: subprocess.Popen[bytes], request_to_end: signal.Signals
) -> None:
    before = project.digest("docs/generated")
    assert os.listdir(project.folder / "tmp")
    running.send_signal(request_to_end)
    _, told = running.communicate(timeout=60)
    assert running.returncode == 130
    assert b"Traceback" not in told
    assert os.listdir(project.folder / "tmp") == []
    assert not project.processes()
    assert project.digest("docs/generated") == before


def test_the_process_follows_the_one_that_started_it(project: Project, running: subprocess.Popen[bytes]) -> None:
    kernels = project.processes()
    running.kill()
    running.wait()
    psutil.wait_procs(kernels, timeout=60)
    assert not project.processes()


def test_a_long_path_for_temporary_folders(project: Project) -> None:
    folder = project.folder / "/".join(["a-very-long-name"] * 8)
    folder.mkdir(parents=True)
    done = project.command("pipeline", "run", "--force", TMPDIR=str(folder))
    assert done.returncode == 0, done.stderr
    assert os.listdir(folder) == []
    assert Path(tempfile.gettempdir()) != folder
