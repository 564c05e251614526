"""Where a recurrent circuit starts if nothing is said: the weights of 2017, shared among types of the same sign."""

import numpy as np

from tuneful.circuits.connectivity import Wiring
from tuneful.circuits.geometry import AbstractGeometry, Line, Ring

# Table 3 of Arakaki et al. 2017, rows post-synaptic: of a line of 201 sites on [-4, 4].
SMALLEST = np.array(((0.0957, 0.0638), (0.1197, 0.0479)))
RANGE = np.array(((0.7660, 0.5106), (0.9575, 0.3830)))
REACH = np.array(((0.6667, 0.2), (1.333, 0.2)))
LENGTH, SITES, SIDE = 8.0, 201, 15  # of that line; of a sheet, the sites along a side for which they are as good
WIDEST = 0.9  # half a range, at most, over the mean of weights


def typical_weights(
    wiring: Wiring, signs: tuple[float, ...], space: AbstractGeometry, law: str
) -> dict[str, np.ndarray]:
    """J, dJ and sigma of every connection that exists, (present,), by name.

    Those of excitatory and inhibitory cells in Arakaki et al. 2017. Where a cell has several kinds of input of the
    same sign, these share the weight: types of the same sign then receive, on average, what E or I cells do there. A
    ring has the reach of a line of length 8 that is bent, and no reach on a sheet is below the spacing of its sites.
    Where sites are fewer in a length, weights are larger: a cell receives the same on average, and the same variance
    between cells. Log-normal weights have the mean and the variance of the uniform ones.

    Parameters
    ----------
    wiring
        The types and their connections.
    signs
        1 for excitatory types, -1 for inhibitory ones.
    space
        Where the cells are.
    law
        A key of `tuneful.circuits.connectivity.LAWS`.

    >>> wiring = Wiring(("PC", "PV", "SST"), ("SST<-SST",))
    >>> weights = typical_weights(wiring, (1.0, -1.0, -1.0), Line(201, 4.0), "uniform")
    >>> weights["J"].round(4).tolist()  # PC<-PC, PC<-PV, PC<-SST, PV<-..., SST<-PC, SST<-PV
    [0.0957, 0.0319, 0.0319, 0.1197, 0.024, 0.024, 0.1197, 0.0479]
    """
    inhibits = np.array(signs) < 0
    posts, pres = np.array(wiring.present).T
    alike = [
        sum(p == post and inhibits[q] == inhibits[pre] for p, q in wiring.present) for post, pre in wiring.present
    ]
    pairs = inhibits[posts].astype(int), inhibits[pres].astype(int)
    smallest, spread = _from_fewer(SMALLEST[pairs], RANGE[pairs], _sparseness(space))
    smallest, spread = smallest / alike, spread / alike
    if law == "log-normal":
        smallest, spread = smallest + spread / 2, spread / np.sqrt(12)
    return {"J": smallest, "dJ": spread, "sigma": _reach(space, REACH[pairs])}


def _sparseness(space: AbstractGeometry) -> float:
    """How many of the sites of 2017 one site stands for."""
    if isinstance(space, Line):
        return space.extent / (LENGTH / 2) * (SITES - 1) / max(space.n_sites - 1, 1)
    return SITES / space.count if isinstance(space, Ring) else SIDE**2 / space.count


def _from_fewer(smallest: np.ndarray, spread: np.ndarray, factor: float) -> tuple[np.ndarray, np.ndarray]:
    """Uniform weights of one cell in the place of so many: the mean and the variance of their sum."""
    if factor == 1:
        return smallest, spread
    mean = factor * (smallest + spread / 2)
    spread = np.minimum(np.sqrt(factor) * spread, 2 * WIDEST * mean)
    return mean - spread / 2, spread


def _reach(space: AbstractGeometry, reach: np.ndarray) -> np.ndarray:
    if isinstance(space, Ring):
        return reach * space.period / LENGTH
    return reach if isinstance(space, Line) else np.maximum(reach, space.spacing)
