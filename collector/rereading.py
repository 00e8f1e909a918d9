"""Settings that were read anew while the program runs: what is obeyed at once, what needs a restart. Pure."""

from collections.abc import Iterator
from typing import NamedTuple

import msgspec

from shared.options import Option
from shared.settings import RUN_SECTION, Settings

WHERE_LIVE = {"display", "log", "service"}
NOT_LIVE = {
    Option("display", "mode"),
    *(Option("log", key) for key in ("file", "format", "max_mb", "keep")),
    Option("service", "socket"),
}
"""Of those sections."""


class Change(NamedTuple):
    """`settings` are those to go on with; the options are those that have another value now."""

    settings: Settings
    obeyed: list[Option]
    left_for_a_restart: list[Option]

    @property
    def concerns_display(self) -> bool:
        """Whether the display has to be another one."""
        return any(option.section == "display" or option == Option("log", "level") for option in self.obeyed)

    def __str__(self) -> str:
        parts = []
        if self.obeyed:
            parts.append(f"changed {_names(self.obeyed)}")
        if self.left_for_a_restart:
            parts.append(f"only a restart changes {_names(self.left_for_a_restart)}")
        return "; ".join(parts) or "nothing has changed"


def change_between(old: Settings, new: Settings) -> Change:
    """What becomes of settings that were read anew. No value is told: one may be a passcode."""
    different = [option for option in _options() if _value(old, option) != _value(new, option)]
    obeyed = [option for option in different if _is_live(option)]
    left = [option for option in different if not _is_live(option)]
    settings = old
    for section, key in obeyed:
        changed = msgspec.structs.replace(getattr(settings, section), **{key: _value(new, Option(section, key))})
        settings = msgspec.structs.replace(settings, **{section: changed})
    return Change(settings, obeyed, left)


def _is_live(option: Option) -> bool:
    return option.section in WHERE_LIVE and option not in NOT_LIVE


def _options() -> Iterator[Option]:
    for field in msgspec.structs.fields(Settings):
        if isinstance(field.default, msgspec.Struct):
            yield from (Option(field.name, key) for key in field.default.__struct_fields__)
        else:
            yield Option(RUN_SECTION, field.name)


def _value(settings: Settings, option: Option) -> object:
    section = settings if option.section == RUN_SECTION else getattr(settings, option.section)
    return getattr(section, option.key)


def _names(options: list[Option]) -> str:
    names = ["the login" if option.section == "credentials" else str(option) for option in options]
    return ", ".join(dict.fromkeys(names))
