"""Evaluation protocols, one file each with a `PROTOCOL`; see `models/evaluate.py`."""
