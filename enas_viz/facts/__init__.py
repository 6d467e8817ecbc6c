"""What can be computed of a recipe or an architecture without training: cost, limits, time."""
