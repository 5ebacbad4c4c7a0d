"""What pages can call, by these names: each function takes the page that calls it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any

from pipeline.problem import Problem, UnknownName
from pipeline.run.outputs import SCHEMES, Figure, Outputs
from pipeline.write import citations, mathml
from pipeline.write.numbers import duration, show
from pipeline.write.page import Page
from pipeline.write.parts import Part
from pipeline.write.template import Block
from pipeline.write.verdicts import Verdict

WHAT_IT_MEANS = "[What a verdict means, and how strong the evidence is](/how-it-works.md#what-a-verdict-means)"
LENGTHS = {"words": "<!-- words -->", "minutes": "<!-- minutes -->", "seconds": "<!-- seconds -->"}  # known at the end


def figure(page: Page, concept: str = "", name: str = "", alt: str = "", caption: str = "") -> Block:
    """A figure in both colour schemes, of which the browser loads the one in use; a click shows it large."""
    drawn = _described(page, "figure", concept, name, alt, caption).figure(name)
    return _figure(name, "", f"\n[{images(drawn, alt)}]({_address(drawn.light)}){{ .large }}", caption)


def watch(page: Page, concept: str = "", name: str = "", alt: str = "", caption: str = "") -> Block:
    """The last frame of an animation, which plays in its place when asked to; without scripts, a link to it."""
    drawn = _described(page, "watch", concept, name, alt, caption).animation(name)
    label = f"Watch, {drawn.seconds:.0f} s"
    play = f'[{label}]({_address(drawn.moving)})\n<button type="button">{label}</button>'
    screen = f'<span class="watch__screen">\n{images(drawn, alt)}\n{play}\n</span>'
    return _figure(name, 'class="watch" ', screen, caption)


def _figure(name: str, attributes: str, shown: str, caption: str) -> Block:
    caption = f'<figcaption markdown="span">{caption}</figcaption>'
    return Block(f'<figure {attributes}markdown="span" id="figure-{name}">{shown}\n{caption}\n</figure>')


def _code(page: Page, path: str) -> Block:
    """A file of ``docs/generated/``, such as the code of a cell; this is what ``--8<-- "path"`` stands for."""
    file = page.shared.root / "docs" / "generated" / path
    if not file.is_file():
        named = re.fullmatch(r"(?P<concept>[^/]+/[^/]+)/cells/(?P<cell>[^/]+)\.(?P<kind>py|txt)", path)
        if not named:
            todo = 'Include "<part>/<concept>/cells/<cell>.py" or .txt.'
            raise Problem(f"There is no {path!r} to include.", todo=todo)
        outputs = page.shared.outputs(named["concept"])
        file = (outputs.cell if named["kind"] == "py" else outputs.output)(named["cell"])
    return Block(file.read_text(encoding="utf-8"))


def _marks(page: Page, path: str) -> str:
    """The backquotes of a fence around a file: more than any line of it begins with."""
    file = page.shared.root / "docs" / "generated" / path
    text = file.read_text(encoding="utf-8") if file.is_file() else ""
    runs = re.finditer(r"^[ \t]*(`{3,})", text, re.MULTILINE)
    return "`" * (1 + max((len(run[1]) for run in runs), default=2))


def _ran(page: Page, path: str) -> str:
    """How long a cell ran, for the fence around its code; nothing if it is no cell."""
    cell = PurePosixPath(path)
    seconds = page.shared.outputs_of(cell.parent.parent.as_posix()).record.get("seconds_by_cell", {}).get(cell.stem)
    return "" if seconds is None else f' ran="{duration(seconds)}"'


def verdicts(page: Page) -> Block:
    """The claims of this page: what the paper says, what this build measured, and whether it holds."""
    if not any(entry.lower() == "claims" for entry in page.meta):
        todo = "State them in `claims:` of its front matter."
        raise Problem("This page draws its claims, and states none.", line=1, todo=todo)
    if not page.verdicts:  # what is wrong with them has been told
        return Block("")
    intro = (
        f"Each number is the median over {len(page.outputs.result('seeds'))} seeds, with the range in brackets. *Control* is the "
        "same quantity where the effect should be absent: with its numbers in the place of the measured ones, the claim "
        "has to be false, or there is no site. Where something else is compared, the row says what."
    )
    head = "| Claim | Paper | Measured here | Control | Verdict |\n|---|---|---|---|---|\n"
    table = head + "\n".join(f"| {' | '.join(map(mathml.cell, _row(verdict)))} |" for verdict in page.verdicts)
    return Block(f'{intro}\n\n<div class="claims" markdown>\n\n{table}\n\n{WHAT_IT_MEANS}\n\n</div>')


def status(page: Page) -> Block:
    """One line: how long to read; for a concept also how long to run, what holds, when and with what it was built."""
    whole = f"{LENGTHS['words']} words · {LENGTHS['minutes']} min read"
    record = page.outputs.record
    if not record:
        return Block(f'<p class="status" markdown>{whole}</p>')
    torch = record["key"]["torch"].partition("+")[0]
    held = sum(verdict.holds for verdict in page.verdicts)
    return Block(
        f'<p class="status" markdown>In short: {LENGTHS["seconds"]}&nbsp;s read · {whole}'
        f" · {record['seconds']:.0f}&nbsp;s to run"
        f" · [claims that hold: {held} of {len(page.verdicts)}](#does-it-hold)"
        f" · built <time>{record['when'][:10]}</time> with torch {torch}</p>\n\n{_take(page)}"
    )


def references(page: Page) -> Block:
    """All that this page cites; it is known, and put here, when the whole page is."""
    given = str(page.meta.get("given", ""))
    told = f"The series gives: *{given}*. Why that errs: [Read with care](#read-with-care).\n\n" if given else ""
    return Block(told + citations.PLACE)


def full_run(page: Page) -> Block:
    """Links to all that came out of this page's run."""
    folder = f"/generated/{page.outputs.concept}"
    return Block(
        f'{_take(page)}\n\n<p class="unsearched" markdown>[Every cell with what it printed and drew]({folder}/run.ipynb)'
        f" · [all numbers as data]({folder}/results.json)</p>"
    )


def this_part(page: Page) -> Part:
    """The part of the series to which this page belongs."""
    by_folder = {PurePosixPath(part.page).parent.as_posix(): part for part in parts(page)}
    if page.source.part not in by_folder:
        raise UnknownName("part", page.source.part, by_folder, "The series")
    return by_folder[page.source.part]


def parts(page: Page) -> Sequence[Part]:
    """All parts of the series, the newest first."""
    page.made_of_others = True
    return page.shared.parts


def colab(repository: str, concept: str) -> str:
    """Where Colab runs a concept's notebook: on the branch to which .github/workflows/site.yml pushes it; only GitHub has it."""
    found = re.match(r"https://github\.com/([\w.-]+/[\w.-]+?)(?:\.git)?/?$", repository)
    notebook = f"{concept}/{PurePosixPath(concept).name}.ipynb"
    return f"https://colab.research.google.com/github/{found[1]}/blob/notebooks/{notebook}" if found else ""


def fmt(value: Any, spec: str = "") -> str:
    """``{{ grokking.accuracy | fmt(".1%") }}``: a number as Python's format language says."""
    try:
        return show(value, spec)
    except (ValueError, TypeError) as error:
        raise Problem(f"fmt({spec!r}) is not a format: {error}.", todo='Try fmt(".3g") or fmt(".1%").') from None


def images(drawn: Figure, alt: str) -> str:
    """A figure's two files, one for each colour scheme, with their size."""
    label = re.sub(r"([\[\]])", r"\\\1", " ".join(alt.split()))
    size = f'width="{drawn.width}" height="{drawn.height}" loading="lazy"'
    files = zip(SCHEMES, (drawn.light, drawn.dark), strict=True)
    return "\n".join(f"![{label}]({_address(path)}#only-{scheme}){{ {size} }}" for scheme, path in files)


FILTERS: dict[str, Callable[..., Any]] = {"fmt": fmt, "images": images, "cell": mathml.cell}
MACROS = (figure, watch, _code, _marks, _ran, verdicts, status, references, full_run, this_part, parts)


def _described(page: Page, macro: str, concept: str, name: str, alt: str, caption: str) -> Outputs:
    """The outputs with a figure that is named and described. Raises ``Problem`` if it is not."""
    if not concept or not name:
        todo = f'Write {macro}("29/concept", "cell", alt=…, caption=…).'
        raise Problem("A figure needs its concept and its name.", todo=todo)
    for label, given, todo in (
        ("alt text", alt, 'Say what the figure shows, for those who do not see it: alt="…".'),
        ("caption", caption, 'Say what to look at: caption="…".'),
    ):
        if not str(given or "").strip():
            raise Problem(f"The figure {name!r} has no {label}.", todo=todo)
    return page.shared.outputs(concept)


def _address(path: Path) -> str:
    """From the root of the documents: `page` makes it relative."""
    generated = len(path.parts) - 1 - path.parts[::-1].index("generated")
    return f"/{'/'.join(path.parts[generated:])}"


def _take(page: Page) -> str:
    """This page's script and notebook: to copy (see docs/assets/site.js), to keep, and to run elsewhere."""
    concept = page.outputs.concept
    stem = PurePosixPath(concept).name
    script = f"/generated/{concept}/{stem}.py"
    links = [
        f"[Copy the whole script]({script}){{ .copy download={stem}.py }}",
        f"[Download .py]({script}){{ download={stem}.py }}",
        f"[Download notebook](/generated/{concept}/{stem}.ipynb){{ download={stem}.ipynb }}",
    ]
    if address := colab(page.shared.repository, concept):
        links.append(f"[Open in Colab]({address})")
    return f'<p class="take" markdown>{" ".join(links)}</p>'


def _row(verdict: Verdict) -> Iterator[str]:
    """The cells of a claim in the table: nothing that it is judged by is left out."""
    claim = verdict.claim
    notes = {"Changed": claim.changed, "Chosen": claim.chosen}
    yield f'<span id="{claim.anchor}">{claim.says}</span>' + _small(notes)
    yield claim.paper
    yield f"**{verdict.measured}**" + _small(verdict.also)
    yield (f"<small>{claim.comparison}</small>" if claim.comparison else "") + verdict.control
    mark = "<b>✓ holds</b>" if verdict.holds else '<b class="not">✗ does not hold</b>'
    yield f"{mark}<br>`{claim.holds}`<br>{' '.join(f'<i>{grade}</i>' for grade in claim.evidence)}"


def _small(notes: Mapping[str, str]) -> str:
    return "".join(f"<small>{what}: {note}</small>" for what, note in notes.items() if note)
