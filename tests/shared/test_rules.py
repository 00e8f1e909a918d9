import re
from pathlib import Path

import pytest

from shared.rules import (
    board_name,
    credential,
    file_to_write,
    ip_address,
    socket_path,
    stream_names,
    ticker_groups,
)


def test_boards_are_letters_and_digits() -> None:
    assert board_name("TQBR") == "TQBR"
    for wrong in ("", "TQ BR", "../x", "T" * 17, "TQBR\n"):
        with pytest.raises(ValueError, match="must be the name of a board"):
            board_name(wrong)


def test_known_streams_keep_their_order() -> None:
    assert stream_names(("candles", "orderbooks")) == ("candles", "orderbooks")


@pytest.mark.parametrize(
    ("names", "told"),
    [
        ((), "at least one stream; allowed: orderbooks, securities, candles"),
        (("orderbook",), "did you mean orderbooks?"),
        (("zzz",), "allowed: orderbooks, securities, candles"),
        (("candles", "candles"), "each stream once"),
    ],
)
def test_no_unknown_or_repeated_streams_are_refused(names: tuple[str, ...], told: str) -> None:
    with pytest.raises(ValueError, match=re.escape(told)):
        stream_names(names)


@pytest.mark.parametrize("address", ["127.0.0.1", "0.0.0.0", "::1"])
def test_an_address_to_listen_on_is_a_number(address: str) -> None:
    assert ip_address(address) == address


@pytest.mark.parametrize("wrong", ["", "localhost", "127.0.0.1:9464", "127.1", "[::1]", "127.0.0.1\n"])
def test_a_name_is_no_address_to_listen_on(wrong: str) -> None:
    with pytest.raises(ValueError, match="must be an IP address such as"):
        ip_address(wrong)


def test_groups_of_tickers_keep_their_order() -> None:
    groups: dict[str, tuple[str, ...]] = {"Нефть и газ": ("LKOH", "SIBN@X"), "a": ("SiZ6", "RU000A.B-C_D")}
    assert list(ticker_groups(groups).items()) == list(groups.items())
    assert ticker_groups({}) == {}


@pytest.mark.parametrize(
    ("groups", "told"),
    [
        ({"": ("SBER",)}, "the name of a group must be 1 to 20 printable characters, not ''"),
        ({" ": ("SBER",)}, "the name of a group must be 1 to 20 printable characters, not ' '"),
        ({"x" * 21: ("SBER",)}, "the name of a group must be 1 to 20 printable characters"),
        ({"a\x1b[2J": ("SBER",)}, "the name of a group must be 1 to 20 printable characters, not 'a\\x1b[2J'"),
        ({"Favourites": ("SBER",)}, "a group must not be named 'Favourites', which is built in"),
        ({"a": ()}, "group 'a' must name at least one ticker"),
        ({"a": ("SBER", "")}, "group 'a': a ticker is letters, digits and any of - _ @ . such as SBER, not ''"),
        ({"a": ("SB ER",)}, "such as SBER, not 'SB ER'"),
        ({"a": ("SBER\n",)}, "such as SBER, not 'SBER\\n'"),
        ({"a": ("СБЕР",)}, "such as SBER, not 'СБЕР'"),
        ({"a": ("S" * 51,)}, "such as SBER, not 'SSSS"),
    ],
)
def test_a_wrong_group_is_told_by_its_name_and_fault(groups: dict[str, tuple[str, ...]], told: str) -> None:
    with pytest.raises(ValueError, match=re.escape(told)):
        ticker_groups(groups)


def test_a_file_in_an_existing_folder_can_be_written(tmp_path: Path) -> None:
    new, old = tmp_path / "new.json", tmp_path / "old.json"
    old.write_text("{}")
    assert file_to_write(str(new)) == str(new)
    assert file_to_write(str(old)) == str(old)
    assert file_to_write("here.json") == "here.json"
    assert not new.exists()


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("", "must name a file"),
        ("a\0b", "must name a file"),
        ("x" * 300 + "/y", "no usable name"),
        (".", "is a folder"),
    ],
)
def test_what_names_no_file_is_refused(name: str, told: str) -> None:
    with pytest.raises(ValueError, match=told):
        file_to_write(name)


def test_a_file_in_a_missing_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="there is no folder"):
        file_to_write(str(tmp_path / "missing" / "summary.json"))


def test_a_file_that_this_user_may_not_write_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.access", lambda path, mode: False)
    with pytest.raises(ValueError, match="may not be written"):
        file_to_write(str(tmp_path / "x"))


def test_a_socket_is_a_path_or_a_word_and_need_not_be_there() -> None:
    for text in ("auto", "none", "/nowhere/monitor.sock", "here.sock", "x" * 107):
        assert socket_path(text) == text
    for wrong in ("", "a\0b"):
        with pytest.raises(ValueError, match='must be the path of a socket, "auto" or "none"'):
            socket_path(wrong)
    with pytest.raises(ValueError, match="is 108 bytes long, a socket's path has at most 107"):
        socket_path("й" * 54)


def test_credentials_hold_what_a_connect_header_can_carry() -> None:
    assert credential("пароль: a=b#$ {x}") == "пароль: a=b#$ {x}"
    for wrong in ("hunter2\n", "hunter2\0", "hunter2" * 1000):
        with pytest.raises(ValueError, match="must") as caught:
            credential(wrong)
        assert "hunter2" not in str(caught.value)
