"""One weight matrix: random networks, their dynamics, scalars, pseudospectra, transients and gains."""

from typing import TYPE_CHECKING

from tuneful.deferred import deferred

if TYPE_CHECKING:
    from tuneful.networks.gain_modulation import GainModulation, GainState, learn_gains, random_groups
    from tuneful.networks.gain_rules import GradientRule, RewardRule
    from tuneful.networks.inhibition_stabilized import InhibitionStabilization, inhibition_stabilization
    from tuneful.networks.linear_dynamics import linear_transients
    from tuneful.networks.peak import Peak, peak_amplification
    from tuneful.networks.pseudospectra import kreiss_bound, pseudospectral_abscissa, pseudospectrum
    from tuneful.networks.random_weights import (
        RandomNetwork,
        cell_types,
        random_network,
        random_networks,
        user_network,
    )
    from tuneful.networks.rate_dynamics import RateTransients, rate_transients
    from tuneful.networks.readout import Readout, fit_readout
    from tuneful.networks.saturating import saturating_rate
    from tuneful.networks.scalars import CircuitScalars, circuit_scalars

# Imported on first use: who reads a table of curves, or a matrix from a file, needs no JAX.
_HOME = {
    "CircuitScalars": "scalars",
    "GainModulation": "gain_modulation",
    "GainState": "gain_modulation",
    "GradientRule": "gain_rules",
    "InhibitionStabilization": "inhibition_stabilized",
    "Peak": "peak",
    "RandomNetwork": "random_weights",
    "RateTransients": "rate_dynamics",
    "Readout": "readout",
    "RewardRule": "gain_rules",
    "cell_types": "random_weights",
    "circuit_scalars": "scalars",
    "fit_readout": "readout",
    "inhibition_stabilization": "inhibition_stabilized",
    "kreiss_bound": "pseudospectra",
    "learn_gains": "gain_modulation",
    "linear_transients": "linear_dynamics",
    "peak_amplification": "peak",
    "pseudospectral_abscissa": "pseudospectra",
    "pseudospectrum": "pseudospectra",
    "random_groups": "gain_modulation",
    "random_network": "random_weights",
    "random_networks": "random_weights",
    "rate_transients": "rate_dynamics",
    "saturating_rate": "saturating",
    "user_network": "random_weights",
}

__all__ = [
    "CircuitScalars",
    "GainModulation",
    "GainState",
    "GradientRule",
    "InhibitionStabilization",
    "Peak",
    "RandomNetwork",
    "RateTransients",
    "Readout",
    "RewardRule",
    "cell_types",
    "circuit_scalars",
    "fit_readout",
    "inhibition_stabilization",
    "kreiss_bound",
    "learn_gains",
    "linear_transients",
    "peak_amplification",
    "pseudospectral_abscissa",
    "pseudospectrum",
    "random_groups",
    "random_network",
    "random_networks",
    "rate_transients",
    "saturating_rate",
    "user_network",
]

__getattr__, __dir__ = deferred(__name__, _HOME, __all__)
