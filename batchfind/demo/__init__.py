"""Embedded SCPs with fictional data, run as a child process."""
