"""From questions to a calibrated model: matrix, fit, search, calibration, expected cost."""
