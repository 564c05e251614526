"""The log of a fit: sorted, and short where it is shown."""

from tuneful.fitting.history import History

STEPS = [{"step": i, "loss": 1 / i, "taken": True, "parameters": {"J": float(i)}} for i in range(1, 5001)]


def test_lines_come_back_in_order():
    history = History([*STEPS[:30], {"step": 25, "statistics": {"rate": float("nan")}}])
    assert [line["step"] for line in history.lines()] == [*range(1, 26), *range(25, 31)]
    assert history.steps == STEPS[:30]
    assert history.evaluations == [{"step": 25, "statistics": {"rate": history.evaluations[0]["statistics"]["rate"]}}]


def test_thousands_of_lines_are_shown_in_one():
    history = History(STEPS)
    assert repr(history.steps) == "<5000 lines, the last: step=5000, loss=0.0002, taken=True, J=5000>"
    assert repr(history) == f"<History: steps {history.steps!r}, evaluations <0 lines>>"


def test_a_notebook_shows_the_last_lines():
    page = History(STEPS).steps._repr_html_()
    assert "the last 20 of 5000 lines" in page
    assert page.count("<tr>") == 21
    assert "<th>step</th><th>loss</th><th>taken</th><th>J</th>" in page
    assert "<table>" in History().steps._repr_html_()
