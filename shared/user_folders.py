"""Where a person's files of this program live, after the XDG base directory specification. Nothing is created here."""

from collections.abc import Mapping
from pathlib import Path

PROGRAM = "moex-monitor"
TEMPORARY_FOLDER = Path("/tmp")  # nosec B108
"""Whoever uses a folder in it looks first whose that is."""

SESSION_FOLDERS = Path("/run/user")
"""Where systemd makes the XDG_RUNTIME_DIR of whoever has logged in, which cron and `su` do not tell of."""

SYSTEM_RUNTIME_FOLDER = Path("/run") / PROGRAM
"""Where systemd makes the RUNTIME_DIRECTORY of the service."""


def state_folder(environment: Mapping[str, str]) -> Path | None:
    """$XDG_STATE_HOME/moex-monitor or ~/.local/state/moex-monitor; None when the user has no home."""
    return _folder(environment, "XDG_STATE_HOME", ".local/state")


def cache_folder(environment: Mapping[str, str]) -> Path | None:
    """$XDG_CACHE_HOME/moex-monitor or ~/.cache/moex-monitor; None when the user has no home."""
    return _folder(environment, "XDG_CACHE_HOME", ".cache")


def runtime_folders(environment: Mapping[str, str], user: int) -> list[Path]:
    """Where the socket of a running program may be, the best place first; `user` is the number of the user.

    What the service manager made (RUNTIME_DIRECTORY) is the only place where there is one. Else they are the user's:
    $XDG_RUNTIME_DIR/moex-monitor, the state folder, and one in the folder for temporary files, which always works.
    """
    if (given := _given_folder(environment)) is not None:
        return [given]
    session = Path(environment.get("XDG_RUNTIME_DIR", ""))
    temporary = Path(environment.get("TMPDIR", ""))
    state = state_folder(environment)
    return [
        *([session / PROGRAM] if session.is_absolute() else []),
        *([state] if state is not None else []),
        (temporary if temporary.is_absolute() else TEMPORARY_FOLDER) / f"{PROGRAM}-{user}",
    ]


def folders_to_look_into(environment: Mapping[str, str], user: int) -> list[Path]:
    """The runtime folders, and that of the user's session for one who looks from outside it and is not told of it."""
    folders = runtime_folders(environment, user)
    session = SESSION_FOLDERS / str(user) / PROGRAM
    return folders if _given_folder(environment) is not None or session in folders else [*folders, session]


def _given_folder(environment: Mapping[str, str]) -> Path | None:
    given = Path(environment.get("RUNTIME_DIRECTORY", "").partition(":")[0])
    return given if given.is_absolute() else None


def _folder(environment: Mapping[str, str], variable: str, below_home: str) -> Path | None:
    chosen = Path(environment.get(variable, ""))
    if chosen.is_absolute():
        return chosen / PROGRAM
    home = Path(environment.get("HOME", ""))
    return home / below_home / PROGRAM if home.is_absolute() else None
