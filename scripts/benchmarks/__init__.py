"""Figures of speed and gas on real pools, side by side with what others would use; run by scripts/bench.py."""
