"""How curves are looked at before they are compared: whitened, as shapes, through missing conditions."""

from typing import Literal, final

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Bool, Float, Int

from tuneful.objectives.base import Generated, Measured, weighted_mean

FAINTEST = 0.05  # Hz^2: modulation below which a curve counts as flat rather than as a shape
FAINT = 0.01  # of the mean rate of all curves: below it, a curve is no longer compared over its own mean

Relative = Literal["curve", "label"]


@final
class FeatureMap(eqx.Module):
    """How curves look through the missing conditions of each measured unit.

    Units with the same missing conditions share a pattern p. A curve seen through it is (r - centre) @ transform[p]:
    a linear map that gives unmeasured conditions no weight. Without whitening it only drops them; with it, it is the
    inverse square root of the covariance of the *measured* conditions, so that rates which vary together count once
    and the shape of a curve counts beside its height.

    As `shapes`, a curve is its deviation from its own mean in units of its own standard deviation, whitened or not,
    followed by the square roots of its rates, whose noise is alike at all rates [Anscombe 1948]. Every unit then
    weighs the same; in plain rates a few strongly firing ones decide.

    With `log_above` = c, rates are seen as log(1 + r / c) before all else: in proportion above c, as differences
    below it. Statistics that are ratios of rates, such as surround suppression, are decided by the small ones.

    `relative` takes out a gain that nobody knows, and before all else. A "curve" is seen over its own mean m over the
    measured conditions, r / sqrt(m^2 + f^2), f a hundredth of the mean of all curves: what cells differ in as a whole
    is not compared. Relative to their "label", all measured curves are seen over their mean, the mean over conditions
    of the mean curve, and all generated ones over theirs (`levelled`): one gain for all cells of a label is not
    compared. `log_above` is then a fraction of these means.

    pattern
        That of each unit.
    observed
        1 where measured, else 0.
    transform, centre
        The linear map.
    fraction
        Of the units that have each pattern.
    level
        The mean of the measured curves, 1 if they are silent; None if nothing is relative to one.
    """

    pattern: Int[Array, " units"]
    observed: Float[Array, "patterns conditions"]
    transform: Float[Array, "patterns conditions conditions"]
    centre: Float[Array, " conditions"]
    fraction: Float[Array, " patterns"]
    level: Float[Array, ""] | None
    shapes: bool = eqx.field(static=True)
    log_above: float | None = eqx.field(static=True)
    relative: str | None = eqx.field(static=True)

    @classmethod
    def of(
        cls,
        data: Measured,
        whiten: bool,
        ridge: float,
        shapes: bool = False,
        log_above: float | None = None,
        relative: str | None = None,
    ) -> "FeatureMap":
        """Make the feature map of a set of measured curves.

        Parameters
        ----------
        data
            The curves.
        whiten
            Whether to whiten with their covariance.
        ridge
            Added to every variance, as a fraction of their mean; it bounds how strongly directions in which the data
            hardly vary are magnified.
        shapes, log_above, relative
            See the class; `log_above` in the unit of the curves, or as a fraction of what they are relative to.

        Raises
        ------
        ValueError
            For a negative ridge, a `log_above` that is not positive, and another `relative` than these; and for what
            does not go with one: shapes, and, over a curve's own mean, whitening without a ridge, as means then do
            not vary at all.

        >>> seen = FeatureMap.of(Measured.from_rates([[0.0], [2.0]]), whiten=True, ridge=0.0)
        >>> seen.of_units(jnp.array([[0.0], [2.0]]), jnp.arange(2)).tolist()
        [[-1.0], [1.0]]
        """
        if not ridge >= 0:
            raise ValueError(f"ridge must not be negative, and is {ridge}.")
        if log_above is not None and not log_above > 0:
            raise ValueError(f"log_above must be positive, or none, and is {log_above}.")
        _check_relative(relative, shapes, whiten and ridge == 0)
        observed = np.asarray(data.observed)
        level, rates = scaled_curves(data, log_above, relative)
        curves = np.asarray(shape_of(rates, data.observed) if shapes else rates, float)
        patterns, pattern = np.unique(observed, axis=0, return_inverse=True)
        pattern = pattern.reshape(-1)
        centre, covariance = gaussian_moments(curves, patterns, pattern)
        floor = max(ridge * np.trace(covariance) / len(covariance), np.finfo(np.float32).tiny)
        covariance = covariance + floor * np.eye(len(covariance)) if whiten else np.eye(len(covariance))
        dtype = data.rates.dtype
        return cls(
            pattern=jnp.asarray(pattern, jnp.int32),
            observed=jnp.asarray(patterns, dtype),
            transform=jnp.asarray(np.stack([_inverse_root(covariance, row) for row in patterns]), dtype),
            centre=jnp.asarray(centre, dtype),
            fraction=jnp.asarray(np.bincount(pattern) / len(pattern), dtype),
            level=level,
            shapes=shapes,
            log_above=log_above,
            relative=relative,
        )

    def fractions(self, data: Measured) -> Float[Array, " patterns"]:
        """Of the units that have each pattern, each as often as it stands for."""
        if data.unit_weights is None:
            return self.fraction
        return data.mean(jax.nn.one_hot(self.pattern, len(self.fraction), dtype=self.fraction.dtype))

    def levelled(self, generated: Generated) -> Float[Array, "curves conditions"]:
        """Generated curves, relative to their label brought to the mean of the measured ones; else as they are.

        The mean is over what any unit measured, and is differentiated with the curves.
        """
        if self.relative != "label" or self.level is None:
            return generated.rates
        measured = jnp.max(self.observed, axis=0)
        mean = generated.rates @ measured / jnp.maximum(measured.sum(), 1)
        return generated.rates * (self.level / _smoothed(weighted_mean(mean, generated.weight), self.level))

    def of_generated(self, generated: Generated) -> Float[Array, "patterns curves features"]:
        """Look at every generated curve through every pattern: (patterns, curves, features)."""
        return self.of_patterns(self.levelled(generated))

    def scaled(
        self, rates: Float[Array, "*curves conditions"], observed: Float[Array, "*curves conditions"]
    ) -> Float[Array, "*curves conditions"]:
        """Rates relative to a mean and compressed, if they are to be, through a mask of 1 and 0."""
        return compressed(_over_mean(rates, observed, self.level, self.relative), self.log_above)

    @eqx.filter_jit
    def of_units(
        self, rates: Float[Array, "curves conditions"], units: Int[Array, " curves"]
    ) -> Float[Array, "curves features"]:
        """Look at curve k through the missing conditions of unit `units[k]`: (curves, features)."""
        patterns = self.pattern[units]
        return jax.vmap(self._through)(rates, self.observed[patterns], self.transform[patterns])

    @eqx.filter_jit
    def of_patterns(self, rates: Float[Array, "curves conditions"]) -> Float[Array, "patterns curves features"]:
        """Look at every curve through every pattern: (patterns, curves, features)."""
        return jax.vmap(self._through, (None, 0, 0))(rates, self.observed, self.transform)

    def through(
        self, rates: Float[Array, "curves conditions"], pattern: Int[Array, ""]
    ) -> Float[Array, "curves features"]:
        """Look at every curve through one pattern: (curves, features)."""
        return self._through(rates, self.observed[pattern], self.transform[pattern])

    def _through(self, rates: Array, observed: Array, transform: Array) -> Array:
        centre, observed = (jnp.broadcast_to(row, rates.shape) for row in (self.centre, observed))
        rates = self.scaled(rates, observed)
        if not self.shapes:
            return (rates - centre) @ transform
        shape = (shape_of(rates, observed) - centre) @ transform
        return jnp.concatenate([shape, jnp.sqrt(rates + 3 / 8) * observed], axis=-1)


def scaled_curves(
    data: Measured, log_above: float | None, relative: str | None
) -> tuple[Float[Array, ""] | None, Float[Array, "units conditions"]]:
    """The level of measured curves, if they are relative to a mean, and how they are seen before any whitening."""
    level = None
    if relative is not None:
        level = jnp.asarray(mean_level(data.rates, data.observed), data.rates.dtype)
    return level, compressed(_over_mean(data.rates, data.observed, level, relative), log_above)


def mean_level(rates: Float[Array, "units conditions"], observed: Bool[Array, "units conditions"]) -> float:
    """The mean over measured conditions of the mean measured curve; 1 where it is not positive."""
    counts = np.asarray(observed, float).sum(axis=0)
    seen = counts > 0
    sums = np.where(observed, np.asarray(rates, float), 0).sum(axis=0)
    level = float(np.mean(sums[seen] / counts[seen])) if seen.any() else 0.0
    return level if level > 0 else 1.0


def _over_mean(rates: Array, observed: Array, level: Array | None, relative: str | None) -> Array:
    """Rates over what they are relative to, through masks of the same shape."""
    if level is None:
        return rates
    if relative == "label":
        return rates / level
    observed = observed.astype(rates.dtype)
    count = jnp.maximum(jnp.sum(observed, axis=-1, keepdims=True), 1)
    return rates / _smoothed(jnp.sum(rates * observed, axis=-1, keepdims=True) / count, level)


def _smoothed(mean: Array, level: Array) -> Array:
    """A mean to divide by, never below a hundredth of the level."""
    return jnp.sqrt(mean**2 + (FAINT * level) ** 2)


def _check_relative(relative: str | None, shapes: bool, whitens_plainly: bool) -> None:
    if relative not in (None, "curve", "label"):
        raise ValueError(f'relative must be "curve", "label" or none, and is {relative!r}.')
    if relative and shapes:
        raise ValueError(f'shapes are relative already: leave out relative = "{relative}", or shapes.')
    if relative == "curve" and whitens_plainly:
        raise ValueError('relative = "curve" leaves means without variance: whiten with a ridge above 0, or not.')


def compressed(rates: Float[Array, "*shape"], log_above: float | None) -> Float[Array, "*shape"]:
    """Rates, or log(1 + rates / log_above) if there is such a rate."""
    return rates if log_above is None else jnp.log1p(rates / log_above)


def shape_of(
    rates: Float[Array, "*curves conditions"],
    observed: Float[Array, "*curves conditions"] | Bool[Array, "*curves conditions"],
) -> Float[Array, "*curves conditions"]:
    """Deviation from a curve's own mean over its own standard deviation, in its measured conditions."""
    observed = observed.astype(rates.dtype)
    weight = observed / jnp.sum(observed, axis=-1, keepdims=True)
    deviation = (rates - jnp.sum(weight * rates, axis=-1, keepdims=True)) * observed
    return deviation / jnp.sqrt(jnp.sum(weight * deviation**2, axis=-1, keepdims=True) + FAINTEST)


def gaussian_moments(
    rates: np.ndarray, patterns: np.ndarray, pattern: np.ndarray, tolerance: float = 1e-6, max_rounds: int = 500
) -> tuple[np.ndarray, np.ndarray]:
    """Mean and covariance of the Gaussian of highest likelihood, given the measured entries only.

    Expectation maximisation [Dempster, Laird & Rubin 1977]. Covariances of all pairs measured together would be
    simpler, but are not a covariance matrix: where conditions vary together, as those of a tuning curve do, their
    inconsistency is as large as the small eigenvalues that whitening magnifies. Complete data need one round.

    Parameters
    ----------
    rates
        (units, conditions); anything where not measured.
    patterns
        (patterns, conditions), True where measured.
    pattern
        (units,), which of them each unit has.
    tolerance
        Change of a covariance, relative to the mean variance, that ends the rounds.
    max_rounds
        At most so many.

    Returns
    -------
    tuple of two arrays
        Mean, (conditions,), and covariance, (conditions, conditions).
    """
    counts = np.maximum(patterns[pattern].sum(0), 1)
    mean = np.where(patterns[pattern], rates, 0).sum(0) / counts
    covariance = np.diag(np.where(patterns[pattern], (rates - mean) ** 2, 0).sum(0) / counts)
    for _ in range(max_rounds):
        expected, spread = _expectation(rates, patterns, pattern, mean, covariance)
        before, mean = covariance, expected.mean(0)
        covariance = ((expected - mean).T @ (expected - mean) + spread) / len(rates)
        if np.abs(covariance - before).max() <= tolerance * np.trace(covariance) / len(covariance):
            break
    return mean, covariance


def _expectation(
    rates: np.ndarray, patterns: np.ndarray, pattern: np.ndarray, mean: np.ndarray, covariance: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Expected entries where nothing was measured, and the sum over units of their conditional covariance."""
    expected, spread = rates.copy(), np.zeros_like(covariance)
    for number, observed in enumerate(patterns):
        rows = np.flatnonzero(pattern == number)
        gain = (
            np.linalg.pinv(covariance[np.ix_(observed, observed)], hermitian=True)
            @ covariance[np.ix_(observed, ~observed)]
        )
        expected[np.ix_(rows, ~observed)] = mean[~observed] + (rates[np.ix_(rows, observed)] - mean[observed]) @ gain
        left = covariance[np.ix_(~observed, ~observed)] - covariance[np.ix_(~observed, observed)] @ gain
        spread[np.ix_(~observed, ~observed)] += len(rows) * left
    return expected, spread


def _inverse_root(covariance: np.ndarray, observed: np.ndarray) -> np.ndarray:
    """Symmetric inverse square root of the block of the measured conditions, zero elsewhere."""
    values, vectors = np.linalg.eigh(covariance[np.ix_(observed, observed)])
    root = np.zeros_like(covariance)
    root[np.ix_(observed, observed)] = (vectors / np.sqrt(values)) @ vectors.T
    return root
