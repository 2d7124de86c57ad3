"""Scheduling, verdicts and finishing: where asking and talking meet."""
