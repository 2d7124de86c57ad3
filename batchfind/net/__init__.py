"""Sockets, deadlines and one association as an async client."""
