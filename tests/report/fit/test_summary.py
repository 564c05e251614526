"""What is printed of a result."""

import pytest

from tuneful.report.fit.summary import fit_summary

RESULT = {
    "stopped": "converged", "steps": 3, "wall_seconds": 1.0, "statistics": {}, "warnings": [],
    "parameters": {"a": {"initial": 1.0, "value": 2.0, "truth": 2.5, "unit": "Hz"}},
}  # fmt: skip


@pytest.mark.parametrize(
    ("known", "expected"),
    [
        (
            {},
            [
                "parameter                start       end     truth  unit",
                "a                            1         2       2.5  Hz",
            ],
        ),
        (
            {"standard_error": 0.1, "identified": "yes"},
            [
                "parameter                start       end     truth          known to  unit",
                "a                            1         2       2.5           ± 5.0 %  Hz",
            ],
        ),
    ],
)  # fmt: skip
def test_parameters_stand_beside_the_truth_and_say_how_well_they_are_known(known, expected):
    result = RESULT | {"parameters": {"a": RESULT["parameters"]["a"] | known}}
    assert fit_summary(result).splitlines()[-2:] == expected
