"""What must hold for new rows of core.builds."""

from assets.expectations import Suite, expect
from golive_core.schema import STATUSES

SUITE = Suite(
    "core.builds",
    (
        expect("table_row_count_to_be_between", min_value=1),
        expect("column_values_to_not_be_null", column="pipeline_id"),
        expect("column_values_to_not_be_null", column="queued_at"),
        expect("column_values_to_be_unique", column="build_id"),
        expect("column_values_to_be_in_set", column="status", value_set=list(STATUSES)),
        expect("column_values_to_be_between", column="duration_s", min_value=0),
        expect("column_values_to_be_between", column="queue_s", min_value=0),
        expect("column_values_to_be_between", column="attempt", min_value=1),
        expect(
            "column_values_to_be_between",
            column="duration_s", max_value=7 * 86_400, severity="warning", mostly=0.99,
        ),
        expect("column_values_to_not_be_null", column="commit_sha", severity="warning", mostly=0.5),
    ),
)  # fmt: skip
