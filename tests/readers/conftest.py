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


@st.composite
def _datasets(draw, optional=True, labelled=True):
    """Any valid dataset: 1-4 units, 1-4 conditions, with and without features, labels and properties."""
    n, s = draw(st.integers(1, 4)), draw(st.integers(1, 4))
    rates = draw(arrays(float, (n, s), elements=NUMBERS))
    rates[:, 0], rates[0] = np.nan_to_num(rates[:, 0]), np.nan_to_num(rates[0])
    distinct = {"min_size": s, "max_size": s, "unique": True}
    conditions = {"size": draw(st.lists(st.floats(-1e3, 1e3), **distinct)), "contrast": np.repeat(0.5, s)}
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


@pytest.fixture(scope="session")
def datasets():
    """A strategy of hypothesis: `datasets(optional=True, labelled=True)`."""
    return _datasets
