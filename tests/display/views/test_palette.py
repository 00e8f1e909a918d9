from display.views.palette import COLOURLESS, Palette, Role

PALETTE = Palette({Role.BID: "<green>"}, "</>", lambda text: 2 * len(text))


def test_a_role_with_a_sequence_is_switched_on_and_off() -> None:
    assert PALETTE.paint(Role.BID, "306.12") == "<green>306.12</>"


def test_a_role_without_a_sequence_is_plain_text() -> None:
    assert PALETTE.paint(Role.ASK, "306.13") == "306.13"
    assert COLOURLESS.paint(Role.BID, "306.12") == "306.12"


def test_an_empty_text_gets_no_sequences() -> None:
    assert PALETTE.paint(Role.BID, "") == ""


def test_only_text_beyond_ascii_has_to_be_measured() -> None:
    assert PALETTE.columns("SBER") == 4
    assert PALETTE.columns("株") == 2
