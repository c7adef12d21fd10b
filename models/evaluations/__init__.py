"""Evaluations of models on labelled data, one file each; `models/evaluate.py` finds them.

A file has a docstring, whose first line says what is measured, the constant COLUMNS (a polars
Schema of the data that it needs) and a function `evaluate(data) -> DataFrame`: one row a group and
a last one for all, numbers named by their measure. Where data is from is not decided here.
"""
