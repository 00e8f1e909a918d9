"""Bytes from outside, decoded by msgspec, with one exception for all that can be wrong with them."""

from typing import Protocol, TypeVar

import msgspec

_T_co = TypeVar("_T_co", covariant=True)


class Decoder(Protocol[_T_co]):
    """One of msgspec's, for JSON or MessagePack."""

    def decode(self, buf: bytes, /) -> _T_co: ...


def decoded(decoder: Decoder[_T_co], data: bytes) -> _T_co:
    """Raises msgspec.DecodeError, and nothing else: msgspec itself has others for bad UTF-8 and for deep nesting."""
    try:
        return decoder.decode(data)
    except (UnicodeDecodeError, RecursionError) as error:
        raise msgspec.DecodeError(str(error)) from error
