"""Runs and their folders: built, started, interrupted, resumed, reproduced."""
