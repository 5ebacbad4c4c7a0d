"""What pages can use: the macros named in ``MACROS`` and, by the concept's name, its numbers.

MkDocs-Macros loads this module and calls ``define_env``, and ``on_pre_page_macros`` before each page.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from html import unescape
from pathlib import Path, PurePosixPath
from typing import Any

import yaml

from pipeline.finish.search import EXCLUDED
from pipeline.problem import Problem
from pipeline.run.outputs import SCHEMES, Figure, Outputs
from pipeline.write import claims
from pipeline.write.numbers import Numbers, show
from pipeline.write.parts import Concept, Part, Render
from pipeline.write.parts import check as check_concept
from pipeline.write.references import PLACE
from pipeline.write.references import read as read_references
from pipeline.write.verdicts import Verdict, judge

WORDS_A_MINUTE = 220
MACROS = ("figure", "watch", "verdicts", "status", "references", "full_run", "this_part", "parts", "evidence_grades")
WHAT_IT_MEANS = "[What a verdict means, and how strong the evidence is](/how-it-works.md#what-a-verdict-means)"
# Where the length of a page stands until it has been rendered and its words can be counted; see ``measure``.
LENGTHS = {"words": "<!-- words -->", "minutes": "<!-- minutes -->", "seconds": "<!-- seconds of the short of it -->"}
FILTERS = ("fmt", "images")  # {{ grokking.accuracy | fmt(".1%") }}


def concept_of(source: str) -> str:
    """The concept that a page is about: ``29/neural-collapse.md`` is about ``29/neural_collapse``."""
    path = PurePosixPath(source)
    return path.with_name(path.stem.replace("-", "_")).as_posix()


def colab(repository: str | None, concept: str) -> str:
    """Where Colab runs a concept's notebook: on the branch to which .github/workflows/site.yml pushes it; only GitHub has it."""
    found = re.match(r"https://github\.com/([\w.-]+/[\w.-]+?)(?:\.git)?/?$", repository or "")
    if not found:
        return ""
    name = PurePosixPath(concept).name
    return f"https://colab.research.google.com/github/{found[1]}/blob/notebooks/{concept}/{name}.ipynb"


def page_of(concept: str) -> str:
    """The page about a concept: the reverse of ``concept_of``."""
    return f"{concept.replace('_', '-')}.md"


def concepts(root: Path, part: str) -> dict[str, Outputs]:
    """Every concept of a part that has been run, by the name under which its pages know it."""
    folders = sorted((root / "docs" / "generated" / part).glob("*/"))
    return {folder.name: Outputs(root, f"{part}/{folder.name}") for folder in folders}


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


def measure(html: str) -> dict[str, str]:
    """How long a rendered page is to read: all its words, the minutes for them, the seconds for *In 30 seconds*."""
    short = re.search(r'<h2 id="in-30-seconds">.*?</h2>(.*?)<(?:h2|figure)', html, re.DOTALL)
    count = _words(html)
    return {
        LENGTHS["words"]: f"{count:,}",
        LENGTHS["minutes"]: str(math.ceil(count / WORDS_A_MINUTE)),
        LENGTHS["seconds"]: str(math.ceil(60 * _words(short[1]) / WORDS_A_MINUTE) if short else 0),
    }


def _words(html: str) -> int:
    """Words in a piece of HTML; a formula is one of them, code and pictures are none."""
    prose = re.sub(r"<(pre|svg|style|script)\b.*?</\1>|<!--.*?-->", " ", html, flags=re.DOTALL)
    prose = re.sub(r"<math\b.*?</math>", " x ", prose, flags=re.DOTALL)
    return len(re.findall(r"\w[\w'’.,-]*", unescape(re.sub(r"<[^>]+>", " ", prose))))


def define_env(env: Any) -> None:
    """Called once by MkDocs-Macros."""
    root = Path(env.conf["config_file_path"]).parent

    def here() -> Outputs:
        return Outputs(root, concept_of(env.page.file.src_uri))

    def page_claims() -> list[Verdict]:
        file = f"docs/{env.page.file.src_uri}"
        front_matter, _, _ = split(read(root / file))
        generated = here()
        return [judge(c, generated.results, generated.concept) for c in claims.read(file, front_matter)]

    def figure(concept: str, name: str, alt: str, caption: str) -> str:
        """A figure in both colour schemes, of which the browser loads the one in use; a click shows it large."""
        drawn = Outputs(root, concept).figure(name)
        large = f"[{_images(drawn, alt, root)}]({_address(drawn.light, root)}){{ .large }}"
        return "\n".join(
            (f'<figure markdown="span" id="figure-{name}">', large, f"<figcaption markdown=\"span\">{caption}</figcaption>", "</figure>")
        )  # fmt: skip

    def watch(concept: str, name: str, alt: str, caption: str) -> str:
        """The last frame of an animation, which plays in its place when asked to; without scripts, a link to it."""
        drawn = Outputs(root, concept).animation(name)
        label = f"Watch, {drawn.seconds:.0f} s"
        lines = (
            f'<figure class="watch" markdown="span" id="figure-{name}"><span class="watch__screen">',
            _images(drawn, alt, root),
            f"[{label}](/{drawn.moving.relative_to(root / 'docs').as_posix()})",
            f'<button type="button">{label}</button>',
            "</span>",
            f'<figcaption markdown="span">{caption}</figcaption>',
            "</figure>",
        )
        return "\n".join(lines)

    def verdicts() -> str:
        """The claims of this page: what the paper says, what this build measured, and whether it holds."""
        rows = ["| Claim | Paper | Measured here | Control | Verdict |", "|---|---|---|---|---|"]
        judged = page_claims()
        intro = (
            f"Each number is the median over {len(here().result('seeds'))} seeds, with the range in brackets. *Control* is the "
            "same quantity where the effect should be absent: with its numbers in the place of the measured ones, the claim "
            "has to be false, or there is no site. Where something else is compared, the row says what."
        )
        for anchor, verdict in zip(claims.anchors([v.claim for v in judged]), judged, strict=True):
            rows.append("| " + " | ".join(cell.replace("|", "\\|") for cell in _row(anchor, verdict)) + " |")
        return (
            f'{intro}\n\n<div class="claims" {EXCLUDED} markdown>\n\n'
            + "\n".join(rows)
            + f"\n\n{WHAT_IT_MEANS}\n\n</div>"
        )

    def status() -> str:
        """One line: how long to read; for a concept also how long to run, what holds, when and with what it was built."""
        whole = f"{LENGTHS['words']} words · {LENGTHS['minutes']} min read"
        record = here().record
        if not record:
            return f'<p class="status" {EXCLUDED} markdown>{whole}</p>'
        judged = page_claims()
        torch = record["key"]["torch"].partition("+")[0]
        held = sum(verdict.holds for verdict in judged)
        return (
            f'<p class="status" {EXCLUDED} markdown>In short: {LENGTHS["seconds"]}&nbsp;s read · {whole}'
            f" · {record['seconds']:.0f}&nbsp;s to run"
            f" · [claims that hold: {held} of {len(judged)}](#does-it-hold)"
            f" · built <time>{record['when'][:10]}</time> with torch {torch}</p>\n\n{take()}"
        )

    def take() -> str:
        """This page's script and notebook: to copy (see docs/assets/site.js), to keep, and to run elsewhere."""
        concept = here().concept
        stem = PurePosixPath(concept).name
        script = f"/generated/{concept}/{stem}.py"
        links = [
            f"[Copy the whole script]({script}){{ .copy download={stem}.py }}",
            f"[Download .py]({script}){{ download={stem}.py }}",
            f"[Download notebook](/generated/{concept}/{stem}.ipynb){{ download={stem}.ipynb }}",
        ]
        if place := colab(env.conf["repo_url"], concept):
            links.append(f"[Open in Colab]({place})")
        return f'<p class="take" {EXCLUDED} markdown>{" ".join(links)}</p>'

    def references() -> str:
        """All that this page cites; it is known, and put here, when the whole page is."""
        given = str(env.page.meta.get("given", ""))
        told = f"The series gives: *{given}*. Why that errs: [Read with care](#read-with-care).\n\n" if given else ""
        return told + PLACE

    def full_run() -> str:
        """Links to all that came out of this page's run."""
        folder = f"/generated/{here().concept}"
        return (
            f"{take()}\n\n<p {EXCLUDED} markdown>[Every cell with what it printed and drew]({folder}/run.ipynb)"
            f" · [all numbers as data]({folder}/results.json)</p>"
        )

    def this_part() -> Part:
        """The part of the series to which this page belongs."""
        return _part(PurePosixPath(env.page.file.src_uri).parent.as_posix())

    def parts() -> list[Part]:
        """All parts of the series, the newest first."""
        folders = (path.parent.name for path in (root / "docs").glob("*/index.md"))
        return [_part(folder) for folder in sorted(filter(str.isdigit, folders), key=int, reverse=True)]

    def _part(folder: str) -> Part:
        page = f"{folder}/index.md"
        meta = yaml.safe_load(split(read(root / "docs" / page))[0])
        numbers = _numbers(root, folder)

        def render(text: str) -> str:
            rendered: str = env.env.from_string(text).render(numbers)
            return rendered

        found = (concept_here(root, source, render) for source in _in_order(env.conf["nav"], root, folder))
        return Part(page, meta, [concept for concept in found if concept], render)

    def evidence_grades() -> dict[str, dict[str, str]]:
        """The words that grade evidence, with what each means."""
        return claims.EVIDENCE

    for macro in (figure, watch, verdicts, status, references, full_run, this_part, parts, evidence_grades):
        env.macro(macro)
    env.filter(show, "fmt")
    env.filter(lambda shown, alt: _images(shown, alt, root), "images")


def concept_here(root: Path, source: str, render: Render = str) -> Concept | None:
    """The concept that a page presents; none if the page is about something else, or waits to be mended."""
    generated, known = Outputs(root, concept_of(source)), read_references(root)
    if not generated.record:
        return None
    front_matter, _, _ = split(read(root / "docs" / source))
    if any(check_concept(f"docs/{source}", front_matter, generated, known)):
        return None
    return Concept(source, yaml.safe_load(front_matter), generated, known, render, front_matter)


def _in_order(nav: Any, root: Path, folder: str) -> list[str]:
    """The pages of a folder in the order of the navigation; those that are not in it come last."""

    def walk(item: Any) -> Iterator[str]:
        for value in item.values() if isinstance(item, dict) else item if isinstance(item, list) else ():
            yield from walk(value)
        if isinstance(item, str):
            yield item

    listed = [source for source in walk(nav) if PurePosixPath(source).parent.as_posix() == folder]
    there = [path.relative_to(root / "docs").as_posix() for path in sorted((root / "docs" / folder).glob("*.md"))]
    return [
        source for source in dict.fromkeys((*listed, *there)) if source in there and not source.endswith("/index.md")
    ]


def _row(anchor: str, verdict: Verdict) -> Iterator[str]:
    """The cells of a claim in the table: nothing that it is judged by is left out."""
    claim = verdict.claim
    notes = {"Changed": claim.changed, "Chosen": claim.chosen}
    small = (f"<small>{what}: {note}</small>" for what, note in notes.items() if note)
    yield "".join((f'<span id="{anchor}">{claim.says}</span>', *small))
    yield claim.paper
    also = (f"<small>{says}: {number}</small>" for says, number in verdict.also.items())
    yield "".join((f"**{verdict.measured}**", *also))
    yield (f"<small>{claim.comparison}</small>" if claim.comparison else "") + verdict.control
    mark = "<b>✓ holds</b>" if verdict.holds else '<b class="not">✗ does not hold</b>'
    yield f"{mark}<br>`{claim.holds}`<br>{' '.join(f'<i>{grade}</i>' for grade in claim.evidence)}"


def _images(drawn: Figure, alt: str, root: Path) -> str:
    """A figure's two files, one for each colour scheme, with their size."""
    label = re.sub(r"([\[\]])", r"\\\1", " ".join(alt.split()))
    size = f'width="{drawn.width}" height="{drawn.height}" loading="lazy"'
    files = zip(SCHEMES, (drawn.light, drawn.dark), strict=True)
    return "\n".join(f"![{label}]({_address(path, root)}#only-{scheme}){{ {size} }}" for scheme, path in files)


def _address(path: Path, root: Path) -> str:
    return f"/{path.relative_to(root / 'docs').as_posix()}"


def _numbers(root: Path, part: str) -> dict[str, Numbers]:
    return {name: Numbers(generated) for name, generated in concepts(root, part).items()}


def on_pre_page_macros(env: Any) -> None:
    """Each page knows the concepts of its own part by their names."""
    root = Path(env.conf["config_file_path"]).parent
    part = PurePosixPath(env.page.file.src_uri).parent.as_posix()
    env.variables.update(_numbers(root, part))


def problem_page(problems: list[Problem]) -> str:
    """What stands in a page's place, or above it, while `mkdocs serve` waits for these to be mended."""
    import html

    text = html.escape("\n\n".join(str(problem) for problem in problems))
    text = text.replace("{", "&#123;")  # it goes through the macros
    return f'<div class="admonition failure problem" role="alert"><p class="admonition-title">This page waits to be mended</p><pre>{text}</pre></div>\n\n'
