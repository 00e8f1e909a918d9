"""What the service and a viewer on its socket say to each other first, so that no other version is misunderstood. Pure.

The viewer sends a Hello, the service answers with a Welcome; after that requests and pictures follow as in `wire`. Both
are maps by name, so that what a later version adds does no harm, and each side tells the whole of itself.
"""

import json
import zlib
from functools import cache
from typing import Any

import msgspec

from shared import __version__
from shared.decoding import decoded
from shared.printable import printable
from shared.wire import Picture, Request

PROTOCOL = 1
"""To be raised when what is sent changes its meaning. What changes its form alone changes `layout()` by itself."""

HELLO_LIMIT = 1000
"""Bytes: what is longer is none."""


class Hello(msgspec.Struct, tag="moex-monitor-viewer", tag_field="kind", frozen=True):
    """`is_brief`: it wants the state of the moment, and goes again."""

    protocol: int
    layout: int
    version: str
    is_brief: bool = False


class Welcome(msgspec.Struct, tag="moex-monitor", tag_field="kind", frozen=True):
    """`refusal` says why nothing else will follow, for a person; empty when pictures do."""

    protocol: int
    layout: int
    version: str
    pid: int
    refusal: str = ""


_encoder = msgspec.msgpack.Encoder()
_hello = msgspec.msgpack.Decoder(Hello)
_welcome = msgspec.msgpack.Decoder(Welcome)


def hello(*, is_brief: bool) -> bytes:
    return _encoder.encode(Hello(PROTOCOL, layout(), __version__, is_brief))


def welcome(pid: int, refusal: str = "") -> bytes:
    return _encoder.encode(Welcome(PROTOCOL, layout(), __version__, pid, refusal))


def read_hello(data: bytes) -> Hello:
    """Raises msgspec.DecodeError."""
    return decoded(_hello, data)


def read_welcome(data: bytes) -> Welcome:
    """Raises msgspec.DecodeError."""
    return decoded(_welcome, data)


def is_understood(said: Hello | Welcome) -> bool:
    """Whether pictures and requests mean the same to whoever said this as to us."""
    return (said.protocol, said.layout) == (PROTOCOL, layout())


def misunderstanding(service: Welcome) -> str:
    """Why a viewer can have nothing to do with that service, in one line."""
    theirs, ours = printable(service.version), __version__
    versions = f"version {theirs}, this is {ours}" if theirs != ours else f"another build of version {ours}"
    return f"the running program (pid {service.pid}) speaks another protocol ({versions}): restart it, or use its files"


@cache
def layout() -> int:
    """A number that changes when the form of pictures or requests does."""
    _, shapes = msgspec.json.schema_components([Picture, Request])
    return zlib.crc32(json.dumps(_without_prose(shapes), sort_keys=True).encode())


def _without_prose(node: Any) -> Any:
    """Docstrings are a part of a schema, and no part of the form."""
    if isinstance(node, dict):
        return {key: _without_prose(value) for key, value in node.items() if key not in ("description", "title")}
    return [_without_prose(item) for item in node] if isinstance(node, list) else node
