"""Numbers after the fact: what a finished circuit does."""

from tuneful.analysis.gain_modulation import GainModulation, GainState, learn_gains, random_groups
from tuneful.analysis.gain_rules import GradientRule, RewardRule
from tuneful.analysis.inhibition_stabilized import InhibitionStabilization, inhibition_stabilization
from tuneful.analysis.pseudospectrum import kreiss_bound, pseudospectral_abscissa, pseudospectrum
from tuneful.analysis.rate_dynamics import RateTransients, rate_transients
from tuneful.analysis.readout import Readout, fit_readout
from tuneful.analysis.soc import CircuitScalars, circuit_scalars

__all__ = [
    "CircuitScalars",
    "GainModulation",
    "GainState",
    "GradientRule",
    "InhibitionStabilization",
    "RateTransients",
    "Readout",
    "RewardRule",
    "circuit_scalars",
    "fit_readout",
    "inhibition_stabilization",
    "kreiss_bound",
    "learn_gains",
    "pseudospectral_abscissa",
    "pseudospectrum",
    "random_groups",
    "rate_transients",
]
