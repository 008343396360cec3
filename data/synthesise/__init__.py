"""An invented population whose true risks are known: ``synthesise`` writes it."""

from .population import SynthesisReport, synthesise

__all__ = ["SynthesisReport", "synthesise"]
