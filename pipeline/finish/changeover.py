"""The change from the old site to the new one: at the very end, whole, or not at all.

The new site is made within the folder of the old, as ``.site.new``: that is on the same disk, whether the folder is a folder, a
link to one, or a disk of its own. The two change places entry by entry. As MkDocs does it, what begins with a dot and is no
part of the new site stays, such as the ``.git`` of a checkout.
"""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Iterator
from pathlib import Path

from pipeline.problem import Problem


class Changeover:
    """One build's. ``site`` is the folder that people know; ``new`` is where the build has to write."""

    def __init__(self, site: Path) -> None:
        self.site, self.new, self._old = site, site / ".site.new", site / ".site.old"
        self._begun = self._made = False

    def begin(self) -> None:
        """Make the place for the new site, when no other build is at work. Raises ``Problem`` if nothing can be written."""
        self._begun = True
        try:
            self._made = not self.site.exists()
            self.site.mkdir(parents=True, exist_ok=True)
            if self._old.exists():  # a change that was killed midway
                _bring_back(self._old, self.site)
            if self.new.exists():
                shutil.rmtree(self.new)
            self.new.mkdir()
        except OSError as error:
            raise self._problem(error) from None

    def complete(self) -> None:
        """Put the new site in the old one's place. Raises ``Problem``, with the old site as it was, if that fails."""
        done: list[tuple[Path, Path]] = []
        try:
            self._old.mkdir()
            for move in list(self._moves()):
                done.append(move)
                move[0].rename(move[1])
            self._old.rename(self.new / "old")  # from here on it is not brought back
        except BaseException as error:  # an interruption, too, is to leave the old site
            for here, there in reversed(done):
                with contextlib.suppress(FileNotFoundError):  # this was the move that failed
                    there.rename(here)
            self.abandon()
            if isinstance(error, OSError):
                raise self._problem(error) from None
            raise
        shutil.rmtree(self.new, ignore_errors=True)

    def _moves(self) -> Iterator[tuple[Path, Path]]:
        """What goes from where to where: first the old aside, then the new to its place."""
        names = [entry.name for entry in self.new.iterdir()]
        for entry in self.site.iterdir():
            if entry.name in names or not entry.name.startswith("."):
                yield entry, self._old / entry.name
        for name in names:
            yield self.new / name, self.site / name

    def abandon(self) -> None:
        """Drop what there is of the new site; of another build's, nothing."""
        if not self._begun:
            return
        shutil.rmtree(self.new, ignore_errors=True)
        with contextlib.suppress(OSError):
            self._old.rmdir()
        if self._made:
            with contextlib.suppress(OSError):
                self.site.rmdir()

    def _problem(self, error: OSError) -> Problem:
        return Problem(
            f"The site cannot be written to {self.site}: {error.strerror}.",
            todo="The site there is as it was. Free that folder, or choose another with `mkdocs build --site-dir`.",
        )


def _bring_back(old: Path, site: Path) -> None:
    """What was put aside, to where it was."""
    for entry in list(old.iterdir()):
        there = site / entry.name
        if there.is_dir() and not there.is_symlink():
            shutil.rmtree(there)
        else:
            there.unlink(missing_ok=True)
        entry.rename(there)
    old.rmdir()
