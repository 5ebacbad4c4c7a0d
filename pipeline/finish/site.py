"""One build of the site: run, check, render next to the old site, and change over at the very end."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipeline.problem import Problem, report
from pipeline.run import outputs as generated
from pipeline.run.lock import acquire
from pipeline.run.schedule import forget_others, run, why_stale
from pipeline.run.snippet import Snippet, find
from pipeline.write import check
from pipeline.write.pages import page_of, problem_page

if TYPE_CHECKING:
    from mkdocs.config.defaults import MkDocsConfig


class Build:
    """Held by the hook for as long as `mkdocs` runs; under `mkdocs serve` that is many builds."""

    def __init__(self) -> None:
        self.serving = False
        self._lock: Any = None
        self._target: Path | None = None  # the site as people know it, while the new one is made in `_staging`
        self._staging: Path | None = None
        self._whole = False
        self._failed: dict[str, tuple[dict[str, str], Problem]] = {}  # by concept: the key that failed, and how
        self._blocking: dict[str, list[Problem]] = {}  # by page: it cannot be rendered
        self._telling: dict[str, list[Problem]] = {}  # by page: it can, but something has to be said

    def stage(self, config: MkDocsConfig) -> None:
        self._target = Path(config.site_dir)
        self._staging = self._target.with_name(f".{self._target.name}.new")
        config.site_dir = str(self._staging)

    def prepare(self, root: Path) -> str:
        """Run what is stale and check every page. Returns what stands in the way of this build."""
        self._lock = acquire(root)
        snippets = find(root)
        forget_others(root, {snippet.concept for snippet in snippets})
        failures = self._run(snippets)
        if not self.serving:
            return report(failures.values()) or _report(check.check(root)) or _report(check.failing_claims(root))
        self._blocking = check.check(root)
        self._telling = check.failing_claims(root, but_not=self._blocking)
        for concept, problem in failures.items():
            # With the numbers of an earlier run the page can still be read; without, the problem stands in its place.
            where = self._telling if generated.Outputs(root, concept).record else self._blocking
            where[page_of(concept)] = [problem, *where.get(page_of(concept), ())]
        if told := "\n\n".join(filter(None, (_report(self._blocking), _report(self._telling)))):
            print(told, file=sys.stderr)
        return ""

    def _run(self, snippets: list[Snippet]) -> dict[str, Problem]:
        """Run what is stale. A snippet that failed while serving is not run again until it is changed."""
        failures: dict[str, Problem] = {}
        stale: list[Snippet] = []
        for snippet in snippets:
            if not (reason := why_stale(snippet)):
                continue
            if self.serving and snippet.concept in self._failed and self._failed[snippet.concept][0] == snippet.key():
                failures[snippet.concept] = self._failed[snippet.concept][1]
                continue
            print(f"{snippet.concept}: {reason}", file=sys.stderr)
            stale.append(snippet)
        keys = {snippet.concept: snippet.key() for snippet in stale}  # of what is run, whatever is saved meanwhile
        for snippet, problem in run(stale):
            failures[snippet.concept] = problem
            self._failed[snippet.concept] = keys[snippet.concept], problem
        return failures

    @property
    def blocked(self) -> bool:
        """Whether some page waits to be mended: then what all pages together say of themselves is not known."""
        return bool(self._blocking)

    def instead_of(self, source: str) -> str | None:
        """What stands in place of a page that cannot be rendered."""
        return problem_page(self._blocking[source]) if source in self._blocking else None

    def above(self, source: str) -> str:
        """What stands above a page that can be rendered, but of which something has to be said."""
        return problem_page(self._telling[source]) if source in self._telling else ""

    def finish(self, whole: bool) -> None:
        """The pages are written, or it failed: let the next build begin. The site is changed over in ``close``."""
        self._whole = whole
        if self.serving:
            self._release()

    def close(self) -> None:
        """The end of the process: put the new site in the old one's place if it is whole, else drop it."""
        try:
            if self._staging and self._target and self._whole:
                old = self._target.with_name(f".{self._target.name}.old")
                shutil.rmtree(old, ignore_errors=True)
                if self._target.exists():
                    self._target.rename(old)
                self._staging.rename(self._target)
                shutil.rmtree(old, ignore_errors=True)
        finally:
            self._release()

    def _release(self) -> None:
        if self._lock is not None:
            self._lock.release()


def expand(markdown: str, config: MkDocsConfig) -> str:
    """A page's Markdown with its includes in place, as pytest-codeblocks and other programs can read it."""
    from markdown import Markdown

    name = "pymdownx.snippets"
    preprocessor = Markdown(extensions=[name], extension_configs={name: config.mdx_configs[name]}).preprocessors[
        "snippet"
    ]
    return "\n".join(preprocessor.run(markdown.split("\n")))


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def _report(by_page: dict[str, list[Problem]]) -> str:
    return report(problem for problems in by_page.values() for problem in problems)
