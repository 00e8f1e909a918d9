"""Whatever is wrong with bytes from outside, they are told to be what cannot be decoded."""

from typing import Any

import msgspec
import pytest

from shared.decoding import decoded

DEEP = 100_000

texts: msgspec.json.Decoder[list[str]] = msgspec.json.Decoder(list[str])
anything: msgspec.msgpack.Decoder[Any] = msgspec.msgpack.Decoder()


def test_what_fits_is_decoded_to_its_type() -> None:
    assert decoded(texts, b'["a"]') == ["a"]
    assert decoded(anything, b"\x91\x07") == [7]


@pytest.mark.parametrize("data", [b"", b"[", b"[5]", b'["\xff"]', b"[" * DEEP], ids=lambda data: repr(data[:9]))
def test_json_that_does_not_fit_is_a_decode_error(data: bytes) -> None:
    with pytest.raises(msgspec.DecodeError):
        decoded(texts, data)


@pytest.mark.parametrize("data", [b"", b"\xc1", b"\xa1\xff", b"\x91" * DEEP], ids=lambda data: repr(data[:9]))
def test_messagepack_that_cannot_be_read_is_a_decode_error(data: bytes) -> None:
    with pytest.raises(msgspec.DecodeError):
        decoded(anything, data)
