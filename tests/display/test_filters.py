import pytest
from hypothesis import given
from hypothesis import strategies as st

from display.filters import EVERYTHING, VALUES, parse_filter
from shared.quotes import Price, Quote
from tests.display.samples import NOW, quote

AT = NOW.monotonic


def sber() -> Quote:
    """306.10, changed by -2 %, spread 0.01, 1322700 traded, 42 updates, the last of them 60 s ago."""
    found = quote(
        "SBER", bid=Price(306.12, 2), ask=Price(306.13, 2), last=Price(306.1, 2), volume=1322700, updates=42, age_s=60
    )
    assert found.fields is not None
    found.fields |= {"CAPTION": "Сбербанк ао", "CHANGE": [-6.25, 2]}
    return found


NEVER_HEARD_OF = Quote("GAZP")


def matches(text: str, one: Quote | None = None) -> bool:
    found = parse_filter(text)
    assert found.problem == ""
    return found.matches(sber() if one is None else one, AT)


@pytest.mark.parametrize("text", ["", "  ", "\t"])
def test_an_empty_filter_lets_everything_through(text: str) -> None:
    assert parse_filter(text) == EVERYTHING
    assert EVERYTHING.matches(NEVER_HEARD_OF, AT)


@pytest.mark.parametrize("text", ["SBER", "sber", "be", "Сбербанк", "СБЕР", "банк", "ао сбер"])
def test_a_term_is_part_of_the_ticker_or_of_the_caption_in_small_or_capital_letters(text: str) -> None:
    assert matches(text)
    assert not matches(text, NEVER_HEARD_OF)


def test_all_terms_must_hold() -> None:
    assert matches("sber банк !gaz age>30")
    assert not matches("sber gaz")


@pytest.mark.parametrize(("text", "is_match"), [("!gaz", True), ("!sber", False), ("!!sber", True), ("!age>30", False)])
def test_an_exclamation_mark_turns_a_term_round(text: str, is_match: bool) -> None:
    assert matches(text) is is_match


@pytest.mark.parametrize(
    ("text", "is_match"),
    [
        ("age>30", True),
        ("age>60", False),
        ("age>=60", True),
        ("age<60.1", True),
        ("age=60", True),
        ("age>59s", True),
        ("age=1m", True),
        ("age<1h", True),
        ("age>1M", False),
        ("vol>1e6", True),
        ("vol>10k", True),
        ("vol<1m", False),
        ("vol<2M", True),
        ("vol<1b", True),
        ("vol=1322700", True),
        ("chg<-2", False),
        ("chg<=-2", True),
        ("chg=-2%", True),
        ("chg>-2.01", True),
        ("last=306.1", True),
        ("last>.5", True),
        ("bid<306.13", True),
        ("ask>306.12", True),
        ("spread=0.01", True),
        ("spread>0.01", False),
        ("spread<1.", True),
        ("upd>41", True),
        ("UPD<+42", False),
        ("vol<1e999", True),
    ],
)
def test_a_comparison_compares_what_is_shown(text: str, is_match: bool) -> None:
    assert matches(text) is is_match


@pytest.mark.parametrize("sign", [">", "<", ">=", "<=", "="])
@pytest.mark.parametrize("name", sorted(set(VALUES) - {"upd"}))
def test_what_is_unknown_matches_no_comparison(name: str, sign: str) -> None:
    assert not matches(f"{name}{sign}0", NEVER_HEARD_OF)
    assert matches(f"!{name}{sign}0", NEVER_HEARD_OF)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("age>", "age> needs a number"),
        ("sber AGE>=", "age>= needs a number"),
        ("age>5x", "age> needs a number"),
        ("age>5k", "age> needs a number"),
        ("vol>1e", "vol> needs a number"),
        ("vol>1_000", "vol> needs a number"),
        ("chg<-", "chg< needs a number"),
        ("last>nan", "last> needs a number"),
        ("age==5", "age= needs a number"),
        ("!", "! needs something after it"),
        ("price>5", "price> is unknown, there are age, vol, chg, last, bid, ask, spread, upd"),
        (">5", "> is unknown, there are age, vol, chg, last, bid, ask, spread, upd"),
    ],
)
def test_what_is_half_typed_or_unknown_is_told_in_one_line(text: str, problem: str) -> None:
    assert parse_filter(text).problem == problem


def test_a_problem_quotes_no_more_than_it_must_and_no_control_characters() -> None:
    problem = parse_filter("\x1b[2J" + "x" * 1000 + ">1").problem
    assert problem.isprintable()
    assert len(problem) < 100


TEXTS = st.text() | st.text(alphabet="!<>= ageuvol019.ekm%-+сб", max_size=20)


@given(TEXTS)
def test_no_text_raises(text: str) -> None:
    found = parse_filter(text)
    for one in (sber(), NEVER_HEARD_OF):
        assert found.matches(one, AT) in (True, False)
    assert len(found.problem) < 100


WORDS = st.sampled_from(["age>30", "vol<1e6", "chg>0", "SBER", "банк", "x"]) | TEXTS.map(
    lambda text: "".join(text.split())
).filter(bool)


@given(WORDS, st.sampled_from([sber(), NEVER_HEARD_OF]))
def test_a_term_and_its_opposite_part_all_quotes_between_them(word: str, one: Quote) -> None:
    term, opposite = parse_filter(word), parse_filter(f"!{word}")
    assert bool(term.problem) is bool(opposite.problem)
    if not term.problem:
        assert term.matches(one, AT) is not opposite.matches(one, AT)


@pytest.mark.parametrize("text", ["vol>=1e6", "vol >= 1e6", "vol >=1e6", "vol≥1e6", "vol ≥ 1e6"])
def test_a_comparison_may_be_written_with_blanks_and_in_the_signs_of_print(text: str) -> None:
    found = parse_filter(text)
    assert found.problem == ""
    assert found.matches(quote("SBER", volume=1_000_000), NOW.monotonic)
    assert not found.matches(quote("SBER", volume=999_999), NOW.monotonic)


def test_what_is_not_understood_yet_lets_the_rest_hold() -> None:
    found = parse_filter("sber age>")
    assert found.problem == "age> needs a number"
    assert found.matches(quote("SBER"), NOW.monotonic)
    assert not found.matches(quote("MAGE"), NOW.monotonic)
