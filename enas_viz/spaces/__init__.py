"""What can be decided: operations and, built from them, the spaces of networks."""
