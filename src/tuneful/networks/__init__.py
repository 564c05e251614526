"""One weight matrix: random networks, their dynamics, scalars, pseudospectra, transients and gains."""

from tuneful.networks.gain_modulation import GainModulation, GainState, learn_gains, random_groups
from tuneful.networks.gain_rules import GradientRule, RewardRule
from tuneful.networks.inhibition_stabilized import InhibitionStabilization, inhibition_stabilization
from tuneful.networks.linear_dynamics import linear_transients
from tuneful.networks.peak import Peak, peak_amplification
from tuneful.networks.pseudospectra import kreiss_bound, pseudospectral_abscissa, pseudospectrum
from tuneful.networks.random_weights import RandomNetwork, cell_types, random_network, random_networks, user_network
from tuneful.networks.rate_dynamics import RateTransients, rate_transients
from tuneful.networks.readout import Readout, fit_readout
from tuneful.networks.saturating import saturating_rate
from tuneful.networks.scalars import CircuitScalars, circuit_scalars

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
