import pytest

from display.views.captions import CAPTIONS, VALUES, caption_of, meaning_of
from shared.quotes import PHASES
from simulator.bodies import SECURITY_COLUMNS


def test_every_column_of_the_securities_stream_has_a_caption_of_its_own() -> None:
    assert CAPTIONS.keys() == SECURITY_COLUMNS.keys()
    assert len(set(CAPTIONS.values())) == len(CAPTIONS)


def test_a_column_that_is_not_known_is_called_by_its_own_name() -> None:
    assert caption_of("NUMTRADES") == "Trades today"
    assert caption_of("NEWCOLUMN") == "NEWCOLUMN"


@pytest.mark.parametrize(
    ("column", "value", "meaning"),
    [
        ("TRADINGSTATUS", "T", "T: trading session"),
        ("STATUS", "S", "S: suspended"),
        ("DPVALINDICATORBUY", " ", "no orders"),
        ("TRADINGSTATUS", "?", "?"),
        ("SETTLECODE", "T", "T"),
    ],
)
def test_letters_are_explained_where_the_exchange_explains_them(column: str, value: str, meaning: str) -> None:
    assert meaning_of(column, value) == meaning


def test_every_trading_status_that_makes_a_phase_is_explained() -> None:
    assert VALUES["TRADINGSTATUS"].keys() == PHASES.keys()
