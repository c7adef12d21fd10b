"""How a Jenkins is asked: used by `ingest/sources/jenkins.py` alone. What answers mean is in parse.

state     where the pull stands in every job: the cursor, as data
walk      builds of one job, newest first, in overlapping ranges that bear moving under them
details   stages, test reports and console logs of the builds that a walk found
pull      one pull: jobs, then walks and details, in batches that commit together
"""
