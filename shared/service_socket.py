"""The Unix socket of a running program: where it is looked for, which folder may hold it, and who is behind it."""

import os
import socket
import stat
import struct
import sys
from collections.abc import Mapping
from pathlib import Path

from shared.user_folders import SYSTEM_RUNTIME_FOLDER, folders_to_look_into, runtime_folders

FILE_NAME = "monitor.sock"
LONGEST_PATH = 107 if sys.platform == "linux" else 103
"""Bytes: the system has no room for more in the address of a socket."""

AUTO, NONE = "auto", "none"
"""In place of a path: wherever `own_paths` finds a place, and nowhere."""

WRITABLE_BY_OTHERS = 0o022


def own_paths(environment: Mapping[str, str]) -> list[Path]:
    """Where a program that is started with AUTO may put its socket, the best place first."""
    return [folder / FILE_NAME for folder in runtime_folders(environment, os.geteuid())]


def paths_to_try(setting: str, environment: Mapping[str, str]) -> list[Path]:
    """Where a viewer looks for the socket that `setting` speaks of. Folders that others may write to are left out, and
    those of others.

    The folder of the service manager comes last: whoever is allowed there has no need to name it.
    """
    if setting != AUTO:
        return [] if setting == NONE else [Path(setting)]
    paths = [folder / FILE_NAME for folder in folders_to_look_into(environment, os.geteuid())]
    found = [path for path in paths if _may_hold_ours(path.parent)]
    system = SYSTEM_RUNTIME_FOLDER / FILE_NAME
    return found if system in found else [*found, system]


def _may_hold_ours(folder: Path) -> bool:
    try:
        return not folder.exists() or folder_fault(folder) is None
    except OSError:
        return False  # it is in somebody else's folder, as XDG_RUNTIME_DIR may be after `su`


def is_named(setting: str, environment: Mapping[str, str]) -> bool:
    """Whether somebody said which socket it has to be, so that another program must not have it."""
    return setting not in (AUTO, NONE) or bool(environment.get("RUNTIME_DIRECTORY"))


def length_fault(path: str) -> str | None:
    """What is wrong with the length of a socket's path, in words that follow it; None when nothing is."""
    length = len(os.fsencode(path))
    return f"is {length} bytes long, a socket's path has at most {LONGEST_PATH}" if length > LONGEST_PATH else None


def limit_waiting(connection: socket.socket, seconds: int, *directions: int) -> None:
    """How long one read or write may wait, 0: for ever. Holds for every descriptor of this connection.

    `directions` are of SO_RCVTIMEO and SO_SNDTIMEO.
    """
    for direction in directions:
        connection.setsockopt(socket.SOL_SOCKET, direction, struct.pack("ll", seconds, 0))


def peer_pid(connection: socket.socket) -> int | None:
    """The process that listens at the other end; None where the system does not tell."""
    if not hasattr(socket, "SO_PEERCRED"):
        return None
    credentials = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
    pid: int = struct.unpack("3i", credentials)[0]
    return pid or None


def folder_fault(folder: Path) -> str | None:
    """Why an existing folder is not safe to keep our socket in, in words that follow its name; None when it is.

    A link is as good as who made it: systemd makes one where the user of the service is nobody.
    """
    trusted = (os.geteuid(), 0)
    try:
        status = folder.lstat()
        if stat.S_ISLNK(status.st_mode) and status.st_uid in trusted:
            status = folder.stat()
    except OSError as error:
        return f"cannot be used: {error.strerror}"
    if status.st_uid not in trusted:
        return "belongs to somebody else"
    if not stat.S_ISDIR(status.st_mode):
        return "is no folder"
    return "may be written to by others" if status.st_mode & WRITABLE_BY_OTHERS else None
