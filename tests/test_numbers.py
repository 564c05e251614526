"""Numbers as people write them."""

from tuneful import numbers

NAN = float("nan")


def test_numbers_in_words():
    shown = [numbers.number(v) for v in (None, NAN, float("inf"), -1.25, 1234.5, 1e-9, 0, True, [1.0, NAN], "x")]
    assert shown == ["–", "–", "∞", "−1.25", "1,234", "1e−09", "0", "yes", "(1, –)", "x"]
    assert [numbers.duration(s) for s in (None, 0.51, 48.2, 73, 3900)] == [
        "–",
        "0.5 s",
        "48 s",
        "1 min 13 s",
        "1 h 05 min",
    ]
    assert [numbers.percent(v) for v in (NAN, 0, 0.012, 0.5)] == ["–", "0 %", "1.2 %", "50 %"]
