"""Backtests: walks a price history as the keeper would, liquidates on paper, and asks whether the haircut held."""
