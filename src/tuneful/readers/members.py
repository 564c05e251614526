"""What tables of pandas, pynwb and pynapple say of units and intervals; the latter two are not imported."""

import numbers
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from tuneful.curves import DatasetError
from tuneful.readers.names import normal


def table_of(item: Any) -> Any:
    """A table of pynwb as one of pandas, and anything else as it is."""
    if isinstance(item, pd.DataFrame) or not callable(getattr(item, "to_dataframe", None)):
        return item
    return item.to_dataframe()


def column_called(table: pd.DataFrame, known: Sequence[str], expected: str) -> Any:
    """The name of the only column that is called as one of some names.

    Raises
    ------
    DatasetError
        If there is none, or several.
    """
    found = [name for name in table.columns if normal(str(name)) in known]
    if len(found) != 1:
        raise DatasetError(
            f"{'Several columns' if found else 'No column'} of the table (with {', '.join(map(str, table.columns))}) "
            f"{'are' if found else 'is'} called {' or '.join(known)}: expected is {expected}."
        )
    return found[0]


def scalars_of(table: pd.DataFrame) -> dict[str, np.ndarray]:
    """Columns with one number or text a row."""
    plain = (str, numbers.Real, np.bool_, type(None))
    return {str(name): c.to_numpy() for name, c in table.items() if all(isinstance(value, plain) for value in c)}


def metadata_of(item: Any, without: Sequence[str]) -> dict[str, np.ndarray]:
    """What an object of pynapple knows of its members besides."""
    table = getattr(item, "metadata", None)
    found = scalars_of(table) if isinstance(table, pd.DataFrame) else {}
    return {name: values for name, values in found.items() if name not in without}
