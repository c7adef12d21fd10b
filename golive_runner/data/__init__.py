"""Rows made from a schema: CREATE TABLE text, a JSON schema, or a model of an OpenAPI description.

    shape        columns, tables and links, whatever the schema was written in
    words        made-up words by what a column is called
    makers       values of one column: plain, edge cases, distinct
    checks       CHECK constraints, evaluated
    sql_schema   CREATE TABLE text to shapes
    tables       rows that keep every constraint, in batches
    json_schema  documents that a JSON schema allows
    writing      rows as JSON, CSV, Parquet or SQL

The same schema, seed and number of rows give the same bytes on every machine.
"""

from golive_runner.data.making import make

__all__ = ["make"]
