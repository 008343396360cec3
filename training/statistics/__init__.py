"""Figures that know nothing of patients: ranks, resampling, logistic lines, small cells, JSON."""
