"""Local chain with the real contracts, scenarios and pytest fixtures: for our tests, the demo, and integrators."""
