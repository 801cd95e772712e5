"""What scripts/analyse runs: four analyses of the contracts, each on a copy, each with a bound it can fail."""
