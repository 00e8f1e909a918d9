import re

import pytest

from shared.addresses import is_this_machine, safe_gateway_url, safe_iss_url


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST", "127.0.0.1", "127.8.9.10", "::1"])
def test_loopback_names_and_addresses_are_this_machine(host: str) -> None:
    assert is_this_machine(host)


@pytest.mark.parametrize(
    "host", [None, "", "example.com", "10.0.0.1", "0.0.0.0", "::", "localhost.example.com", "127.1"]
)
def test_everything_else_is_another_machine(host: str | None) -> None:
    assert not is_this_machine(host)


@pytest.mark.parametrize(
    "url",
    [
        "wss://iss.moex.com/infocx/v3/websocket",
        "wss://example.com:8443/x?token=1",
        "ws://127.0.0.1:9000/infocx/v3/websocket",
        "ws://[::1]:9000/",
        "ws://localhost",
    ],
)
def test_an_encrypted_or_local_gateway_is_taken_as_it_is(url: str) -> None:
    assert safe_gateway_url(url) == url


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("ws://example.com/x", "ws:// is allowed only to this machine"),
        ("ws://127.0.0.1.example.com/x", "ws:// is allowed only to this machine"),
        ("http://127.0.0.1/x", "must begin with wss://"),
        ("iss.moex.com", "must begin with wss://"),
        ("", "must begin with wss://"),
        ("wss://", "names no host"),
        ("wss:///path", "names no host"),
        ("wss://host:99999/", "is no address that can be read"),
        ("wss://[::1/", "is no address that can be read"),
        ("wss://host/a b", "without blanks"),
        ("wss://host/\x1b[2J", "control characters"),
        ("wss://host/#part", "and #"),
    ],
)
def test_an_unsafe_or_broken_gateway_address_is_refused_with_its_reason(url: str, told: str) -> None:
    with pytest.raises(ValueError, match=re.escape(told)):
        safe_gateway_url(url)


@pytest.mark.parametrize("url", ["wss://me:hunter2@example.com/", "ws://me:hunter2@example.com/", "wss://hunter2@h/"])
def test_a_login_inside_an_address_is_refused_and_not_repeated(url: str) -> None:
    with pytest.raises(ValueError, match="must not hold a login") as caught:
        safe_gateway_url(url)
    assert "hunter2" not in str(caught.value)


def test_the_iss_root_loses_the_slashes_at_its_end() -> None:
    assert safe_iss_url("https://iss.moex.com/iss//") == "https://iss.moex.com/iss"
    assert safe_iss_url("http://127.0.0.1:8080/iss") == "http://127.0.0.1:8080/iss"


def test_the_scheme_of_the_gateway_may_be_written_large() -> None:
    assert safe_gateway_url("WSS://iss.moex.com/") == "wss://iss.moex.com/"


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("http://iss.moex.com/iss", "http:// is allowed only to this machine"),
        ("wss://iss.moex.com/iss", "must begin with https://"),
        ("https://iss.moex.com/iss?x=1", "ends in /iss"),
        ("https://iss.moex.com/", "ends in /iss"),
        ("https:///iss", "names no host"),
    ],
)
def test_an_unsafe_or_broken_iss_root_is_refused_with_its_reason(url: str, told: str) -> None:
    with pytest.raises(ValueError, match=re.escape(told)):
        safe_iss_url(url)
