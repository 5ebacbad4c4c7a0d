"""What a person sees when something is wrong: through `make site` where that could matter, else by what it calls."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.project import PAGE, SNIPPET, Project, create, lines_of

Build = Callable[..., subprocess.CompletedProcess[str]]
FIRST = "import os\n\nimport matplotlib"  # of the toy's setup cell, at line 6


def fails(project: Project, *parts: str, by: Build = Project.build, **environment: str) -> str:
    """Build, and see that it fails, that one line says all these parts, and that the good site stays."""
    before = project.digest()
    assert before, "there was no good site to begin with"
    done = by(project, **environment)
    told = done.stdout + done.stderr
    assert done.returncode != 0, told
    assert list(lines_of(told, *parts)), f"no line says {parts}:\n{told}"
    ours = [
        line for line in told.splitlines() if not line.startswith("    | ")
    ]  # a snippet's own traceback stands there
    assert "Traceback" not in "\n".join(ours), told
    assert project.digest() == before
    assert not project.processes()
    return told


# -- a snippet that fails ------------------------------------------------------------------------------------------


def test_a_cell_that_raises(project: Project) -> None:
    line = project.replace(SNIPPET, "    return 2 * x", "    return 1 / x")
    told = fails(project, f"{SNIPPET}:{line}:", "'line'", "ZeroDivisionError", by=Project.make)
    assert "return 1 / x" in told
    assert f"python {SNIPPET}" in told


def test_a_syntax_error(project: Project) -> None:
    line = project.replace(SNIPPET, "seeds = [SEED", "seeds == = [SEED")
    fails(project, f"{SNIPPET}:{line}:", "'setup'", "SyntaxError")


def test_a_missing_import(project: Project) -> None:
    line = project.replace(SNIPPET, FIRST, "import no_such_library\n" + FIRST)
    fails(project, f"{SNIPPET}:{line}:", "'setup'", "No module named 'no_such_library'")


def test_all_failing_snippets_at_once(project: Project) -> None:
    project.replace(SNIPPET, FIRST, "1 / 0\n" + FIRST)
    project.write("snippets/29/other.py", "# %% results\nresults = {'a': undefined}\n")
    told = fails(project, f"{SNIPPET}:6:", "ZeroDivisionError")
    assert list(lines_of(told, "snippets/29/other.py:2:", "NameError"))


def test_a_failure_is_not_remembered_as_a_success(project: Project) -> None:
    good = project.read(SNIPPET)
    project.replace(SNIPPET, FIRST, "1 / 0\n" + FIRST)
    fails(project, "ZeroDivisionError")
    fails(project, "ZeroDivisionError")
    project.write(SNIPPET, good)
    assert project.build().returncode == 0


def test_beyond_the_time_limit(project: Project) -> None:
    project.replace(SNIPPET, FIRST, "import threading\nthreading.Event().wait()\n" + FIRST)
    done = project.command("pipeline", "run", "--time-limit", "3")
    assert done.returncode == 1
    assert list(lines_of(done.stderr, f"{SNIPPET}:5:", "'setup'", "still running", "time limit of 3 s"))
    assert not project.processes()


def test_a_flood_of_output(project: Project) -> None:
    project.replace(SNIPPET, FIRST, "for _ in range(1000):\n    print('x' * 100_000)\n" + FIRST)
    fails(project, f"{SNIPPET}:5:", "'setup'", "printed more than 1 MB")


def test_an_endless_flood_of_output(project: Project) -> None:
    project.replace(SNIPPET, FIRST, "while True:\n    print('x' * 100_000)\n" + FIRST)
    fails(project, f"{SNIPPET}:5:", "'setup'", "printed more than 1 MB")


def test_a_killed_process(project: Project) -> None:
    good = project.read(SNIPPET)
    project.replace(SNIPPET, FIRST, "import os, signal\nos.kill(os.getpid(), signal.SIGKILL)\n" + FIRST)
    fails(project, f"{SNIPPET}:5:", "'setup'", "process was killed", "SIGKILL")
    project.write(SNIPPET, good)
    assert project.build().returncode == 0


def test_a_process_that_ends_itself(project: Project) -> None:
    project.replace(SNIPPET, FIRST, "import os\nos._exit(3)\n" + FIRST)
    fails(project, f"{SNIPPET}:5:", "'setup'", "ended itself, with status 3")


def test_a_flood_that_is_displayed_rather_than_printed(project: Project) -> None:
    flood = "from IPython.display import display\ndisplay({'text/plain': 'x' * 9_000_000}, raw=True)\n"
    project.replace(SNIPPET, FIRST, flood + FIRST)
    fails(project, f"{SNIPPET}:5:", "'setup'", "more than 1 MB")


def test_the_command_to_reproduce_names_the_python_and_the_seed(project: Project) -> None:
    project.replace(SNIPPET, FIRST, "1 / 0\n" + FIRST)
    told = fails(project, "ZeroDivisionError", SEED="7")
    assert f"SEED=7 .venv/bin/python {SNIPPET}" in told


def test_a_snippet_that_is_gone_feeds_no_page(project: Project) -> None:
    (project.folder / SNIPPET).unlink()
    fails(project, f"{PAGE}:", "has none")
    assert not project.digest("docs/generated")


# -- a snippet that breaks its rules -------------------------------------------------------------------------------


def test_two_cells_with_one_name(project: Project) -> None:
    line = project.replace(SNIPPET, "# %% line", "# %% setup")
    fails(project, f"{SNIPPET}:{line}:", "Two cells are named 'setup'", "line 5")


def test_a_cell_without_a_name(project: Project) -> None:
    line = project.replace(SNIPPET, "# %% line", "# %%")
    fails(project, f"{SNIPPET}:{line}:", "needs a name")


def test_no_results_cell(project: Project) -> None:
    project.replace(SNIPPET, "# %% results", "# %% numbers")
    fails(project, SNIPPET, "no cell named 'results'")


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("float('nan')", "results['delay'] is nan"),
        ("[1.0, float('inf')]", "results['delay'][1] is inf"),
        ("'fast'", "results['delay'] is fast"),
        ("True", "results['delay'] is True"),
        ("[]", "results['delay'] is an empty list"),
        ("{}", "results['delay'] is of type dict"),
        ("10**400", "results['delay'] is 1"),
        ("__import__('numpy').ones(2)", "results['delay'] is <ndarray>"),
    ],
)
def test_a_result_that_is_no_number(project: Project, value: str, said: str) -> None:
    project.write(SNIPPET, f'# %% results\nresults = {{"seeds": [0, 1], "delay": {value}}}\n')
    fails(project, f"{SNIPPET}:1:", "'results'", said)


@pytest.mark.parametrize("seeds", ["5", "[]", "[0.5]", "None"])
def test_seeds_that_are_none(project: Project, seeds: str) -> None:
    project.write(SNIPPET, f'# %% results\nresults = {{"seeds": {seeds}}}\n')
    fails(project, f"{SNIPPET}:1:", "'results'", "there is no `seeds`")


def test_a_snippet_that_is_not_utf8(project: Project) -> None:
    (project.folder / SNIPPET).write_bytes(b"# %% results\nresults = {'a': '\xff'}\n")
    fails(project, SNIPPET, "not UTF-8")


def test_a_page_that_is_not_utf8(project: Project) -> None:
    (project.folder / PAGE).write_bytes(b"# Toy \xff\n")
    fails(project, PAGE, "not UTF-8")


def test_two_figures_in_one_cell(project: Project) -> None:
    line = project.replace(SNIPPET, "plt.show()", "plt.show()\nplt.plot(seeds)\nplt.show()")
    fails(project, f"{SNIPPET}:{line - 4}:", "'line' draws 2 figures")


def test_a_figure_too_heavy_for_a_page(project: Project) -> None:
    many = "__import__('numpy').random.default_rng(0).random((2, 20_000))"
    project.replace(SNIPPET, "ax.plot(seeds, [double(seed) for seed in seeds])", f"ax.scatter(*{many})")
    fails(project, SNIPPET, "'line' weighs", "the limit is 300 kB")


# -- a page that names what is not there ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("old", "new", "said", "nearest"),
    [
        ("29/toy/cells/line.py", "29/toy/cells/lime.py", "no cell named 'lime'", "'line'"),
        ("29/toy/cells/results.txt", "29/toy/cells/result.txt", "no output named 'result'", "'results'"),
        ("29/toy/cells/line.py", "29/tpy/cells/line.py", "no concept named '29/tpy'", "'29/toy'"),
        ('"29/toy", "line"', '"29/toy", "lines"', "no figure named 'lines'", "'line'"),
        ('"29/toy", "line"', '"29/try", "line"', "no concept named '29/try'", "'29/toy'"),
        ("{{ toy.delay }}", "{{ toy.delai }}", "no result named 'delai'", "'delay'"),
        ("{{ toy.delay }}", "{{ tov.delay }}", "no concept or macro named 'tov'", "'toy'"),
        ("{{ toy.delay }}", "{{ toy.delay.medain }}", "no statistic named 'medain'", "'median'"),
        ("{{ status() }}", "{{ statsu() }}", "no concept or macro named 'statsu'", "'status'"),
        ("    measured: delay", "    measured: delya", "no result named 'delya'", "'delay'"),
        ("delay_control", "delay_contol", "no result named 'delay_contol'", "'delay_control'"),
        ("min(delay) >= 8", "min(dealy) >= 8", "no result named 'dealy'", "'delay'"),
        ("    control:", "    contrl:", "no entry named 'contrl'", "'control'"),
        ("{{ toy.delay }}", '{{ toy["delai"] }}', "no result named 'delai'", "'delay'"),
    ],
)
def test_an_unknown_name(project: Project, old: str, new: str, said: str, nearest: str) -> None:
    line = project.replace(PAGE, old, new)
    # A claim is known by the line at which it begins; a wrong entry of it by its own.
    at = 3 if 3 < line < 9 and "contrl" not in new else line
    told = fails(project, f"{PAGE}:{at}:", said)
    assert f"Did you mean {nearest}?" in told


def test_every_unknown_name_of_a_page_at_once(project: Project) -> None:
    project.replace(PAGE, "{{ toy.delay }}", "{{ toy.delai }}")
    project.replace(PAGE, "29/toy/cells/line.py", "29/toy/cells/lime.py")
    told = fails(project, "no result named 'delai'")
    assert "no cell named 'lime'" in told


def test_a_macro_that_cannot_be_read(project: Project) -> None:
    line = project.replace(PAGE, "{{ toy.delay }}", "{{ toy.delay ")
    told = fails(project, PAGE, "macro cannot be read")
    assert f"{PAGE}:{line}" in told


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("{{ status() }}", "{{ status }}", "status is not called"),
        ("{{ toy.delay }}", "{{ toy.delay | fmt('zz') }}", "fmt('zz') is not a format"),
        ('figure("29/toy", "line",', 'figure("29/toy",', "needs its concept and its name"),
        (', caption="Twice the seed."', "", "'line' has no caption"),
        ('--8<-- "29/toy/cells/line.py"', "--8<--", "include cannot be checked"),
    ],
)
def test_a_macro_used_wrongly(project: Project, old: str, new: str, said: str) -> None:
    line = project.replace(PAGE, old, new)
    fails(project, f"{PAGE}:{line}:", said)


@pytest.mark.parametrize("alt", ["", ' alt="",', ' alt="  ",', " alt=none,"])
def test_a_figure_without_alternative_text(project: Project, alt: str) -> None:
    line = project.replace(PAGE, ' alt="A straight line from 0 to 8.",', alt)
    fails(project, f"{PAGE}:{line}:", "'line' has no alt text")


@pytest.mark.parametrize("target", ["nowhere.md", "toy.md#nowhere", "../generated/29/toy/nowhere.py"])
def test_a_link_to_nowhere(project: Project, target: str) -> None:
    project.replace(PAGE, "](../index.md)", f"]({target})")
    fails(project, "29/toy.md", "nowhere")


# -- a claim that does not hold ------------------------------------------------------------------------------------


def test_a_claim_that_does_not_hold(project: Project) -> None:
    project.replace(PAGE, "min(delay) >= 8", "min(delay) >= 20")
    told = fails(project, f"{PAGE}:3:", "does not hold", "'It comes much later'", "min(delay) >= 20")
    assert "delay = [20.5, 21, 22.25, 19, 25]" in told
    assert "it fails on: 3" in told


@pytest.mark.parametrize("end", ["--- ", "..."])
def test_a_false_claim_is_found_however_its_front_matter_ends(project: Project, end: str) -> None:
    project.replace(PAGE, "min(delay) >= 8", "min(delay) >= 20")
    project.replace(PAGE, "---\n# Toy", f"{end}\n# Toy")
    fails(project, f"{PAGE}:3:", "does not hold")


def test_a_false_claim_is_found_behind_a_byte_order_mark(project: Project) -> None:
    project.replace(PAGE, "min(delay) >= 8", "min(delay) >= 20")
    project.write(PAGE, "\ufeff" + project.read(PAGE))
    fails(project, f"{PAGE}:3:", "does not hold")


def test_a_claim_about_one_seed_that_does_not_hold(project: Project) -> None:
    project.replace(PAGE, "min(delay) >= 8", "delay[4] >= 100")
    fails(project, f"{PAGE}:3:", "does not hold")


@pytest.mark.parametrize(
    ("old", "new", "line", "said"),
    [
        ("claims:", "Claims:", 2, "`Claims` is not read"),
        ("    holds:", "    holds: 1 > 2\n    holds:", 6, "`holds` twice"),
        ("claims:", "title: a: b\nclaims:", 2, "not YAML"),
    ],
)
def test_front_matter_that_would_be_read_otherwise(project: Project, old: str, new: str, line: int, said: str) -> None:
    project.replace(PAGE, old, new)
    fails(project, f"{PAGE}:{line}:", said)


def test_a_page_that_draws_claims_and_states_none(project: Project) -> None:
    page = project.read(PAGE)
    project.write(PAGE, page[page.index("# Toy") :])
    fails(project, PAGE, "states none")


def test_a_heading_that_the_status_links_to_and_is_gone(project: Project) -> None:
    project.replace(PAGE, "## Does it hold?\n", "")
    fails(project, "29/toy.md", "#does-it-hold")


def test_a_claim_that_fails_only_for_all_seeds_together(project: Project) -> None:
    project.replace(PAGE, "min(delay) >= 8", "max(delay) - min(delay) < 2")
    assert "none alone" in fails(project, f"{PAGE}:3:", "does not hold")


@pytest.mark.parametrize(
    "expression",
    ["min(delay", "__import__('os').system('true')", "delay", "min(delay)", "1 / 0 > 1", "open('x')", "1 < 2"],
)
def test_an_expression_that_is_not_one(project: Project, expression: str) -> None:
    project.replace(PAGE, "min(delay) >= 8", expression)
    fails(project, f"{PAGE}:3:", f"`holds: {expression}`")


@pytest.mark.parametrize("entry", ["says", "measured", "holds", "paper", "evidence"])
def test_a_claim_without_a_required_entry(project: Project, entry: str) -> None:
    page = project.read(PAGE).splitlines(keepends=True)
    (line,) = (text for text in page[:9] if f" {entry}: " in text)
    project.write(PAGE, "".join(page).replace(line, "  -\n" if entry == "says" else "", 1))
    fails(project, f"{PAGE}:", f"no `{entry}`")


def test_a_format_that_is_none(project: Project) -> None:
    project.replace(PAGE, "    evidence: corr", "    format: .1z\n    evidence: corr")
    fails(project, f"{PAGE}:3:", "`format: .1z`")


@pytest.mark.parametrize("grades", ["causal", "causal, exact, toy, one data set", "causal, toy, many data sets"])
def test_a_grade_of_evidence_that_is_none(project: Project, grades: str) -> None:
    line = project.replace(PAGE, "correlational, toy, one data set", grades)
    told = fails(project, f"{PAGE}:{line}:", f"`evidence: {grades}`")
    assert "exact or causal or correlational; toy or realistic; one data set or several data sets" in told


# -- what a page says of itself, and whom it cites -----------------------------------------------------------------


@pytest.mark.parametrize(
    ("old", "new", "line", "said"),
    [
        ("one_liner: Twice", "one-liner: Twice", 1, "needs `one_liner:`"),
        ("analogy: Like counting to ten, twice.", "analogy: [a, b]", 13, "`analogy` is not what it should be"),
        ("  number:", "  nummer:", 17, "`headline` has no `number`"),
        ("  figure: line", "  figure: lime", 17, "no figure named 'lime'"),
        ("reference: power2022", "reference: power2021", 22, "no entry named 'power2021'"),
        ("Here {{ toy.delay.", "Here {{ toy.delai.", 16, "no result named 'delai'"),
        ("say @power2022", "say @power2023", 28, "no entry named 'power2023'"),
        ("[@power2022, Figure 1]", "[@power2022; @powers2022]", 6, "no entry named 'powers2022'"),
    ],
)
def test_a_page_that_says_too_little_or_cites_what_is_not_there(
    project: Project, old: str, new: str, line: int, said: str
) -> None:
    project.replace(PAGE, old, new)
    fails(project, f"{PAGE}:{line}:", said)


def test_a_part_that_says_too_little(project: Project) -> None:
    project.replace("docs/29/index.md", "abstract: One toy, for the tests.\n", "")
    fails(project, "docs/29/index.md:1:", "needs `abstract:`")


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("eprint = {2201.02177}", "eprint = {2213.02177}", "malformed arXiv id: '2213.02177'"),
        ("eprint = {2201.02177}", "eprint = {2301.02177}", "arXiv id of a year after its own"),
        ("eprint = {2201.02177}", "doi = {doi.org/10.1/x}", "malformed DOI: 'doi.org/10.1/x'"),
        ("eprint = {2201.02177},", "", "no doi, no eprint and no url"),
        ("verified = {record}", "verified = {yes}", "verified = 'yes'"),
        ("author = {Power, Alethea and", "editor = {Power, Alethea and", "has no author"),
        ("year = 2022,", "", "has no year"),
    ],
)
def test_an_entry_of_the_bibliography_that_is_malformed(project: Project, old: str, new: str, said: str) -> None:
    project.replace("docs/references.bib", old, new)
    fails(project, "docs/references.bib:1:", "'power2022'", said)


@pytest.mark.parametrize(("old", "new"), [("title = {", ""), ("@misc", "@misc{power2022, year = 1}\n@misc")])
def test_a_bibliography_that_cannot_be_read(project: Project, old: str, new: str) -> None:
    project.replace("docs/references.bib", old, new)
    fails(project, "docs/references.bib:", "cannot be read")


# -- a cache entry that cannot be trusted --------------------------------------------------------------------------


ENTRY = "docs/generated/29/toy"
DAMAGES: dict[str, Callable[[bytes], bytes]] = {
    "cut in half": lambda content: content[: len(content) // 2],
    "emptied": lambda content: b"",
    "edited": lambda content: content.replace(b"e", b"a", 1),
}
FILES = ("run.json", "results.json", "line.dark.svg", "cells/line.py", "toy.ipynb")


def damage(project: Project, file: str, how: str) -> None:
    path = project.folder / ENTRY / file
    if how == "removed":
        path.unlink()
    else:
        path.write_bytes(DAMAGES[how](path.read_bytes()))


@pytest.mark.parametrize("file", FILES)
@pytest.mark.parametrize("how", [*DAMAGES, "removed"])
def test_a_damaged_entry_is_noticed(project: Project, file: str, how: str) -> None:
    damage(project, file, how)
    assert "would run" in project.command("pipeline", "run", "--explain").stdout


def test_a_damaged_entry_is_run_again(project: Project) -> None:
    before = project.digest(ENTRY)
    for file, how in zip(FILES[1:], [*DAMAGES, "removed"], strict=True):
        damage(project, file, how)
    done = project.command("pipeline", "run")
    assert "ran 29/toy" in done.stderr
    record = f"{ENTRY}/run.json"  # which holds the time
    assert {**project.digest(ENTRY), record: ""} == {**before, record: ""}


# -- interruptions -------------------------------------------------------------------------------------------------


def test_interrupted_in_the_middle_of_a_run(project: Project) -> None:
    before = project.digest("site") | project.digest("docs/generated")
    good = project.read(SNIPPET)
    pipe = project.folder / "started"
    os.mkfifo(pipe)
    wait = f"open({str(pipe)!r}, 'w').close()\nimport threading\nthreading.Event().wait()\n"
    project.replace(SNIPPET, FIRST, wait + FIRST)
    building = subprocess.Popen(
        ["make", "site"],
        cwd=project.folder,
        env=project.environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )
    with pipe.open():  # opens when the snippet opens its end: it is in the middle of its first cell
        assert project.processes()
    os.killpg(building.pid, signal.SIGINT)  # what Ctrl-C does
    building.communicate(timeout=60)
    assert building.returncode != 0
    assert not project.processes()
    assert project.digest("site") | project.digest("docs/generated") == before
    project.write(SNIPPET, good)
    assert project.build().returncode == 0


def test_two_builds_at_once(project: Project) -> None:
    project.replace(SNIPPET, FIRST, f"open({str(project.folder / 'runs')!r}, 'a').write('run\\n')\n" + FIRST)
    builds = [
        subprocess.Popen(
            ["make", "site"], cwd=project.folder, env=project.environment(), stderr=subprocess.PIPE, text=True
        )
        for _ in range(2)
    ]
    told = [build.communicate(timeout=120)[1] for build in builds]
    assert [build.returncode for build in builds] == [0, 0], told
    assert project.read("runs") == "run\n"  # the second waited, and found everything fresh
    assert "runs" in project.read("site/29/toy/index.html")
    assert not list(project.folder.glob(".site.*"))


# -- the machine ---------------------------------------------------------------------------------------------------


def test_a_folder_with_spaces_and_letters_of_all_kinds(tmp_path: Path) -> None:
    project = create(tmp_path / "mein schönes Projekt – 数学")
    done = project.make("site")
    assert done.returncode == 0, done.stderr
    assert "It comes 21.0 (19.0–25.0) times later" in project.read("site/29/toy/index.html")


def test_built_from_another_folder(project: Project, tmp_path: Path) -> None:
    python = project.folder / ".venv/bin/python"
    command = [str(python), "-m", "mkdocs", "build", "--strict", "-f", str(project.folder / "mkdocs.yml")]
    done = subprocess.run(command, cwd=tmp_path, env=project.environment(), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_installing_is_done_once(project: Project) -> None:
    assert project.make("--question", ".venv/.installed").returncode == 0
    os.utime(project.folder / "requirements.txt", (2**32, 2**32))
    assert project.make("--question", ".venv/.installed").returncode == 1


@pytest.mark.parametrize(
    ("python", "said"),
    [
        ("echo Python 3.9.1; exit 1", "Python 3.11 or newer is needed"),
        ('case "$*" in *ensurepip*) exit 1;; esac', "This Python has no venv module"),
        ("exit 127", "Python 3.11 or newer is needed"),
    ],
)
def test_an_unfit_python(project: Project, python: str, said: str) -> None:
    (project.folder / ".venv").unlink()
    project.write("python", f"#!/bin/sh\n{python}\n")
    (project.folder / "python").chmod(0o755)
    told = fails(project, said, by=Project.make, PYTHON="./python")
    assert len([line for line in told.splitlines() if not line.startswith("make")]) == 1, told


def test_no_network(project: Project) -> None:
    (project.folder / ".venv").unlink()
    unreachable = {"PIP_INDEX_URL": "http://127.0.0.1:9", "PIP_CONFIG_FILE": os.devnull, "PIP_RETRIES": "0"}
    empty = {"PIP_FIND_LINKS": "", "PIP_EXTRA_INDEX_URL": "", "PIP_NO_CACHE_DIR": "1"}
    fails(project, "could not be installed", "no network", by=Project.make, **unreachable, **empty)
