"""Runs a script and writes down where its random numbers come from: `python tests/recorded.py SCRIPT OUT.json`.

``OUT.json`` gets its ``results``, each call of its ``stream(seed, purpose)`` with the number that this seeded a generator
with, and ``wrong``: every other source of random numbers that it used. The function to take home and its use are apart:
they are copied alone, without the script's streams.
"""

from __future__ import annotations

import importlib
import json
import pickle
import random
import re
import sys
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
import torch

ALONE = ("take-home", "use")
importlib.import_module("sklearn.datasets")  # on its first import, one of its own imports draws a random number


def record(source: str) -> dict[str, Any]:
    """The results of a script in percent format, its streams as [seed, purpose, number], and what else it drew from."""
    names: dict[str, Any] = {"__name__": "__main__"}
    streams: list[tuple[int, str, int]] = []
    wrong: list[str] = []
    numbers: list[int] = []  # with which generators were seeded since the last stream
    unseeded: set[int] = set()
    cell = ""

    class Generator(torch.Generator):
        def __init__(self, *device: Any) -> None:
            super().__init__()
            unseeded.add(id(self))

        def manual_seed(self, seed: int) -> torch.Generator:
            numbers.append(seed)
            unseeded.discard(id(self))
            return super().manual_seed(seed)

    def states() -> list[bytes]:
        # As a list: the pickle of a tensor names its place in memory.
        drawn = random.getstate(), np.random.get_state(), torch.get_rng_state().tolist()
        return [pickle.dumps(state) for state in drawn]

    def streaming(original: Any) -> Any:
        def stream(seed: int, purpose: str) -> torch.Generator:
            before = len(numbers)
            generator: torch.Generator = original(seed, purpose)
            streams.append((seed, purpose, numbers[-1]))
            del numbers[before:]
            return generator

        return stream

    with patch.object(torch, "Generator", Generator):
        for text in re.split(r"^(?=# %%)", source, flags=re.MULTILINE):
            cell = text.partition("\n")[0].removeprefix("# %%").strip()
            before = states()
            exec(compile(text, f"cell {cell}", "exec"), names)
            if cell == "setup" and "stream" in names:
                names["stream"] = streaming(names["stream"])
            if cell not in ALONE:
                wrong += [f"cell {cell}: seeds a generator with {number}, not by stream()" for number in numbers]
                wrong += [f"cell {cell}: draws from a global stream"] * (before != states())
                wrong += [f"cell {cell}: makes a generator and does not seed it"] * bool(unseeded)
            numbers.clear()
            unseeded.clear()
    return {"results": names.get("results"), "streams": sorted(set(streams)), "wrong": wrong}


if __name__ == "__main__":
    script, out = map(Path, sys.argv[1:])
    out.write_text(json.dumps(record(script.read_text(encoding="utf-8")), allow_nan=False), encoding="utf-8")
