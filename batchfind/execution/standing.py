"""Which of the rows that are told apart by the same key stand."""

from __future__ import annotations

from collections.abc import Callable


class Standing:
    """Goes through rows sorted by key, and in plan order for each key."""

    def __init__(
        self, drop: Callable[[int, int], None], conflict: Callable[[int], None]
    ) -> None:
        """Before the first row.

        Args:
            drop: hears request and response of each row that gives way.
            conflict: hears the request of each row whose like had other bytes.
        """
        self._drop = drop
        self._conflict = conflict
        self._key = b""
        self._request = self._response = -1
        self._content = b""
        # Of byte-identical rows: how many stand, and how many the request at hand
        # has brought so far.
        self._standing = self._brought = 0

    def take(self, key: bytes, request: int, response: int, content: bytes) -> None:
        """One more row."""
        if key != self._key:
            self._begin(key, request, response, content)
        elif key == content:
            self._take_alike(request, response)
        elif content == self._content:
            self._drop(request, response)
        else:
            self._conflict(request)
            self._drop(self._request, self._response)
            self._request, self._response = request, response
            self._content = content

    def _begin(self, key: bytes, request: int, response: int, content: bytes) -> None:
        self._key, self._content = key, content
        self._request, self._response = request, response
        self._standing = self._brought = 1

    def _take_alike(self, request: int, response: int) -> None:
        """A row that only its bytes tell apart: one request may well hold two."""
        if request != self._request:
            self._request, self._brought = request, 0
        self._brought += 1
        if self._brought > self._standing:
            self._standing = self._brought
        else:
            self._drop(request, response)
