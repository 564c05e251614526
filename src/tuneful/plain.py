"""Results as numbers and texts that JSON knows."""

import enum
import math
import os
import re
from collections.abc import Mapping, Set
from typing import Any

import numpy as np


def plain(value: Any) -> Any:
    """The same content in types that JSON knows, at any depth.

    Parameters
    ----------
    value
        Anything: arrays of NumPy and JAX become nested lists, tuples become lists, sets become lists in the order of
        their texts, enumerations become their values, paths become texts, and keys become texts. NaN and infinities
        become None. What is none of these becomes its text.

    Returns
    -------
    None, bool, int, float, str, list or dict.

    >>> plain({"ks": np.array([0.5, np.nan]), "shape": (2, 3)})
    {'ks': [0.5, None], 'shape': [2, 3]}
    """
    if isinstance(value, enum.Enum):
        return plain(value.value)
    if isinstance(value, np.generic) or (hasattr(value, "__array__") and hasattr(value, "tolist")):
        return plain(value.tolist())
    if isinstance(value, Mapping):
        return {_key(key): plain(item) for key, item in value.items()}
    if isinstance(value, Set):
        return [plain(item) for item in sorted(value, key=str)]
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else None
    if isinstance(value, os.PathLike):
        return os.fspath(value)
    return value if isinstance(value, str | int | None) else str(value)


def printable(text: str, longest: int = 80) -> str:
    """Text as a terminal may be given it: names in data hold what their authors please.

    Parameters
    ----------
    text
        Lines end as they do; every other control character is written as its escape sequence.
    longest
        Words of more characters are cut in their middle.

    >>> printable("\x1b[2Jname"), printable("a" * 100, longest=9)
    ('\\\\x1b[2Jname', 'aaaa...aa')
    """
    shown = "".join(c if c.isprintable() or c == "\n" else c.encode("unicode_escape").decode() for c in text)
    return re.sub(rf"\S{{{longest + 1},}}", lambda word: _shortened(word[0], longest), shown)


def _shortened(word: str, longest: int) -> str:
    return word[: longest // 2] + "..." + word[len(word) - (longest - longest // 2 - 3) :]


def _key(key: Any) -> str:
    return str(key.value if isinstance(key, enum.Enum) else key)
