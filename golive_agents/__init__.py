"""Explain, write tests, review, answer, over OpenAI-compatible models. Filled by its own issue."""
