"""Datasets of every kind."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from tuneful.curves import make_dataset
from tuneful.readers import columns

NAN = np.nan
TEXT = st.text(st.characters(codec="utf-8", categories=["L", "N", "P", "Zs"]), min_size=1).map(str.strip)
WORDS = TEXT.filter(lambda s: s and columns.parse(pd.Series([s])).dtype.kind == "U")
NUMBERS = st.floats(0, 1e6) | st.just(NAN)
SIZES = st.floats(-1e3, 1e3).map(lambda v: float(f"{v:.9g}"))  # which differ by more than rounding, if at all


@st.composite
def _datasets(draw, optional=True, labelled=True):
    """Any valid dataset: 1-4 units, 1-4 conditions, with and without features, labels and properties."""
    n, s = draw(st.integers(1, 4)), draw(st.integers(1, 4))
    rates = draw(arrays(float, (n, s), elements=NUMBERS))
    rates[:, 0], rates[0] = np.nan_to_num(rates[:, 0]), np.nan_to_num(rates[0])
    distinct = {"min_size": s, "max_size": s, "unique": True}
    conditions = {"size": draw(st.lists(SIZES, **distinct)), "contrast": np.repeat(0.5, s)}
    labels = {"condition": draw(st.lists(WORDS.filter(lambda w: not set(w) & set("=;")), **distinct))}
    units = {
        "area": draw(st.lists(WORDS, min_size=n, max_size=n)),
        "grid": draw(arrays(np.int64, n)),
        "depth": draw(arrays(float, n, elements=st.floats(-1e3, 1e3, width=64))),
        "deep": draw(arrays(bool, n)),
    }
    chosen = draw(st.sampled_from([conditions, labels, conditions | labels] if labelled else [conditions]))
    tables_ = {}
    if optional and draw(st.booleans()):
        tables_ = {"rate_var": rates * 2, "n_trials": np.where(np.isnan(rates), NAN, 7)}
    unit_labels = draw(st.lists(TEXT.filter(bool), min_size=n, max_size=n, unique=True))
    return make_dataset(rates, chosen, draw(st.sampled_from([units, {}])), unit_labels, **tables_)


PIECES = [
    b'"', b",", b";", b"\t", b"\n", b"\r", b"\0", b"=", b"'", b"#", b"nan", b"inf", b"1e999", b"-", b"\xff",
    b"\x1b[2J", b"unit", b"rate", b"9" * 5000, b"0x10",
]  # fmt: skip


def _damaged(content, draw):
    """A file with a few bytes changed, put in, left out, cut off or repeated."""
    changed = bytearray(content)
    for _ in range(draw.choice([1, 1, 2, 5, 30])):
        where = draw.randrange(len(changed) + 1)
        kind = draw.randrange(5)
        if kind == 0 and changed:
            changed[min(where, len(changed) - 1)] = draw.randrange(256)
        elif kind == 1:
            changed[where:where] = draw.choice(PIECES)
        elif kind == 2:
            del changed[where : where + draw.randrange(1, 40)]
        elif kind == 3 and where:
            del changed[where:]
        else:
            again = draw.randrange(len(changed) + 1)
            changed[where:where] = changed[again : again + draw.randrange(60)]
    return bytes(changed)


@pytest.fixture(scope="session")
def datasets():
    """A strategy of hypothesis: `datasets(optional=True, labelled=True)`."""
    return _datasets


@pytest.fixture(scope="session")
def damaged():
    """A function of the content of a file and a `random.Random`."""
    return _damaged
