"""``python -m tests.messages`` approves what each check keyword says when it fails, and says what has changed."""

from __future__ import annotations

import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
# As pytest has it: the modules beside this one, the keyword libraries, and the histories that the checkers' tests make.
sys.path[:0] = [str(HERE), str(HERE.parents[1] / "keywords"), str(HERE.parent / "checkers")]

from approval import APPROVED, BROKEN, approve, approved_messages, messages_now, not_approved  # noqa: E402


def main() -> None:
    """Write the file, and print what is new in it; nothing is written while a scene is broken."""
    now = messages_now()
    if broken := [f"{name}: {said['message']}" for name, said in now.items() if BROKEN in said.get("message", "")]:
        sys.exit("\n".join(broken))
    before = approved_messages() if APPROVED.exists() else {}
    for sentence in not_approved(before, now):
        print(sentence)
    approve(now)


main()
