"""What stands where there is no value: NaN, pandas' NA and NaT, numpy's NaT; and what is a table, not one column."""

from __future__ import annotations

from numbers import Number
from typing import Any


def missing(value: Any) -> str | None:
    """What stands where nothing is: `NaN`, `NA`, `NaT`. None where there is a value; None itself is said to be null."""
    if type(value).__name__ in _TIMES:
        return "NaT" if _differs_from_itself(value) else None
    if isinstance(value, Number):
        return "NaN" if _differs_from_itself(value) else None
    return "NA" if type(value).__name__ == "NAType" and type(value).__module__.startswith("pandas") else None


_TIMES = ("NaTType", "datetime64", "timedelta64")  # pandas', and numpy's two, of which one is a Number


def _differs_from_itself(value: Any) -> bool:
    try:
        return bool(value != value)
    except (TypeError, ValueError, ArithmeticError):  # a decimal's signalling NaN may not be compared
        return True


def columns(value: Any) -> list[str] | None:
    """The names of a table's columns, by whichever library it is; None of what is no table."""
    if names := getattr(getattr(value, "dtype", None), "names", None):  # numpy's records
        return list(names)
    for word in ("column_names", "columns"):
        if hasattr(type(value), word) and not callable(found := getattr(value, word)):
            return [] if found is None else [str(name) for name in found]  # None: nobody knows them before it is read
    return None
