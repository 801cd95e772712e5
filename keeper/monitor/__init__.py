"""Edge: what operators and their machines see of a running keeper."""
