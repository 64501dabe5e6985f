"""From a sample to a calibrated probability of default: LightGBM, calibration, validation, registry."""
