"""What an architecture is worth: a judge is one file; `judge.py` is the seam."""
