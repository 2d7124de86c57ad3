"""pyarrow without pandas, for a process that makes no DataFrame."""

from __future__ import annotations

import sys
from importlib.abc import MetaPathFinder
from types import ModuleType

import pyarrow as pa


def leave_pandas_out() -> None:
    """Has pyarrow look for pandas now, and find none.

    The first time pyarrow converts a value of Python it imports pandas, if it is
    installed, so as to know a Series when it sees one. That takes longer than most
    runs need for everything else. `Table.to_pandas` still finds pandas later.

    It is for our own commands: in a process of others a Series may well come.
    """
    if "pandas" in sys.modules:
        return
    finder = _WithoutPandas()
    sys.meta_path.insert(0, finder)
    try:
        pa.array([None])
    finally:
        sys.meta_path.remove(finder)


class _WithoutPandas(MetaPathFinder):
    def find_spec(
        self, fullname: str, _path: object, _target: ModuleType | None = None
    ) -> None:
        if fullname == "pandas":
            raise ModuleNotFoundError("pandas is left out", name=fullname)
