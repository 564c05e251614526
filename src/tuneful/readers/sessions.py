"""Labels of units that begin again in every session."""

import numpy as np
import pandas as pd

from tuneful.curves import DatasetError
from tuneful.readers.columns import Table, as_text
from tuneful.readers.names import Meaning, meaning


def told_apart(table: Table) -> tuple[np.ndarray, list[str]]:
    """Labels of units, (rows,), and what was done to them.

    Where one label occurs in several sessions (or animals, probes, days), they are different units: each gets the
    session before its label, ``s1-7``.

    Parameters
    ----------
    table
        With a column ``unit``.

    Raises
    ------
    DatasetError
        If two units would be called the same even so.

    >>> told_apart({"unit": pd.Series(["1", "1"]), "session": pd.Series(["a", "b"])})[0].tolist()
    ['a-1', 'b-1']
    """
    labels = as_text(table["unit"])
    named = [name for name in table if meaning(name.removeprefix("unit.")) is Meaning.SESSION]
    texts = {name: as_text(table[name]) for name in named}
    n_labels = len(set(labels.tolist()))
    differing = [
        name for name in named if len(set(zip(labels.tolist(), texts[name].tolist(), strict=True))) > n_labels
    ]
    if not differing:
        return labels, []
    number = pd.DataFrame({name: texts[name] for name in differing} | {"": labels})
    unique = number[differing].agg("-".join, axis=1).to_numpy(str)
    changed = np.array([f"{session}-{label}" for session, label in zip(unique, labels, strict=True)])
    if len(set(changed.tolist())) < len(number.drop_duplicates()):
        raise DatasetError(f"Labels of units begin again with '{differing[0]}': give every unit a label of its own.")
    where = " and ".join(f"'{name}'" for name in differing)
    return changed, [
        f"Labels of units occur with several values of {where}, and were taken for different units, such as "
        f"{str(changed[0])!r}; if they are the same units, say ignore={','.join(differing)}."
    ]
