"""Run browser journeys and REST checks, and keep what they leave as evidence."""
