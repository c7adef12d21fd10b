"""Runs generated tests, and the code that they test, in a work tree with a guard around them."""
