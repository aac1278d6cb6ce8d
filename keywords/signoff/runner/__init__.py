"""The main job: plan, bring up, run, judge."""
