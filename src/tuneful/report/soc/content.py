"""What the page of a stabilised circuit, or of any weight matrix, is made from."""

from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True, eq=False)
class SocContent:
    """Everything that the page shows.

    result
        The content of result.json; of a bare weight matrix only ``n``, ``n_excitatory``, ``scalars``, ``warnings``,
        ``source``, ``command`` and ``versions``.
    weights, excitatory
        The circuit, (N, N) and (N,) bool.
    before
        The network that was stabilised, or None if that is not known.
    history
        Abscissa after 0, 1, ... steps, or None.
    """

    result: dict[str, Any]
    weights: np.ndarray
    excitatory: np.ndarray
    before: np.ndarray | None = None
    history: np.ndarray | None = None
