"""Which addresses may be spoken to: nothing leaves this machine unencrypted. Pure: no name is resolved."""

from ipaddress import ip_address
from urllib.parse import SplitResult, urlsplit

LOOPBACK_ONLY = "is allowed only to this machine (localhost, 127.0.0.0/8, ::1)"


def is_this_machine(host: str | None) -> bool:
    """Whether `host` is localhost or a loopback address by its own text; other names are never resolved."""
    if host is None:
        return False
    try:
        return host.lower() == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


def safe_gateway_url(url: str) -> str:
    """`url` when it is a wss:// address, or a ws:// address of this machine; ValueError says what is wrong."""
    scheme = _ensure_address(url, "wss", "ws").scheme
    return scheme + url[len(scheme) :]


def safe_iss_url(url: str) -> str:
    """`url` without slashes at its end, when it is https://, or http:// of this machine; ValueError otherwise."""
    parts = _ensure_address(url, "https", "http")
    if parts.query or not parts.path.rstrip("/").endswith("/iss"):
        raise ValueError("must be the root of the ISS pages, which ends in /iss")
    return url.rstrip("/")


def _ensure_address(url: str, safe: str, plain: str) -> SplitResult:
    """Texts of the ValueError never hold `url` itself: it may hold a password."""
    parts = _split(url)
    if parts.scheme not in (safe, plain):
        raise ValueError(f"must begin with {safe}:// ({plain}:// {LOOPBACK_ONLY})")
    if not parts.hostname:
        raise ValueError(f"names no host, must look like {safe}://host/path")
    if parts.username is not None or parts.password is not None:
        raise ValueError("must not hold a login; set MOEX_LOGIN and MOEX_PASSCODE in the environment or .env")
    if parts.scheme == plain and not is_this_machine(parts.hostname):
        raise ValueError(f"{plain}:// {LOOPBACK_ONLY}; use {safe}://")
    return parts


def _split(url: str) -> SplitResult:
    if not url.isprintable() or " " in url or "#" in url:
        raise ValueError("must be an address without blanks, control characters and #")
    try:
        parts = urlsplit(url)
        _ = parts.port  # raises ValueError when it is no number from 0 to 65535
    except ValueError as error:
        raise ValueError("is no address that can be read, must look like scheme://host:port/path") from error
    return parts
