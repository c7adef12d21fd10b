"""What the models say; each row tells what it knew and when."""

from __future__ import annotations

from golive_core.schema.table import table

FLAKY = table("predictions.flaky", "the newest verdict on one test case", """
project_id      text   its project
test_id         int    its test case
verdict         text   flaky, broken, infrastructure or healthy
probability     float  P(flake rate above the threshold of the project), 0 to 1
rate            float  posterior mean of the flake rate per attempt
rate_low        float  5 % quantile of the posterior
rate_high       float  95 % quantile of the posterior
broken_since_sha text  first commit of the present unbroken run of failures, if broken
broken_since_at at     its time
attempts        int    attempts that count as evidence (outages left out)
failures        int    failed attempts among them
flakes          int    failures that the same commit or a retry contradicts
outage_failures int    failed attempts put down to infrastructure
reasons         texts  sentences a developer can check
model_id        text   model run that made it
as_of           at     it knows only what had happened before
made_at         at     when it was made
""", key="project_id test_id", sort="project_id test_id")  # fmt: skip

NEXT_FAILURE = table("predictions.next_failure", "the newest forecast for one test case", """
project_id      text   its project
test_id         int    its test case
probability     float  P(its next attempt fails), 0 to 1
low             float  5 % quantile
high            float  95 % quantile
reasons         texts  sentences a developer can check
model_id        text   model run that made it
as_of           at     it knows only what had happened before
made_at         at     when it was made
""", key="project_id test_id", sort="project_id test_id")  # fmt: skip

CHANGE_POINTS = table("predictions.change_points", "the newest lasting change of one duration", """
project_id      text   its project
test_id         int    its test case
day             day    first day (UTC) at the new level
before_s        float  median of the days before, seconds
after_s         float  median of the days since, seconds
ratio           float  after_s / before_s
p_value         float  chance of such a change in days that are all alike
days_before     int    days with a duration before, back to the change before that
days_after      int    days with a duration since
runs_a_week     float  attempts a week since
cost_s_week     float  what the change costs a week, seconds; negative where it got faster
since_sha       text   commit of the first result at the new level, null if it names none
since_at        at     when that began
last_good_sha   text   commit of the last result before it
reasons         texts  sentences a developer can check
model_id        text   model run that made it
as_of           at     it knows only what had happened before
made_at         at     when it was made
""", key="project_id test_id", sort="project_id test_id")  # fmt: skip
