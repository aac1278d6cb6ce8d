"""The monitor: what the services use, when a larger plan is due, and a word in Slack when an instance goes or returns.

It stands beside the deployment and needs nothing of it to run: whatever is away is looked for again at the next turn.
"""
