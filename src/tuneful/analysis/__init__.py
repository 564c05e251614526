"""Numbers after the fact: what a finished circuit does."""

from tuneful.analysis.inhibition_stabilized import InhibitionStabilization, inhibition_stabilization
from tuneful.analysis.pseudospectrum import kreiss_bound, pseudospectrum
from tuneful.analysis.rate_dynamics import RateTransients, rate_transients
from tuneful.analysis.soc import CircuitScalars, circuit_scalars

__all__ = [
    "CircuitScalars",
    "InhibitionStabilization",
    "RateTransients",
    "circuit_scalars",
    "inhibition_stabilization",
    "kreiss_bound",
    "pseudospectrum",
    "rate_transients",
]
