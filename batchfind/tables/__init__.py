"""Captured Identifiers as Arrow tables whose schema the request fixes."""
