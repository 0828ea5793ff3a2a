"""Tests of the subject `contributors`, which is there only where the process was told so when it started.

`unit/test_chosen.py` runs them in a process of their own.
"""

from gitpulse_assets.chosen import CONTRIBUTORS, chosen_subjects

collect_ignore_glob = [] if CONTRIBUTORS in chosen_subjects() else ["test_*.py"]
