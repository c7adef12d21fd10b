"""Evaluation protocols that need a lake, one file each with a `PROTOCOL`; see `models/evaluate.py`."""
