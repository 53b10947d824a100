"""Time zones inside typed JSON (`pack_zone`, `unpack_zone`): fixed offsets, those of `zoneinfo` by key, of pytz by name.

`_find_in_pytz` finds the last by their names.
"""

from datetime import timedelta, timezone
from importlib import import_module
from typing import Any
from zoneinfo import ZoneInfo

from .._text.values import show
from ..errors import CodecError


def pack_zone(zone: Any) -> Any:
    """Returns a time zone, or None, in the words of JSON.

    Raises:
        CodecError: it is of another kind.
    """
    if zone is None:
        return None
    if type(zone) is timezone:
        offset, name = zone.utcoffset(None), zone.tzname(None)
        return [offset.days, offset.seconds, offset.microseconds, None if name == timezone(offset).tzname(None) else name]
    if type(zone) is ZoneInfo and zone.key is not None:
        return zone.key
    if type(zone).__module__.partition(".")[0] == "pytz":
        minutes = getattr(zone, "_minutes", None)
        return {"pytz": getattr(zone, "zone", None) or minutes}
    raise CodecError(f"the time zone {show(zone)} has no codec. Use datetime.timezone or zoneinfo.ZoneInfo.")


def unpack_zone(content: Any) -> Any:
    """Returns the time zone that `pack_zone` wrote.

    Raises:
        CodecError: pytz is needed and is not there.
        Exception: the zone does not exist.
    """
    if content is None:
        return None
    if isinstance(content, str):
        return ZoneInfo(content)  # refuses a key that leads out of the folder of time zones
    if isinstance(content, dict):
        return _find_in_pytz(content["pytz"])
    days, seconds, microseconds, name = content
    offset = timedelta(days, seconds, microseconds)
    return timezone(offset) if name is None else timezone(offset, name)


def _find_in_pytz(name: Any) -> Any:
    try:
        pytz: Any = import_module("pytz")  # optional package: needed for this value only
    except ImportError:
        raise CodecError("it takes pytz to read it, which is not installed.") from None
    if isinstance(name, int):
        return pytz.FixedOffset(name)
    if name not in pytz.all_timezones_set:
        raise CodecError(f"{show(name)} is not a time zone.")
    return pytz.timezone(name)
