"""What a fit, and what curves, can say."""

from tuneful.analysis.curve_information import information, standard_errors
from tuneful.analysis.inference import Inference, infer
from tuneful.analysis.inference_settings import InferenceSettings

__all__ = ["Inference", "InferenceSettings", "infer", "information", "standard_errors"]
