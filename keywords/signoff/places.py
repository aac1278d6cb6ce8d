"""Where things lie: the project, and the one folder that runs write to."""

from __future__ import annotations

import os
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
# Locks and journals are one for all runs of this machine; what a run is judged by lies with its results.
RESULTS = Path(os.environ.get("SIGNOFF_RESULTS") or ROOT / "results").resolve()
RUN_FOLDER = Path(os.environ.get("SIGNOFF_RUN_FOLDER") or RESULTS).resolve()
