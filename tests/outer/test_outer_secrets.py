"""No credential reaches a file of a run, not even at the most talkative log level."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from urllib.parse import urlsplit

from signoff.local_stack import LocalStack

ROOT = Path(__file__).resolve().parents[2]


def test_no_credential_is_in_any_file_of_a_run(tmp_path: Path) -> None:
    stack = LocalStack(logs=tmp_path / "logs")
    stack.start()
    try:
        endpoints = dict(stack.endpoints)
        given = tmp_path / "stack.json"
        given.write_text(json.dumps(endpoints), encoding="utf-8")
        results = tmp_path / "results"
        variables = {name: value for name, value in os.environ.items() if not name.startswith("SIGNOFF_")}
        variables |= {"SIGNOFF_STACK": str(given), "SIGNOFF_RESULTS": str(results)}
        # These suites use every client there is: Chroma, the balancer, PostgreSQL and Render's API.
        suites = [
            ROOT / "suites" / "production" / "prerequisites.robot",
            ROOT / "suites" / "failover" / "both_down.robot",
        ]
        command = [sys.executable, "-m", "robot", "--loglevel", "TRACE", "--outputdir", str(results)]
        run = subprocess.run(
            [*command, *map(str, suites)],
            cwd=ROOT,
            env=variables,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert run.returncode == 0, run.stdout
    finally:
        stack.stop()
    secrets = {
        "the database's password": urlsplit(endpoints["DATABASE_URL"]).password or "",
        "the key of the Render API": endpoints["RENDER_API_KEY"],
    }
    files = [path for path in results.rglob("*") if path.is_file()]
    assert any(path.name == "output.xml" for path in files)
    for what, secret in secrets.items():
        assert len(secret) > 12
        for path in files:
            assert secret.encode() not in path.read_bytes(), f"{what} is in {path.name}"
        assert secret not in run.stdout + run.stderr
