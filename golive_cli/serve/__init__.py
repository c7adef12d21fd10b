"""What `golive up` does: first materialisation, processes, readiness, checks."""
