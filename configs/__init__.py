"""Configurations of runs: `base.py` has the usual values, the others say what differs."""
