"""The parts of the CI simulator; its door is `models/simulate.py`."""
