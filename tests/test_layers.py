"""The rule of the rooms (`lint-imports`, see pyproject.toml), and how long a function may be: each is broken once."""

from __future__ import annotations

import ast
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.project import ROOT

LINES = 40  # of one function: what can be seen at once
LAYERS = "Each room imports only rooms before it"
CIRCLES = "No imports in a circle"
MKDOCS = "Only the hook knows MkDocs"
RUNS = "Only run knows what runs a snippet"


def lint(folder: Path) -> subprocess.CompletedProcess[str]:
    command = [str(Path(sys.executable).with_name("lint-imports")), "--no-cache", "--no-logo"]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A copy of what the rule is about, to break."""
    shutil.copytree(ROOT / "pipeline", tmp_path / "pipeline", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    return tmp_path


def test_the_rule_holds() -> None:
    done = lint(ROOT)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize(
    ("contract", "files", "told"),
    [
        (LAYERS, {"run/new": "pipeline.write"}, "pipeline.run.new -> pipeline.write (l.1)"),
        (LAYERS, {"write/new": "pipeline.markup"}, "pipeline.write.new -> pipeline.markup (l.1)"),
        (LAYERS, {"markup/new": "pipeline.finish"}, "pipeline.markup.new -> pipeline.finish (l.1)"),
        (LAYERS, {"finish/new": "pipeline.mkdocs_hook"}, "pipeline.finish.new -> pipeline.mkdocs_hook (l.1)"),
        (LAYERS, {"room": "pipeline.problem"}, "- pipeline.room"),  # it has no place in the row
        (CIRCLES, {"run/one": "pipeline.run.two", "run/two": "pipeline.run.one"}, "allowed in pipeline.run."),
        (CIRCLES, {"run/one": "pipeline.write.two", "write/two": "pipeline.run.one"}, "allowed in pipeline."),
        (MKDOCS, {"finish/new": "mkdocs.utils"}, "pipeline.finish.new -> mkdocs (l.1)"),
        (MKDOCS, {"write/new": "mkdocs_jupyter"}, "pipeline.write.new -> mkdocs_jupyter (l.1)"),
        (MKDOCS, {"run/new": "material"}, "pipeline.run.new -> material (l.1)"),
        (RUNS, {"write/new": "torch"}, "pipeline.write.new -> torch (l.1)"),
        (RUNS, {"finish/new": "nbformat"}, "pipeline.finish.new -> nbformat (l.1)"),
    ],
)
def test_a_bad_import_is_named(copy: Path, contract: str, files: dict[str, str], told: str) -> None:
    for module, imported in files.items():
        (copy / "pipeline" / f"{module}.py").write_text(f"import {imported}\n", "utf-8")
    done = lint(copy)
    assert done.returncode == 1
    assert f"{contract} BROKEN" in done.stdout
    assert told in done.stdout


def test_what_is_slow_is_imported_only_to_run_something() -> None:
    """The time of every warm build: these are imported within functions, which no contract can tell apart."""
    slow = {"torch", "numpy", "matplotlib", "rich", "sklearn"}
    program = "import sys, pipeline.__main__, pipeline.mkdocs_hook; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    assert "pipeline.mkdocs_hook" in done.stdout
    assert slow.isdisjoint(done.stdout.split())


def long_functions(source: str) -> Iterator[str]:
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            lines = (node.end_lineno or node.lineno) - node.lineno + 1
            if lines > LINES:
                yield f"line {node.lineno}: {node.name} has {lines} lines"


def test_functions_are_short() -> None:
    files = sorted((ROOT / "pipeline").rglob("*.py"))
    assert files
    assert [
        f"{path.relative_to(ROOT)}, {told}" for path in files for told in long_functions(path.read_text("utf-8"))
    ] == []


def test_a_long_function_is_found() -> None:
    body = "    x = 1\n" * (LINES - 1)
    assert list(long_functions(f"def f():\n{body}")) == []
    assert list(long_functions(f"class C:\n  async def f():\n{body}    x = 1\n")) == ["line 2: f has 41 lines"]
