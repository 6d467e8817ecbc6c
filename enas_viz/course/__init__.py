"""Exercises and guesses of the notebooks."""
