"""What must hold for new rows of core.test_results."""

from assets.expectations import Suite, expect
from golive_core.schema import TEST_STATUSES

SUITE = Suite(
    "core.test_results",
    (
        expect("table_row_count_to_be_between", min_value=1),
        expect("column_values_to_not_be_null", column="build_id"),
        expect("column_values_to_not_be_null", column="test_id"),
        expect("column_values_to_not_be_null", column="started_at"),
        expect("column_values_to_be_in_set", column="status", value_set=list(TEST_STATUSES)),
        expect("column_values_to_be_between", column="attempt", min_value=1),
        expect("column_values_to_be_between", column="duration_s", min_value=0),
        expect(
            "compound_columns_to_be_unique",
            column_list=["build_id", "test_id", "environment", "attempt"],
        ),
        expect("column_values_to_not_be_null", column="duration_s", severity="warning", mostly=0.9),
    ),
)
