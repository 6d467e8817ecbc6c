"""Training of weights: data, keyed draws, one step, epochs, several processes."""
