"""Tests of the notebook's side: shells of this process, and real kernels."""
