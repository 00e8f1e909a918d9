"""STOMP frames of the server side, as bytes. Pure.

Headers are taken and given as they stand, without the escapes of STOMP 1.1 and later: the exchange's gateway speaks
plain STOMP over WebSocket, its lines end in LF alone.
"""

from dataclasses import dataclass, field

FRAME_LIMIT = 1 << 20


class MalformedFrame(Exception):
    """The client sent bytes that are no STOMP frame; str() says why."""


class ForbiddenLineEnd(Exception):
    """The client ends its lines in CR LF, which makes the exchange's gateway drop the connection."""


@dataclass(frozen=True, slots=True)
class Frame:
    """One frame of a client. Of a repeated header the first one counts."""

    command: str
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""


def build(command: str, headers: dict[str, str], body: bytes = b"") -> bytes:
    """One frame with its closing NUL. Neither names nor values may hold LF; the caller sees to that."""
    lines = "".join(f"{name}:{value}\n" for name, value in headers.items())
    return f"{command}\n{lines}\n".encode() + body + b"\0"


class FrameSplitter:
    """Finds frames in what a client sends, however it is cut into pieces."""

    def __init__(self) -> None:
        self._pending = b""

    def feed(self, data: bytes) -> list[Frame]:
        """The frames that `data` completes. Line feeds between frames are heart-beats and are left out.

        Raises MalformedFrame or ForbiddenLineEnd; the splitter is of no use afterwards.
        """
        self._pending = (self._pending + data).lstrip(b"\n")
        frames = []
        while (found := self._next()) is not None:
            frames.append(found)
        if len(self._pending) > FRAME_LIMIT:
            raise MalformedFrame("a frame is too long")
        return frames

    def _next(self) -> Frame | None:
        end_of_head = self._pending.find(b"\n\n")
        end = self._pending.find(b"\0")
        if b"\r" in self._pending[: min((at for at in (end_of_head, end) if at >= 0), default=0)]:
            raise ForbiddenLineEnd
        if end >= 0 and not 0 <= end_of_head < end:
            raise MalformedFrame("a frame without the blank line after its headers")
        if end_of_head < 0:
            return None
        command, headers = _parse_head(self._pending[:end_of_head])
        return self._finish(command, headers, end_of_head + 2)

    def _finish(self, command: str, headers: dict[str, str], start: int) -> Frame | None:
        end = _end_of_body(self._pending, start, headers.get("content-length"))
        if end is None:
            return None
        frame = Frame(command, headers, self._pending[start:end])
        self._pending = self._pending[end + 1 :].lstrip(b"\n")
        return frame


def _parse_head(head: bytes) -> tuple[str, dict[str, str]]:
    try:
        command, *lines = head.decode().split("\n")
    except UnicodeDecodeError:
        raise MalformedFrame("headers are not UTF-8") from None
    headers: dict[str, str] = {}
    for line in lines:
        name, colon, value = line.partition(":")
        if not colon:
            raise MalformedFrame("a header line without a colon")
        headers.setdefault(name, value)
    return command, headers


def _end_of_body(data: bytes, start: int, content_length: str | None) -> int | None:
    """Where the NUL of the frame stands; None when it is not there yet."""
    if content_length is None:
        end = data.find(b"\0", start)
        return end if end >= 0 else None
    if not content_length.isascii() or not content_length.isdigit() or int(content_length) > FRAME_LIMIT:
        raise MalformedFrame("content-length is no length")
    end = start + int(content_length)
    if end >= len(data):
        return None
    if data[end] != 0:
        raise MalformedFrame("content-length does not lead to the end of the frame")
    return end
