"""What the fitted circuit does in conditions that it was not fitted to, beside the circuit that made the data."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr

from tuneful.curves import critical_value, features, ks_distance
from tuneful.numbers import as_float, as_floats
from tuneful.plot.populations import Along, spread
from tuneful.plot.selection import finite_rates, held_out
from tuneful.report.fit.content import ReportContent


@dataclass(frozen=True)
class Distances:
    """Kolmogorov-Smirnov distance of the rates from the truth in every predicted condition (S,); the 5 % line."""

    ks: np.ndarray
    line: float

    @property
    def known(self) -> np.ndarray:
        """The distances that are defined."""
        return self.ks[np.isfinite(self.ks)]


def distances(content: ReportContent) -> Distances | None:
    """Distances of the prediction from the truth: as in the result, else between the curves; None if unknown."""
    if content.prediction is None:
        return None
    noted = content.result.get("prediction") or {}
    predicted, true = finite_rates(content.prediction), _rates(content.prediction_truth)
    ks = _noted(noted, features(content.prediction), predicted.shape[1])
    if ks is None and true is not None:
        ks = np.array([ks_distance(a, b) for a, b in zip(predicted.T, true.T, strict=True)])
    if ks is None or not np.isfinite(ks).any():
        return None
    line = as_float(noted.get("line"))
    if math.isnan(line) and true is not None:
        line = critical_value(len(predicted), len(true))
    return Distances(ks, line)


def _rates(curves: xr.Dataset | None) -> np.ndarray | None:
    return None if curves is None else finite_rates(curves)


def _noted(noted: Mapping[str, Any], found: Mapping[str, np.ndarray], n: int) -> np.ndarray | None:
    """The distances that the result holds, in the order of the predicted conditions."""
    if noted.get("ks") is None:
        return None
    ks, conditions = as_floats(noted["ks"]), noted.get("conditions") or {}
    names = [name for name in conditions if name in found]
    if not names:
        return ks if len(ks) == n else None
    by_condition = dict(zip(_identities(conditions, names), ks, strict=False))
    return np.array([by_condition.get(identity, np.nan) for identity in _identities(found, names)])


def _identities(conditions: Mapping[str, Any], names: Sequence[str]) -> list[tuple]:
    """What tells one condition from another, whether its values come from a file or from an array."""
    return list(zip(*([_identity(value) for value in conditions[name]] for name in names), strict=False))


def _identity(value: Any) -> float | str:
    x = as_float(value)
    return str(value) if math.isnan(x) else float(f"{x:.6g}")


def feature_along(content: ReportContent) -> str | None:
    """The one numeric feature in which all conditions differ, fitted and predicted ones; None if there are more."""
    if content.prediction is None:
        return None
    fitted, new = features(content.measured), features(content.prediction)
    if set(fitted) != set(new):
        return None
    varying = [name for name in new if len(np.unique(np.concatenate([fitted[name], new[name]]))) > 1]
    numeric = [name for name in varying if np.issubdtype(new[name].dtype, np.number)]
    distinct = all(len(np.unique(side[name])) == len(side[name]) for name in numeric for side in (fitted, new))
    return numeric[0] if len(varying) == len(numeric) == 1 and distinct else None


def model_along(content: ReportContent, prediction: xr.Dataset, name: str) -> Along:
    """The fitted circuit over a feature: the new conditions, and between them those that it was fitted to."""
    new = np.asarray(prediction[name].values, dtype=float)
    fitted = np.asarray(content.end[name].values, dtype=float)
    others = ~np.isin(fitted, new)
    spreads = [spread(finite_rates(prediction)), spread(finite_rates(content.end))[:, others]]
    return _sorted(np.concatenate([new, fitted[others]]), np.hstack(spreads))


def data_along(content: ReportContent, name: str) -> Along:
    """The held-out curves over a feature, in the fitted conditions."""
    return _along(held_out(content.measured), name)


def truth_along(content: ReportContent, name: str) -> Along | None:
    """The circuit that made the data over a feature, in the new conditions; None if it is not known."""
    return None if content.prediction_truth is None else _along(content.prediction_truth, name)


def _along(curves: xr.Dataset, name: str) -> Along:
    return _sorted(np.asarray(curves[name].values, dtype=float), spread(curves["rate"].values))


def _sorted(places: np.ndarray, quantiles: np.ndarray) -> Along:
    order = np.argsort(places)
    return Along(places[order], *quantiles[:, order])
