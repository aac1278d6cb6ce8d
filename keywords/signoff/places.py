"""Where things lie: the project, and the one folder that runs write to."""

from __future__ import annotations

import os
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
RESULTS = Path(os.environ.get("SIGNOFF_RESULTS") or ROOT / "results").resolve()
