"""Lets the tests here import `sentences`, which sits beside them: pytest's importlib mode adds no folder by itself."""

import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
# models this small run fastest on one thread, and on a busy machine by a factor of ten
os.environ.setdefault("OMP_NUM_THREADS", "1")
