"""The sign-off of suites that need no deployment, as a process of its own.

Usage: bare_run.py SUITES RESULTS [TAG]: everything of a real run but the deployment, which is replaced by nothing.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from keywords.signoff.report.data import Selection
from keywords.signoff.report.folder import ResultsFolder
from keywords.signoff.runner.run import Options, Tested, sign_off


@contextmanager
def nothing(options: Options, folder: ResultsFolder, processes: int, say: Callable[[str], None]) -> Iterator[Tested]:
    """Bring up nothing, and leave a mark that says whether it was stopped."""
    folder.save_deployment({"targets": {"balancer": "http://nowhere"}, "versions": {"balancer": "0.0"}})
    try:
        yield Tested({"SIGNOFF_ENVIRONMENT": options.environment})
    finally:
        (folder.path / "stopped").touch()


if __name__ == "__main__":
    source, results, *tags = sys.argv[1:]
    options = Options("bare", 2, Selection(include=tuple(tags)), Path(source), Path(results))
    sys.exit(sign_off(options, say=lambda line: print(line, flush=True), bring_up=nothing))
