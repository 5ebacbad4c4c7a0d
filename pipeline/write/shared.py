"""What all pages of a build share: outputs, bibliography, glossary, and the series that they make up."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache, cached_property, partial
from pathlib import Path, PurePosixPath

from jinja2 import Environment

from pipeline.problem import Problem, UnknownName
from pipeline.run.outputs import Outputs
from pipeline.write import bibliography
from pipeline.write.glossary import Term
from pipeline.write.numbers import Numbers
from pipeline.write.parts import Part


class Shared:
    """``problems`` are those of the bibliography. ``parts``, the newest first, ``glossary`` and ``incomplete``, whether some
    page says too little of itself for those that are made of others, are known when all pages have been read."""

    def __init__(self, root: Path, environment: Environment, repository: str) -> None:
        self.root, self.environment, self.repository = root, environment, repository
        self.outputs_of = cache(partial(Outputs, root))  # of a concept; the record is empty if it has none
        self.parts: Sequence[Part] = ()
        self.glossary: dict[str, Term] = {}
        self.incomplete = self.unreadable = False
        self.bibliography: dict[str, bibliography.Reference] = {}
        try:
            self.bibliography = bibliography.read(root)
            self.problems = [problem for entry in self.bibliography.values() for problem in entry.problems()]
        except Problem as problem:
            self.unreadable, self.problems = True, [problem]

    def outputs(self, concept: str) -> Outputs:
        """What came out of a concept's run. Raises ``UnknownName`` if there is none."""
        if not self.outputs_of(concept).record:
            raise UnknownName("concept", concept, self._concepts, "This site")
        return self.outputs_of(concept)

    def numbers(self, part: str) -> dict[str, Numbers]:
        """The results of each concept of a part, by the name under which its pages know it."""
        here = [
            PurePosixPath(concept) for concept in self._concepts if PurePosixPath(concept).parent.as_posix() == part
        ]
        return {concept.name: Numbers(self.outputs_of(concept.as_posix())) for concept in here}

    @cached_property
    def _concepts(self) -> list[str]:
        generated = self.root / "docs" / "generated"
        return sorted(folder.relative_to(generated).as_posix() for folder in generated.glob("*/*/"))
