"""Scalars and indexes of pandas inside typed JSON, and frames that `_pandas` refuses, part by part: `pack`, `unpack`.

Each is taken apart into values of typed JSON: numbers of a unit with their zone or frequency, arrays as ``.npy``, objects one by
one.  Only names of frequencies, zones and dtypes are parsed; a value that pandas would not give back unchanged is refused.

A pair of functions for each kind: timestamp, timedelta, period, interval, array, index, levels, series, frame (`_PACKERS`,
`_READERS`).  `_pack_array` and `_unpack_array` write the values of a column or index, `_freq` and `_unit` the names in it.
"""

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd

from .._text.values import show
from ..errors import CodecError
from . import _numpy
from ._zones import pack_zone, unpack_zone

Change = Callable[[Any], Any]
"""Writes a part as JSON, or reads one."""

_DTYPE = re.compile(r"[A-Za-z][A-Za-z0-9_, =.:/\[\]-]{0,99}")


def pack(value: Any, part: Change) -> Any:
    """Returns a value of pandas for typed JSON.

    Raises:
        CodecError: it is of a kind that has no codec, or would not come back as it was.
    """
    packer = _PACKERS.get(type(value))
    if packer is None:
        raise CodecError(f"{type(value).__module__}.{type(value).__qualname__} has no codec.")
    try:
        content = [type(value).__name__, *packer(value, part)]
        if isinstance(value, pd.Index):
            _check_index(value)
    except (CodecError, RecursionError):
        raise
    except (ValueError, TypeError, AttributeError, NotImplementedError, OverflowError) as exc:
        raise CodecError(f"this {type(value).__name__} has no codec: {exc}") from exc
    return {"$pandas": content}


def unpack(content: Any, part: Change) -> Any:
    """Returns the value that `pack` wrote.

    Raises:
        CodecError: `pack` did not write it.
    """
    name, *rest = content
    reader = _READERS.get(name)
    if reader is None:
        raise CodecError(f"pandas has no {show(name)} that is known here. It may need a newer dug.")
    try:
        return reader(part, *rest)
    except (CodecError, RecursionError):
        raise
    except Exception as exc:  # damaged data makes pandas raise nearly anything
        raise CodecError(f"it is not a valid {name}: {exc}") from exc


# Scalars


def _pack_timestamp(value: Any, _: Change) -> list[Any]:
    return [int(value.asm8.view("i8")), value.unit, pack_zone(value.tzinfo), value.fold if value.tzinfo is None else 0]


def _unpack_timestamp(_: Change, number: Any, unit: Any, zone: Any, fold: Any) -> Any:
    made = pd.Timestamp(np.datetime64(_whole(number), _unit(unit)))
    if zone is not None:
        return made.tz_localize("UTC").tz_convert(unpack_zone(zone))
    return made.replace(fold=1) if fold == 1 else made


def _pack_timedelta(value: Any, _: Change) -> list[Any]:
    return [int(value.asm8.view("i8")), value.unit]


def _unpack_timedelta(_: Change, number: Any, unit: Any) -> Any:
    return pd.Timedelta(np.timedelta64(_whole(number), _unit(unit)))


def _pack_period(value: Any, _: Change) -> list[Any]:
    return [value.ordinal, _period_freq(value.freqstr, value.freq)]


def _unpack_period(_: Change, ordinal: Any, freq: Any) -> Any:
    return pd.Period(ordinal=_whole(ordinal), freq=_text(freq))


def _pack_interval(value: Any, part: Change) -> list[Any]:
    return [part(value.left), part(value.right), value.closed]


def _unpack_interval(part: Change, left: Any, right: Any, closed: Any) -> Any:
    return pd.Interval(part(left), part(right), closed=closed)


def _freq(offset: Any) -> str | None:
    """Returns the name of a frequency.

    Raises:
        CodecError: the name is another one's too.
    """
    if offset is None:
        return None
    name = str(offset.freqstr)
    if pd.tseries.frequencies.to_offset(name) != offset:
        raise CodecError(f"the frequency {show(offset)} has no codec: its name says less than it is.")
    return name


def _period_freq(name: str, offset: Any) -> str:
    """Returns the name that a frequency has for periods.

    Raises:
        CodecError: the name is another one's too.
    """
    if pd.Period(ordinal=0, freq=name).freq != offset:
        raise CodecError(f"the frequency {show(offset)} has no codec: its name says less than it is.")
    return name


def _whole(number: Any) -> int:
    if type(number) is not int:
        raise CodecError(f"{show(number)} stands where an integer was expected.")
    return number


def _text(value: Any) -> str:
    if type(value) is not str:
        raise CodecError(f"{show(value)} stands where a text was expected.")
    return value


def _unit(unit: Any) -> Any:
    if unit not in ("s", "ms", "us", "ns"):
        raise CodecError(f"{show(unit)} is not a unit of time.")
    return unit


# Columns


def _pack_array(values: Any, part: Change) -> list[Any]:
    """Returns the values of a column or an index: their kind, and the content from which they are made again."""
    dtype = values.dtype
    if isinstance(dtype, np.dtype):
        plain = np.asarray(values)
        return ["object", [part(item) for item in plain.tolist()]] if dtype.hasobject else ["numpy", _numpy.pack(plain)]
    if isinstance(dtype, pd.DatetimeTZDtype):
        return ["zone", _numpy.pack(values.asi8), dtype.unit, pack_zone(dtype.tz)]
    if isinstance(dtype, pd.PeriodDtype):
        return ["period", _numpy.pack(values.asi8), _period_freq(str(dtype)[len("period[") : -1], dtype.freq)]
    if isinstance(dtype, pd.IntervalDtype):
        return ["interval", part(values.left), part(values.right), values.closed]
    if isinstance(dtype, pd.CategoricalDtype):
        return ["category", _numpy.pack(np.asarray(values.codes)), part(values.categories), bool(values.ordered)]
    items = [part(item) for item in values]
    if isinstance(dtype, pd.StringDtype):
        content = ["string", items, dtype.storage, dtype.na_value is pd.NA]
    else:
        content = ["extension", items, str(dtype)]
    return _checked(values, content, part)


def _checked(values: Any, content: list[Any], part: Change) -> list[Any]:
    """Returns the written form of values of an extension type, after checking that it gives the same values back."""
    made = _make_extension(content[0], list(values), *content[2:])
    if made.dtype != values.dtype or [part(item) for item in made] != content[1]:
        raise CodecError(f"a column of {values.dtype} has no codec.")
    return content


def _make_extension(kind: str, items: list[Any], said: Any, is_na: Any = None) -> Any:
    if kind == "string":
        return pd.array(items, dtype=pd.StringDtype(_text(said), na_value=pd.NA if is_na is True else np.nan))
    if not _DTYPE.fullmatch(_text(said)):
        raise CodecError(f"{show(said)} is not a dtype.")
    return pd.array(items, dtype=said)


def _unpack_array(part: Change, kind: Any, values: Any, *rest: Any) -> Any:
    if kind == "numpy":
        return part(values)
    if kind == "object":
        made = np.empty(len(values), dtype=object)
        for place, item in enumerate(values):
            made[place] = part(item)  # one by one, as numpy would take lists apart
        return made
    if kind == "zone":
        moments = pd.DatetimeIndex(part(values).view(f"M8[{_unit(rest[0])}]"))
        return moments.tz_localize("UTC").tz_convert(unpack_zone(rest[1])).array
    if kind == "period":
        return pd.PeriodIndex.from_ordinals(part(values), freq=_text(rest[0])).array
    if kind == "interval":
        return pd.arrays.IntervalArray.from_arrays(part(values), part(rest[0]), closed=rest[1])
    if kind == "category":
        return pd.Categorical.from_codes(part(values), part(rest[0]), ordered=rest[1] is True)
    if kind in ("string", "extension"):
        return _make_extension(kind, [part(item) for item in values], *rest)
    raise CodecError(f"a column of {show(kind)} is not known here. It may need a newer dug.")


# Indexes


def _pack_index(value: Any, part: Change) -> list[Any]:
    return [_pack_array(value if isinstance(value.dtype, np.dtype) else value.array, part), part(value.name),
            _freq(getattr(value, "freq", None)) if isinstance(value, pd.DatetimeIndex | pd.TimedeltaIndex) else None]  # fmt: skip


def _unpack_index(part: Change, values: Any, name: Any, freq: Any) -> Any:
    array = _unpack_array(part, *values)
    made = pd.Index(array, dtype=array.dtype, name=part(name))
    if freq is not None:
        made.freq = pd.tseries.frequencies.to_offset(_text(freq))
    return made


def _pack_range(value: Any, part: Change) -> list[Any]:
    return [value.start, value.stop, value.step, part(value.name)]


def _unpack_range(part: Change, start: Any, stop: Any, step: Any, name: Any) -> Any:
    return pd.RangeIndex(_whole(start), _whole(stop), _whole(step), name=part(name))


def _pack_levels(value: Any, part: Change) -> list[Any]:
    codes = [_numpy.pack(np.asarray(code)) for code in value.codes]
    return [[part(level) for level in value.levels], codes, part(list(value.names))]


def _unpack_levels(part: Change, levels: Any, codes: Any, names: Any) -> Any:
    return pd.MultiIndex([part(level) for level in levels], [part(code) for code in codes], names=part(names))


def _check_index(value: Any) -> None:
    """Refuses an index that would come back as one of another kind."""
    if isinstance(value, pd.MultiIndex | pd.RangeIndex):
        return
    made = pd.Index(value.array if not isinstance(value.dtype, np.dtype) else np.asarray(value), dtype=value.dtype)
    if type(made) is not type(value) or made.dtype != value.dtype:
        raise CodecError(f"this {type(value).__name__} of {value.dtype} has no codec.")


# Series and frames


def _pack_series(value: Any, part: Change) -> list[Any]:
    _check_flags(value)
    return [_pack_array(_column(value), part), part(value.index), part(value.name), part(value.attrs)]


def _unpack_series(part: Change, values: Any, index: Any, name: Any, attrs: Any) -> Any:
    array = _unpack_array(part, *values)
    made = pd.Series(array, index=part(index), dtype=array.dtype, name=part(name))
    made.attrs = part(attrs)
    return made


def _pack_frame(value: Any, part: Change) -> list[Any]:
    _check_flags(value)
    columns = [_pack_array(_column(value.iloc[:, place]), part) for place in range(value.shape[1])]
    return [columns, part(value.index), part(value.columns), part(value.attrs)]


def _unpack_frame(part: Change, columns: Any, index: Any, names: Any, attrs: Any) -> Any:
    labels = part(index)
    arrays = [_unpack_array(part, *values) for values in columns]
    made = pd.DataFrame(
        {place: pd.Series(array, index=labels, dtype=array.dtype) for place, array in enumerate(arrays)}, index=labels
    )
    made.columns = part(names)
    made.attrs = part(attrs)
    return made


def _column(series: Any) -> Any:
    return series.to_numpy() if isinstance(series.dtype, np.dtype) else series.array


def _check_flags(value: Any) -> None:
    if not value.flags.allows_duplicate_labels:
        raise CodecError(f"a {type(value).__name__} that allows no duplicate labels has no codec.")


_PACKERS: dict[type[Any], Callable[[Any, Change], list[Any]]] = {
    pd.Timestamp: _pack_timestamp,
    pd.Timedelta: _pack_timedelta,
    pd.Period: _pack_period,
    pd.Interval: _pack_interval,
    type(pd.NaT): lambda *_: [],
    type(pd.NA): lambda *_: [],
    pd.Index: _pack_index,
    pd.DatetimeIndex: _pack_index,
    pd.TimedeltaIndex: _pack_index,
    pd.PeriodIndex: _pack_index,
    pd.IntervalIndex: _pack_index,
    pd.CategoricalIndex: _pack_index,
    pd.RangeIndex: _pack_range,
    pd.MultiIndex: _pack_levels,
    pd.Series: _pack_series,
    pd.DataFrame: _pack_frame,
}
_READERS: dict[Any, Callable[..., Any]] = {
    "Timestamp": _unpack_timestamp,
    "Timedelta": _unpack_timedelta,
    "Period": _unpack_period,
    "Interval": _unpack_interval,
    "NaTType": lambda _: pd.NaT,
    "NAType": lambda _: pd.NA,
    "RangeIndex": _unpack_range,
    "MultiIndex": _unpack_levels,
    "Series": _unpack_series,
    "DataFrame": _unpack_frame,
    **dict.fromkeys(
        ["Index", "DatetimeIndex", "TimedeltaIndex", "PeriodIndex", "IntervalIndex", "CategoricalIndex"], _unpack_index
    ),
}
