"""What a text must be before it becomes a setting. Each function returns the value to use, or raises ValueError."""

import ipaddress
import os
import re
from pathlib import Path

from shared.options import nearest, shown
from shared.service_socket import length_fault

STREAMS = ("orderbooks", "securities", "candles")
CREDENTIAL_CHARACTERS = 1024

GROUP_NAME_CHARACTERS = 20
BUILT_IN_GROUPS = ("all", "favourites")

_board = re.compile(r"[A-Za-z0-9]{1,16}")
_ticker = re.compile(r"[A-Za-z0-9_@.-]{1,50}")


def board_name(text: str) -> str:
    """A board of the exchange, such as TQBR."""
    if _board.fullmatch(text) is None:
        raise ValueError(f"must be the name of a board, 1 to 16 letters and digits such as TQBR, not {shown(text)}")
    return text


def stream_names(names: tuple[str, ...]) -> tuple[str, ...]:
    """Streams of the exchange that this program reads, each once."""
    if not names:
        raise ValueError(f"must name at least one stream; allowed: {', '.join(STREAMS)}")
    for name in names:
        if name not in STREAMS:
            raise ValueError(f"there is no stream {shown(name)}, {nearest(name, STREAMS, 'allowed')}")
    if len(set(names)) < len(names):
        raise ValueError(f"must name each stream once, not {', '.join(names)}")
    return names


def ticker_groups(groups: dict[str, tuple[str, ...]]) -> dict[str, tuple[str, ...]]:
    """Groups of tickers by their names. A ticker need not exist: the list of instruments is not known here."""
    for name, tickers in groups.items():
        _ensure_group_name(name)
        if not tickers:
            raise ValueError(f"group {shown(name)} must name at least one ticker")
        for ticker in tickers:
            if _ticker.fullmatch(ticker) is None:
                allowed = "letters, digits and any of - _ @ . such as SBER"
                raise ValueError(f"group {shown(name)}: a ticker is {allowed}, not {shown(ticker)}")
    return groups


def _ensure_group_name(name: str) -> None:
    if not name.strip() or not name.isprintable() or len(name) > GROUP_NAME_CHARACTERS:
        raise ValueError(
            f"the name of a group must be 1 to {GROUP_NAME_CHARACTERS} printable characters, not {shown(name)}"
        )
    if name.strip().lower() in BUILT_IN_GROUPS:
        raise ValueError(f"a group must not be named {shown(name)}, which is built in")


def ip_address(text: str) -> str:
    """An address to listen on. No name: that would have to be looked up, and may mean several."""
    try:
        return str(ipaddress.ip_address(text))
    except ValueError:
        raise ValueError(f"must be an IP address such as 127.0.0.1, not {shown(text)}") from None


def file_to_write(text: str) -> str:
    """A file that can be written as far as the disk tells beforehand. Looks at the disk."""
    if not text or "\0" in text:
        raise ValueError("must name a file")
    try:
        _ensure_writable(Path(text))
    except OSError as error:
        raise ValueError(f"{shown(text)} is no usable name of a file: {error.strerror}") from error
    return text


def _ensure_writable(path: Path) -> None:
    if path.is_dir():
        raise ValueError(f"{shown(str(path))} is a folder, must name a file")
    if not path.parent.is_dir():
        raise ValueError(f"there is no folder {shown(str(path.parent))}, must name a file in a folder that exists")
    if not os.access(path if path.exists() else path.parent, os.W_OK):
        raise ValueError(f"{shown(str(path))} may not be written by this user")


def socket_path(text: str) -> str:
    """The path of a Unix socket, "auto" or "none". Does not look at the disk: a viewer need not be able to write."""
    if not text or "\0" in text:
        raise ValueError('must be the path of a socket, "auto" or "none"')
    if (fault := length_fault(text)) is not None:
        raise ValueError(f"{shown(text)} {fault}")
    return text


def credential(text: str) -> str:
    """A header of CONNECT, which has no escapes. The texts of the ValueError never hold the value."""
    if not text.isprintable():
        raise ValueError("must not hold control characters or line ends")
    if len(text) > CREDENTIAL_CHARACTERS:
        raise ValueError(f"must have at most {CREDENTIAL_CHARACTERS} characters")
    return text
