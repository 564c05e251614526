"""Numbers over the steps."""

from tuneful.report import figures
from tuneful.report.fit import course, render


def test_long_fits_stay_small(fit_content):
    steps = [
        {"step": s, "loss": 1.0 / (s + 1), "gradient_norm": 1.0, "parameters": {"sigma_l": 0.3 + 1e-5 * s}}
        for s in range(20_000)
    ]
    assert len(render(fit_content(steps=steps))) < 2_000_000
    kept = course.thinned(steps)
    assert (kept[0]["step"], kept[-1]["step"], len(kept)) == (0, 19_999, figures.MOST_POINTS)
