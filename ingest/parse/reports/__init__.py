"""One file a report format: how it is known by its content, and what it says.

A module here has one `FORMAT` (see `ingest/parse/report_formats.py`); its name is the format's.
"""
