"""A script is cut into cells that are the file, and refused where Python or a rule of ours refuses it."""

from __future__ import annotations

import re
from pathlib import Path

import nbformat
import pytest

from pipeline.run.outputs import Outputs
from pipeline.run.snippet import Snippet, cut, find
from tests.project import PAGE, ROOT, SNIPPET, Project
from tests.run.refused import FIRST, refused

COMMENTS = (
    "# copy the weights, or the teacher changes\n# cd into it\n# echo what is said\n# !rm -rf nothing\n"
    "# %time passes\n#%d of them\n# ?what\n# ls\n# \u2028 and \x85 end no line\n\x0c\n# %%%\n"
)


@pytest.mark.parametrize("file", [s.file for s in find(ROOT)] + ["tests/toy/snippets/29/toy.py"])
def test_the_cells_put_back_together_are_the_file(file: str) -> None:
    text = (ROOT / file).read_bytes()
    cells = cut(text.decode())
    assert "".join(cell.source for cell in cells).encode() == text
    lines = text.split(b"\n")
    assert all(lines[cell.line - 1].decode() == cell.source.split("\n")[0] for cell in cells)


def test_what_runs_is_what_the_page_shows_and_what_is_downloaded(project: Project) -> None:
    project.replace(SNIPPET, FIRST, COMMENTS + FIRST)
    done = project.command("pipeline", "run")
    assert done.returncode == 0, done.stderr
    outputs = Outputs(project.folder, "29/toy")
    cells = cut(project.read(SNIPPET))
    notebook = nbformat.read(outputs.folder / "toy.ipynb", as_version=4)
    for cell, there in zip(cells, notebook.cells, strict=True):
        assert there.source == (cell.text if cell.is_text else cell.code)
        assert cell.is_text or outputs.cell(cell.name).read_bytes().decode() == cell.code
    assert COMMENTS in outputs.cell("setup").read_text(encoding="utf-8")
    assert (outputs.folder / "toy.py").read_bytes() == (project.folder / SNIPPET).read_bytes()


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("import asyncio; await asyncio.sleep(0)", "'await' outside function"),
        ("%time 3", "SyntaxError"),
        ("!ls", "SyntaxError"),
        ("os?", "SyntaxError"),
        ("return 3", "'return' outside function"),
        ("x = 1; from __future__ import annotations", "must occur at the beginning"),
        ("if True:\n        x = 1\n    y = 2", "unindent does not match"),
        ("x = '\0'", "null bytes"),
        ("display(3)", "name 'display' is not defined"),
        ("get_ipython()", "name 'get_ipython' is not defined"),
        ("3\nprint(_)", "name '_' is not defined"),
        ("print(In)", "name 'In' is not defined"),
        ("ls", "name 'ls' is not defined"),
    ],
)
def test_what_plain_python_refuses(project: Project, code: str, said: str) -> None:
    line = project.replace(SNIPPET, FIRST, f"{code}\n{FIRST}") + code.count("\n")
    refused(project, f"{SNIPPET}:{line}:", "'setup'", said)


def test_a_wrong_indent_is_told_with_the_file(project: Project) -> None:
    project.replace(SNIPPET, FIRST, "if True:\n        x = 1\n    y = 2\n" + FIRST)
    assert "tokenize" not in refused(project, f"{SNIPPET}:8:", "IndentationError")


@pytest.mark.parametrize("line", ["x = 3", "and here the sentence goes on", "    # indented"])
def test_a_line_below_text_that_is_no_comment(project: Project, line: str) -> None:
    project.replace(SNIPPET, "a formula: $y = 2 x$.\n", f"a formula: $y = 2 x$.\n\n{line}\n")
    refused(project, f"{SNIPPET}:5:", "a line that is no comment")


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("# %% line", "#%% line", "'#%% line' looks like the mark of a cell"),
        ("# %% line", "# %%line", "'# %%line' looks like the mark of a cell"),
        ("# %% line", "#  %% line", "looks like the mark of a cell"),
        ("# %% line", "##%% line", "'##%% line' looks like the mark of a cell"),
        ("# %% line", " # %% line", "'# %% line' looks like the mark of a cell"),
        ("# %% line", '# %% line tags=["x"]', "needs a name"),
        ("# %% line", "# %% [raw]", "Cell '[raw]' needs a name"),
    ],
)
def test_a_mark_that_is_none(project: Project, old: str, new: str, said: str) -> None:
    line = project.replace(SNIPPET, old, new)
    refused(project, f"{SNIPPET}:{line}:", said)


@pytest.mark.parametrize("before", ["import os\n", "#!/usr/bin/env python\n", "\n"])
def test_something_before_the_first_mark(project: Project, before: str) -> None:
    project.write(SNIPPET, before + project.read(SNIPPET))
    refused(project, f"{SNIPPET}:1:", "The first line is not the mark of a cell")


@pytest.mark.parametrize(("before", "after"), [('s = """', '"""'), ("if SEED:", "    pass")])
def test_a_mark_inside_a_string_or_a_block(project: Project, before: str, after: str) -> None:
    old = 'SEED = int(os.environ.get("SEED", "0"))\n'
    line = project.replace(SNIPPET, old, f"{old}{before}\n# %% inside\n{after}\n")
    refused(project, f"{SNIPPET}:{line + 2}:", "'inside' stands inside a string or a block")


@pytest.mark.parametrize("name", ["inside", "results"])
def test_a_block_that_goes_on_below_a_mark(project: Project, name: str) -> None:
    last = "# %% results\n"
    more = f"if True:\n    pass\n# %% {name}\n    zz = 3\n" + ("" if name == "results" else last)
    line = project.replace(SNIPPET, last, more)
    refused(project, f"{SNIPPET}:{line + 2}:", f"{name!r} stands inside a string or a block")


def test_an_indented_mark_in_a_string_is_text(project: Project) -> None:
    project.replace(SNIPPET, FIRST, f's = """\n    # %% line\n"""\n{FIRST}')
    assert project.command("pipeline", "run").returncode == 0


@pytest.mark.parametrize("comment", ["# # Positional encoding: sinusoids", "# coding=latin-1"])
def test_a_comment_that_names_an_encoding(project: Project, comment: str) -> None:
    project.replace(SNIPPET, "# # Toy", comment)
    refused(project, f"{SNIPPET}:2:", "as the encoding", "which is UTF-8")


@pytest.mark.parametrize("comment", ["# -*- coding: utf-8 -*-", "# encoding of positions"])
def test_a_comment_that_names_no_other_encoding(project: Project, comment: str) -> None:
    project.replace(SNIPPET, "# # Toy", comment)
    assert project.command("pipeline", "run").returncode == 0


@pytest.mark.parametrize("ends", ["\r\n", "\r"])
def test_the_lines_end_as_they_may(project: Project, ends: str) -> None:
    (project.folder / SNIPPET).write_bytes(project.read(SNIPPET).replace("\n", ends).encode())
    before = project.digest("docs/generated/29/toy/cells")
    assert project.command("pipeline", "run").returncode == 0
    assert project.digest("docs/generated/29/toy/cells") == before


def test_a_byte_order_mark_does_no_harm(project: Project) -> None:
    before = project.digest("docs/generated/29/toy/cells")
    (project.folder / SNIPPET).write_bytes(b"\xef\xbb\xbf" + (project.folder / SNIPPET).read_bytes())
    done = project.command("pipeline", "run")
    assert "snippet changed" in done.stdout
    assert done.returncode == 0, done.stderr
    assert project.digest("docs/generated/29/toy/cells") == before


@pytest.mark.parametrize("name", ["snippet", "style", "SEED", "pipeline"])
def test_each_input_of_the_key_makes_a_run_stale(project: Project, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    snippet = Snippet(project.folder, "29/toy")
    outputs = Outputs(project.folder, "29/toy")
    assert outputs.stale(snippet.key()) == ""
    match name:
        case "snippet":
            project.replace(SNIPPET, "Twice x.", "Two times x.")
        case "style":
            project.replace("snippets/matplotlibrc", "font.size:            10", "font.size:            11")
        case "SEED":
            monkeypatch.setenv("SEED", "5")
        case "pipeline":
            monkeypatch.setattr("pipeline.run.snippet.SCHEMA", -1)
    assert name in outputs.stale(snippet.key())


@pytest.mark.parametrize("library", ["torch", "numpy", "scikit-learn", "matplotlib", "python"])
def test_another_version_makes_a_run_stale(good_project: Project, library: str) -> None:
    key = Snippet(good_project.folder, "29/toy").key() | {library: "0.1"}
    assert f"{library} " in Outputs(good_project.folder, "29/toy").stale(key)


def test_prose_and_time_do_not_make_a_run_stale(project: Project) -> None:
    project.replace(PAGE, "It comes {{", "In the end it comes {{")
    (project.folder / SNIPPET).touch()
    assert project.command("pipeline", "run", "--explain").stdout == "29/toy: fresh\n"


def test_snippets_are_found_in_order() -> None:
    found = find(ROOT)
    assert [s.concept for s in found] == sorted(s.concept for s in found)
    assert all(Path(ROOT, s.file).is_file() for s in found)
    assert all(re.fullmatch(r"\d+/\w+", s.concept) for s in found)
