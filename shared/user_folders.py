"""Where a person's files of this program live, after the XDG base directory specification. Nothing is created here."""

from collections.abc import Mapping
from pathlib import Path

PROGRAM = "moex-monitor"


def state_folder(environment: Mapping[str, str]) -> Path | None:
    """$XDG_STATE_HOME/moex-monitor or ~/.local/state/moex-monitor; None when the user has no home."""
    return _folder(environment, "XDG_STATE_HOME", ".local/state")


def cache_folder(environment: Mapping[str, str]) -> Path | None:
    """$XDG_CACHE_HOME/moex-monitor or ~/.cache/moex-monitor; None when the user has no home."""
    return _folder(environment, "XDG_CACHE_HOME", ".cache")


def _folder(environment: Mapping[str, str], variable: str, below_home: str) -> Path | None:
    chosen = Path(environment.get(variable, ""))
    if chosen.is_absolute():
        return chosen / PROGRAM
    home = Path(environment.get("HOME", ""))
    return home / below_home / PROGRAM if home.is_absolute() else None
