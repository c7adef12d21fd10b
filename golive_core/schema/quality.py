"""What tools say about code: measures, findings and gates."""

from __future__ import annotations

from golive_core.schema.table import table

CODE_MEASURES = table("core.code_measures", "one measure of one component at one time", """
instance        text   configured source
component       text   project, folder or file that was measured
metric          text   name of the measure: line_coverage, complexity, ncloc ...
at              at     when it was measured
day             day    UTC date of at
project_id      text   its project
source          text   source type
kind            text   project, folder, file or class
commit_sha      text   commit that was measured, if known
branch          text   branch that was measured, if known
value           float  the value; shares are 0 to 1
total           float  what it is a share of (lines, branches), if it is one
""", key="instance component metric at", sort="project_id metric component at",
    partition="month", is_fact=True)  # fmt: skip

CODE_FINDINGS = table("core.code_findings", "one finding of an analyser", """
finding_id      text   instance and the source's id, or a hash of tool, rule, place and message
project_id      text   its project
source          text   source type
tool            text   analyser
rule_id         text   rule that is broken
kind            text   bug, vulnerability, hotspot, code_smell, style or other
severity        text   critical, high, medium, low or info
original_severity text severity as the source names it
status          text   open, confirmed, resolved, ignored or reopened
message         text   what is wrong
path            text   file, relative to the repository
line            int    first line, from 1
end_line        int    last line
commit_sha      text   commit that was analysed, if known
effort_s        float  estimated time to mend, seconds
author          text   who is to blame or to ask
created_at      at     when it was first found
updated_at      at     when it last changed
resolved_at     at     when it was gone
url             text   where people look at it
""", key="finding_id", sort="project_id path line finding_id")  # fmt: skip

QUALITY_GATES = table("core.quality_gates", "one verdict of a quality gate", """
gate_id         text   instance, component and time
project_id      text   its project
source          text   source type
component       text   project that was judged
day             day    UTC date of at
at              at     when it was judged
status          text   passed, failed or error
conditions      text   JSON list of what was asked and seen
commit_sha      text   commit that was judged, if known
""", key="gate_id", sort="project_id component at", partition="month")  # fmt: skip
