"""Pure thinking: which block is sampled, how deep the market is, what should move, what is signed."""
