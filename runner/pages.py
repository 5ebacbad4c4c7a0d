"""What pages can use: ``figure``, ``verdicts``, ``status`` and, by the concept's name, its numbers.

MkDocs-Macros loads this module and calls ``define_env``, and ``on_pre_page_macros`` before each page.
"""

from __future__ import annotations

import os
import re
from collections import Counter
from pathlib import Path, PurePosixPath
from typing import Any

from runner import claims
from runner.generated import SCHEMES, Generated
from runner.problem import Problem
from runner.series import Numbers, show

WORDS_A_MINUTE = 220
MACROS = ("figure", "verdicts", "status")
FILTERS = {"fmt": show}  # {{ grokking.accuracy | fmt(".1%") }}


def concept_of(source: str) -> str:
    """The concept that a page is about: ``29/neural-collapse.md`` is about ``29/neural_collapse``."""
    path = PurePosixPath(source)
    return path.with_name(path.stem.replace("-", "_")).as_posix()


def page_of(concept: str) -> str:
    """The page about a concept: the reverse of ``concept_of``."""
    return f"{concept.replace('_', '-')}.md"


def concepts(root: Path, part: str) -> dict[str, Generated]:
    """Every concept of a part that has been run, by the name under which its pages know it."""
    folders = sorted((root / "docs" / "generated" / part).glob("*/"))
    return {folder.name: Generated(root, f"{part}/{folder.name}") for folder in folders}


def split(source: str) -> tuple[str, str, int]:
    """Front matter, body, and the line of the file at which the body begins."""
    # As MkDocs finds it: blanks may follow the dashes, and three dots may end it.
    if match := re.match(r"---[ \t]*\n(.*?\n)(?:---|\.\.\.)[ \t]*(?:\n|\Z)", source, re.DOTALL):
        return match[1], source[match.end() :], match[0].count("\n") + 1
    return "", source, 1


def read(page: Path) -> str:
    """A page's source. Raises ``Problem`` if it is not UTF-8, as MkDocs needs it."""
    try:
        return page.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise Problem(f"This page is not UTF-8: {error.reason}.", todo="Save it as UTF-8.") from None


def words(body: str) -> int:
    """How many words there are to read: no code, no macros, no addresses."""
    body = re.sub(r"```.*?```|\{[{%].*?[}%]\}|<[^>]*>|\]\([^)]*\)|\{[^}]*\}", " ", body, flags=re.DOTALL)
    return len(re.findall(r"\w[\w'’.-]*", body))


def define_env(env: Any) -> None:
    """Called once by MkDocs-Macros."""
    root = Path(env.conf["config_file_path"]).parent

    def here() -> Generated:
        return Generated(root, concept_of(env.page.file.src_uri))

    def page_claims() -> list[claims.Verdict]:
        file = f"docs/{env.page.file.src_uri}"
        front_matter, _, _ = split(read(root / file))
        generated = here()
        return [claims.judge(c, generated.results, generated.concept) for c in claims.read(file, front_matter)]

    def figure(concept: str, name: str, alt: str, caption: str) -> str:
        """A figure in both colour schemes, of which the browser loads the one in use."""
        drawn = Generated(root, concept).figure(name)
        docs = root / "docs"
        folder = (docs / env.page.file.src_uri).parent
        size = f'width="{drawn.width}" height="{drawn.height}" loading="lazy"'
        label = re.sub(r"([\[\]])", r"\\\1", " ".join(alt.split()))
        images = [
            f"![{label}]({Path(os.path.relpath(path, folder)).as_posix()}#only-{scheme}){{ {size} }}"
            for scheme, path in zip(SCHEMES, (drawn.light, drawn.dark), strict=True)
        ]
        return "\n".join(
            (f'<figure markdown="span" id="figure-{name}">', *images, f"<figcaption markdown=\"span\">{caption}</figcaption>", "</figure>")
        )  # fmt: skip

    def verdicts() -> str:
        """The claims of this page: what the paper says, what this build measured, and whether it holds."""
        rows = ["| Claim | Paper | Measured here | Control | Verdict |", "|---|---|---|---|---|"]
        seen: Counter[str] = Counter()
        for verdict in page_claims():
            claim = verdict.claim
            seen[claim.measured] += 1
            anchor = f"claim-{claim.measured.replace('_', '-')}" + (f"-{n}" if (n := seen[claim.measured]) > 1 else "")
            mark = "✓ holds" if verdict.holds else "✗ does not hold"
            cells = (
                f'<span id="{anchor}"></span>{claim.says}',
                claim.paper,
                f"**{verdict.measured}**",
                verdict.control or "–",
                f"{mark}<br>`{claim.holds}`",
            )
            rows.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
        return '<div class="claims" markdown>\n\n' + "\n".join(rows) + "\n\n</div>"

    def status() -> str:
        """One line: how long to read, how long to run, what holds, when and with what it was built."""
        generated = here()
        record = generated.record
        body = split(read(root / "docs" / env.page.file.src_uri))[1]
        judged = page_claims()
        count = words(body)
        torch = record["key"]["torch"].partition("+")[0]
        held = sum(verdict.holds for verdict in judged)
        return (
            f'<p class="status" markdown>{count:,} words · {max(1, round(count / WORDS_A_MINUTE))} min to read'
            f" · {record['seconds']:.0f} s to run"
            f" · [claims that hold: {held} of {len(judged)}](#does-it-hold)"
            f" · built {record['when'][:10]} with torch {torch}</p>"
        )

    for macro in (figure, verdicts, status):
        env.macro(macro)
    for name, function in FILTERS.items():
        env.filter(function, name)


def on_pre_page_macros(env: Any) -> None:
    """Each page knows the concepts of its own part by their names."""
    root = Path(env.conf["config_file_path"]).parent
    part = PurePosixPath(env.page.file.src_uri).parent.as_posix()
    env.variables.update({name: Numbers(generated) for name, generated in concepts(root, part).items()})


def problem_page(problems: list[Problem]) -> str:
    """What stands in a page's place, or above it, while `mkdocs serve` waits for these to be mended."""
    import html

    text = html.escape("\n\n".join(str(problem) for problem in problems))
    text = text.replace("{", "&#123;")  # it goes through the macros
    return f'<div class="admonition failure problem" role="alert"><p class="admonition-title">This page waits to be mended</p><pre>{text}</pre></div>\n\n'
