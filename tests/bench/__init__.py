"""Benchmarks against peers: `python -m tests.bench`, or with the name of one. They measure; they never fail on time.

Every figure is measured side by side with its peer in one run, turn by turn, so that a busy machine slows both. Each
file but `measure.py` and `docstrings.py` is one benchmark and has a function `rows()`.
"""
