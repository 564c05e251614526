"""What a network is shown of a curve: how it looks, which conditions are missing, its label, and silence."""

import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from tuneful.objectives.base import Measured
from tuneful.objectives.feature_map import FeatureMap

SILENT = 0.01  # a rate as it is seen (Hz, or log (1 + r / c)) below which a cell does not fire


def network_input(
    rates: Float[Array, "curves conditions"],
    units: Int[Array, " curves"],
    data: Measured,
    feature_map: FeatureMap,
    *,
    whiten: bool,
    tells_missing: bool,
    label: tuple[float, ...] = (),
    tells_silence: bool = False,
) -> Float[Array, "curves inputs"]:
    """Show curve k through the missing conditions of unit `units[k]`.

    Parameters
    ----------
    rates
        Of measured or generated curves, Hz.
    units
        Numbers of units of `data`: their missing conditions are missing in the curves.
    data, feature_map
        The measured units of one label, and how their curves are looked at.
    whiten
        Whether curves are whitened, or only scaled.
    tells_missing
        Whether to append a 1 for every condition that is measured, 0 for one that is not.
    label
        Numbers to append that tell the label.
    tells_silence
        Whether to append a 1 for every measured condition in which the cell does not fire: rates that are rectified
        have a part of their own there.
    """
    observed = data.observed[units].astype(rates.dtype)
    scaled = feature_map.scaled(rates, observed)
    parts = [feature_map.of_units(rates, units) if whiten else scaled * observed]
    parts += [observed] if tells_missing else []
    parts += [jnp.broadcast_to(jnp.asarray(label, rates.dtype), (len(rates), len(label)))]
    parts += [(scaled < SILENT).astype(rates.dtype) * observed] if tells_silence else []
    return jnp.concatenate(parts, axis=1)
