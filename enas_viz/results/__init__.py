"""The table of results, and which command follows a run."""
