"""The life of learned models in the lake: due, evaluated, fitted, promoted, rolled back.

What a learned model is stands in `models/learned.py`, what is done with its rows in
`models/life.py`. Here rows are read from the lake, files kept below `.golive/models/`, and what
happened is written to ops.model_runs. Nothing here knows one model from another.
"""
