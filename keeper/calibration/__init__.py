"""Calibration: floating point that proposes settings and never decides. Nothing of the published path imports it."""
