"""One message to a real Slack channel, for those who ask for it."""

from __future__ import annotations

from urllib.parse import urlsplit

from ..clients.wire import Wire
from ..secrets import remember
from ..verdict import NotMet, NotTested, VerdictClass
from ..words import duration

VARIABLE = "SIGNOFF_SLACK_WEBHOOK_URL"


def post(webhook: str) -> str:
    """Post one message, and return in words that it was taken.

    Args:
        webhook: the channel's incoming webhook, which is its credential; "" for none.

    Raises:
        NotTested: if there is none.
        NotMet: if it is not taken.
    """
    if not webhook:
        raise NotTested(f"no message is sent to a real channel; set {VARIABLE} to its incoming webhook for that")
    parts = urlsplit(webhook)
    remember(webhook)
    remember(parts.path)
    text = (
        "A sign-off of the ChromaDB deployment is testing this channel. Nothing is wrong, and nothing has to be done."
    )
    message = {"text": text, "attachments": [{"color": "good", "fallback": text, "fields": []}]}
    reply = Wire("Slack", f"{parts.scheme}://{parts.netloc}").call("POST", parts.path, payload=message)
    if reply.status != 200 or reply.body.strip() != b"ok":
        raise NotMet(VerdictClass.ALERT_MISSING.says(f"the real channel answered {reply.status}: {reply.text}"))
    return f"taken by the real channel after {duration(reply.elapsed)}"
