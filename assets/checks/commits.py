"""What must hold for new rows of core.commits."""

from assets.expectations import Suite, expect

SUITE = Suite(
    "core.commits",
    (
        expect("table_row_count_to_be_between", min_value=1),
        expect("column_values_to_not_be_null", column="repository_id"),
        expect("column_values_to_not_be_null", column="committed_at"),
        expect(
            "column_values_to_match_regex", column="sha", regex=r"^([0-9a-f]{40}|[0-9a-f]{64})$"
        ),
        expect("compound_columns_to_be_unique", column_list=["repository_id", "sha"]),
        expect("column_values_to_be_between", column="insertions", min_value=0),
        expect("column_values_to_be_between", column="deletions", min_value=0),
        expect(
            "column_values_to_not_be_null", column="author_email", severity="warning", mostly=0.95
        ),
    ),
)
