from typing import Annotated, Any, Literal

import pytest
from msgspec import Meta

from shared.errors import ConfigError
from shared.options import Given, Option, Rule, Source, allowed, checked, nearest, shown

Count = Annotated[int, Meta(ge=1, le=64)]
Pause = Annotated[float, Meta(ge=0, le=1.5)]


def given(value: object) -> Given:
    return Given(value, "config.toml: [a] b", Source.CONFIG_FILE)


@pytest.mark.parametrize(
    ("value", "annotation", "result"),
    [
        (6, Count, 6),
        (1, Pause, 1.0),
        (0.5, Pause | None, 0.5),
        (False, bool, False),
        ("a", Literal["a", "b"], "a"),
        (["x", "y"], tuple[str, ...], ("x", "y")),
        ({"a": ["x"]}, dict[str, tuple[str, ...]], {"a": ("x",)}),
    ],
)
def test_a_value_of_the_right_kind_is_taken(value: object, annotation: Any, result: object) -> None:
    assert checked(given(value), annotation) == result
    assert type(checked(given(value), annotation)) is type(result)


@pytest.mark.parametrize(
    ("value", "annotation", "told"),
    [
        (True, Count, "must be a whole number from 1 to 64, not true"),
        (6.0, Count, "must be a whole number from 1 to 64, not 6.0"),
        ("6", Count, "must be a whole number from 1 to 64, not '6'"),
        (0, Count, "must be a whole number from 1 to 64, not 0"),
        (65, Count | None, "must be a whole number from 1 to 64, not 65"),
        (True, Pause, "must be a number from 0 to 1.5, not true"),
        (1.6, Pause, "must be a number from 0 to 1.5, not 1.6"),
        (float("nan"), Pause, "must be a number from 0 to 1.5, not nan"),
        (float("inf"), Annotated[float, Meta(gt=0)], "must be a number above 0, not inf"),
        (1, bool, "must be true or false, not 1"),
        ("c", Literal["a", "b"], "must be one of a, b, not 'c'"),
        ("x", tuple[str, ...], "must be a list of texts, not 'x'"),
        (["x", 1], tuple[str, ...], "must be a list of texts, not ['x', 1]"),
        (1, dict[str, tuple[str, ...]], "must be a table with a list of texts for each name, not 1"),
        ({"a": "x"}, dict[str, tuple[str, ...]], "a table with a list of texts for each name, not {'a': 'x'}"),
        (1, str, "must be a text, not 1"),
    ],
)
def test_any_other_value_is_refused_with_what_is_allowed(value: object, annotation: Any, told: str) -> None:
    with pytest.raises(ConfigError) as caught:
        checked(given(value), annotation)
    assert str(caught.value).startswith("config.toml: [a] b: must be ")
    assert str(caught.value).endswith(told)


def test_a_rule_may_change_the_value_or_refuse_it() -> None:
    def upper(text: str) -> str:
        if not text:
            raise ValueError("must not be empty")
        return text.upper()

    assert checked(given("x"), Annotated[str, Rule(upper)]) == "X"
    with pytest.raises(ConfigError, match=r"^config.toml: \[a\] b: must not be empty$"):
        checked(given(""), Annotated[str, Rule(upper)])


def test_the_bounds_of_a_large_whole_number_are_told_in_full() -> None:
    assert allowed(Annotated[int, Meta(ge=0, le=2**63 - 1)]) == "a whole number from 0 to 9223372036854775807"
    assert allowed(int) == "a whole number"


def test_an_unknown_name_is_answered_with_the_nearest_or_with_all() -> None:
    assert nearest("wokers", ["connections", "workers"], "allowed") == "did you mean workers?"
    assert nearest("zzz", ["connections", "workers"], "allowed") == "allowed: connections, workers"


def test_a_wrong_value_is_shown_on_one_short_line() -> None:
    assert shown("a\nb\x1b[2J") == r"'a\nb\x1b[2J'"
    assert len(shown("x" * 1000)) < 80


def test_an_option_is_written_as_in_config_toml_and_an_argument_outranks_all() -> None:
    assert str(Option("collector", "workers")) == "[collector] workers"
    assert max(Source) is Source.ARGUMENT
    assert min(Source) is Source.DEFAULT
