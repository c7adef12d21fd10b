"""Evaluation protocols that need a lake, one file each with a `PROTOCOL`.

Those that need none are in `models/protocols/`; see `models/evaluate.py`.
"""
