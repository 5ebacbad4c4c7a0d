"""What all pages of a build share: outputs, bibliography, glossary, and the series that they make up."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path, PurePosixPath

from jinja2 import Environment

from pipeline.problem import Problem, UnknownName
from pipeline.run.outputs import Outputs
from pipeline.write import bibliography
from pipeline.write.glossary import Glossary
from pipeline.write.numbers import Numbers
from pipeline.write.parts import Part


class Shared:
    """``problems`` are those of the bibliography. ``parts``, the newest first, ``glossary`` and ``incomplete``, whether some
    page says too little of itself for those that are made of others, are known when all pages have been read."""

    def __init__(self, root: Path, environment: Environment, repository: str) -> None:
        self.root, self.environment, self.repository = root, environment, repository
        self.problems: list[Problem] = []
        self.readable = True
        self.bibliography = self._read_bibliography()
        self.parts: Sequence[Part] = ()
        self.glossary = Glossary("")
        self.incomplete = False
        self._outputs: dict[str, Outputs] = {}

    def _read_bibliography(self) -> Mapping[str, bibliography.Reference]:
        try:
            read = bibliography.read(self.root)
        except Problem as problem:
            self.problems.append(problem)
            self.readable = False
            return {}
        self.problems += [problem for reference in read.values() for problem in reference.problems()]
        return read

    def outputs_of(self, concept: str) -> Outputs:
        """What came out of a concept's run; its record is empty if there is none."""
        return self._outputs.setdefault(concept, Outputs(self.root, concept))

    def outputs(self, concept: str) -> Outputs:
        """The same. Raises ``UnknownName`` if there is none."""
        if not self.outputs_of(concept).record:
            raise UnknownName("concept", concept, self._concepts, "This site")
        return self.outputs_of(concept)

    def numbers(self, part: str) -> dict[str, Numbers]:
        """The results of each concept of a part, by the name under which its pages know it."""
        here = (concept for concept in self._concepts if PurePosixPath(concept).parent.as_posix() == part)
        return {PurePosixPath(concept).name: Numbers(self.outputs_of(concept)) for concept in here}

    @cached_property
    def _concepts(self) -> list[str]:
        generated = self.root / "docs" / "generated"
        return sorted(folder.relative_to(generated).as_posix() for folder in generated.glob("*/*/"))
