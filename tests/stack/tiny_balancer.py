"""The least that the stack needs of a balancer: a server on $PORT whose /health answers 200.

``--exit`` makes it exit at once with a last word, ``--worker`` gives it a child process, a number is a port.
"""

from __future__ import annotations

import os
import subprocess
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        found = self.path == "/health"
        body = os.environ.get("READ_REPLICA_RATIO", "").encode()
        self.send_response(200 if found else 404)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Says nothing."""


if __name__ == "__main__":
    if "--exit" in sys.argv:
        sys.stderr.write("tiny balancer: READ_REPLICA_RATIO is not to my taste\n")
        sys.exit(7)
    if "--worker" in sys.argv:
        subprocess.Popen(["sleep", "600"], start_new_session=True)
    port = int(sys.argv[1]) if len(sys.argv) > 1 and sys.argv[1].isdecimal() else int(os.environ["PORT"])
    ThreadingHTTPServer(("127.0.0.1", port), Handler).serve_forever()
