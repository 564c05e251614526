"""What cells receive from outside their network: contrast responses, differences between cells, and light."""

import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Float

from tuneful.circuits.parameters import as_float_array
from tuneful.circuits.stimuli import FULL


def relative_contrast_response(
    contrasts: np.ndarray, exponent: Array | None, semisaturation: Array | None
) -> Float[Array, " conditions"]:
    r"""The response of the input to contrast, over a response in proportion to contrast: g(c) / c, with

        g(c) = 100 (c^n / (c^n + h^n)) / (100^n / (100^n + h^n)),

    the saturating function of Naka & Rushton, which is 100 at a contrast of 100 per cent whatever n and h are. The
    strength of the input is thus a matter of its own. At contrast 0 it is 1, as nothing is multiplied with it.

    Parameters
    ----------
    contrasts
        Per cent, (conditions,).
    exponent
        n; None for 1.
    semisaturation
        h, per cent; None for no saturation, g(c) = 100 (c / 100)^n, the limit of large h.

    >>> g = relative_contrast_response(np.array([0.0, 25.0, 100.0]), jnp.array(2.0), jnp.array(25.0))
    >>> g.round(3).tolist()
    [1.0, 2.125, 1.0]
    """
    blank = contrasts == 0
    share = as_float_array(np.where(blank, FULL, contrasts) / FULL)  # a blank as 1: logarithms are finite
    n = jnp.ones(()) if exponent is None else exponent
    proportional = share ** (n - 1)
    if semisaturation is None:
        return proportional
    half = (semisaturation / FULL) ** n
    return proportional * (1 + half) / (share**n + half)


def contrast_responses(
    types: tuple[str, ...], contrasts: np.ndarray, exponent: Array | None, semisaturation: Array | None
) -> dict[str, Float[Array, " conditions"]]:
    """`relative_contrast_response` of every type, each with parameters of its own, (types,), or those of all, ().

    None is told where there are no such parameters: the response is in proportion to contrast.
    """
    if exponent is None and semisaturation is None:
        return {}
    law = [None if value is None else jnp.broadcast_to(value, (len(types),)) for value in (exponent, semisaturation)]
    own = [[None if values is None else values[number] for values in law] for number in range(len(types))]
    return {kind: relative_contrast_response(contrasts, *values) for kind, values in zip(types, own, strict=True)}


def heterogeneous(
    external: Float[Array, "conditions cells"], spread: Float[Array, " types"], zeta: Float[Array, " cells"]
) -> Float[Array, "conditions cells"]:
    """Input that differs between cells: I_i (1 + V_a zeta_i), a the type of cell i [after Arakaki et al. 2019].

    Parameters
    ----------
    external
        I, cells type by type, of each type as many.
    spread
        V.
    zeta
        Uniform on [-1, 1].
    """
    return external * (1 + jnp.repeat(spread, len(zeta) // len(spread)) * zeta)[None]


def expression_levels(variation: Array, normal: Float[Array, " cells"]) -> Float[Array, " cells"]:
    """How much of a light-sensitive channel cells express: log-normal, of mean 1 and this coefficient of variation.

    >>> [round(float(level), 2) for level in expression_levels(jnp.array(0.5), jnp.array([-1.0, 0.0, 1.0]))]
    [0.56, 0.89, 1.43]
    """
    variance = jnp.log1p(variation**2)
    return jnp.exp(jnp.sqrt(variance) * normal - variance / 2)
