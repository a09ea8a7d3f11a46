"""Configurations of runs: `base.py` names every field, the others say what differs."""
