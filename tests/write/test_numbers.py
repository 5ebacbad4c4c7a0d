"""How a measured number reads."""

from __future__ import annotations

import pytest

from pipeline.problem import Problem
from pipeline.write.numbers import STATISTICS, Series, one_seed, show


@pytest.mark.parametrize(
    ("value", "spec", "text"),
    [
        (3, "", "3"),
        (12345, "", "12,345"),
        (3.0, "", "3"),
        (3.14159, "", "3.14"),
        (0.0123456, "", "0.0123"),
        (123.456, "", "123"),
        (-2.5, "", "−2.50"),
        (0.000012, "", "1.2 × 10⁻⁵"),
        (98765.4, "", "98,765"),
        (0.9934, ".1%", "99.3%"),
        ([21.42, 18.2, 25.3], "", "21.4 (18.2–25.3)"),
        ([1.0, 0.97, 0.999], "", "1.00 (0.97–1.00)"),
        ([30, 41, 35], "", "35 (30–41)"),
        ([2.0, 2.0], "", "2"),
        ([0.5, -0.25, 0.0], "", "0.000 (−0.250 to 0.500)"),
        ([0.991, 0.95], ".0%", "97% (95%–99%)"),
        ([[1, 2], [3, 5]], "", "1.50 (1–2), 4 (3–5)"),
        ([30, None, 41], "", "35.5 (30–41), on 2 of 3 seeds"),
        ([None, None], ".1%", "on none of 2 seeds"),
    ],
)
def test_reads_as_a_person_would_write_it(value: object, spec: str, text: str) -> None:
    assert show(value, spec) == text


def test_statistics_of_a_series() -> None:
    series = Series([4, 1, 10])
    assert (series.median, series.min, series.max, series.mean) == (4, 1, 10, 5)


def test_no_statistic_is_taken_of_what_did_not_happen_everywhere() -> None:
    assert Series([4, None, 10]).happened.median == 7
    for name in STATISTICS:
        with pytest.raises(Problem, match="on 2 of 3 seeds"):
            getattr(Series([4, None, 10]), name)


def test_one_seed_cuts_what_has_a_value_per_seed_and_nothing_else() -> None:
    results = {"seeds": [7, 8], "delay": [20, 30], "curve": [1, 2, 3], "p": 43}
    assert one_seed(results, 1) == {"seeds": [8], "delay": [30], "curve": [1, 2, 3], "p": 43}
