"""The code location: definitions, schedules, sensors, jobs."""
