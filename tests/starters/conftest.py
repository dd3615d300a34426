"""The starters' own tests: models this small run fastest on one thread, and on a busy machine by a factor of ten."""

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")
