"""Tables of the run database, as SQL.

Facts, endings and verdicts are stored as JSON documents, so that one column is
the truth; the generated columns repeat what people look for with `sqlite3`.
No STRICT tables: enterprise distributions still ship SQLite 3.34.
"""

from __future__ import annotations

from typing import Final

APPLICATION_ID: Final = 0x42464E44  # "BFND"; `file run.db` shows it
VERSION: Final = 1
PAGE_BYTES: Final = 16384

TABLES: Final = (
    """
    CREATE TABLE meta (
      key TEXT PRIMARY KEY,
      value TEXT NOT NULL
    ) WITHOUT ROWID
    """,
    """
    CREATE TABLE request (
      id TEXT PRIMARY KEY,            -- path in the plan's tree
      parent TEXT REFERENCES request,
      query TEXT NOT NULL,
      peer TEXT NOT NULL,
      key TEXT NOT NULL,              -- SHA-256 of what is asked
      spec TEXT NOT NULL,             -- the whole request
      origin TEXT NOT NULL CHECK (origin IN ('plan', 'split', 'for_each'))
    ) WITHOUT ROWID
    """,
    """
    CREATE TABLE attempt (
      number INTEGER PRIMARY KEY,
      request TEXT NOT NULL REFERENCES request,
      ordinal INTEGER NOT NULL,       -- 1 for the first try
      facts TEXT,                     -- NULL: no association
      ending TEXT,                    -- NULL: the process died during it
      head BLOB NOT NULL,             -- of the hash chain: first link, then last
      started TEXT AS (json_extract(facts, '$.started')),
      transfer_syntax TEXT AS (json_extract(facts, '$.transfer_syntax')),
      outcome TEXT AS (json_extract(ending, '$.outcome')),
      status INTEGER AS (json_extract(ending, '$.status')),
      cause TEXT AS (json_extract(ending, '$.cause.code')),
      responses INTEGER AS (json_extract(ending, '$.responses')),
      seconds REAL AS (json_extract(ending, '$.seconds')),
      UNIQUE (request, ordinal)
    )
    """,
    """
    CREATE TABLE matches (
      id INTEGER PRIMARY KEY,
      attempt INTEGER NOT NULL REFERENCES attempt,
      sequence INTEGER NOT NULL,      -- from 0
      first INTEGER NOT NULL,         -- index of its first response
      count INTEGER NOT NULL,
      codec TEXT NOT NULL,
      raw_bytes INTEGER NOT NULL,     -- size once decompressed
      link BLOB NOT NULL,
      payload BLOB NOT NULL,          -- lengths, statuses, Identifiers
      UNIQUE (attempt, sequence)
    )
    """,
    """
    CREATE TABLE event (
      id INTEGER PRIMARY KEY,
      at TEXT NOT NULL,               -- UTC
      kind TEXT NOT NULL,
      data TEXT NOT NULL
    )
    """,
    """
    CREATE TABLE verdict (
      request TEXT PRIMARY KEY REFERENCES request,
      document TEXT NOT NULL,
      verdict TEXT AS (json_extract(document, '$.verdict')),
      cause TEXT AS (json_extract(document, '$.cause.code'))
    ) WITHOUT ROWID
    """,
)
