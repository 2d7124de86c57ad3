"""Inputs of a job: rows and base Identifiers, as values with digests."""
