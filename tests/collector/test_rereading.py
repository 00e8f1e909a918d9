"""What becomes of settings that were read anew."""

import msgspec

from collector.rereading import change_between
from shared.options import Option
from shared.settings import (
    CollectorSettings,
    Credentials,
    DisplaySettings,
    ExchangeSettings,
    LogSettings,
    Secret,
    Settings,
)

OLD = Settings()


def test_without_a_difference_nothing_has_changed() -> None:
    change = change_between(OLD, Settings())
    assert (change.settings, change.obeyed, change.left_for_a_restart) == (OLD, [], [])
    assert str(change) == "nothing has changed"


def test_display_and_what_is_logged_are_obeyed_at_once() -> None:
    new = Settings(
        display=DisplaySettings(fresh_s=1.0, groups={"banks": ("SBER",)}, status_interval_s=60.0),
        log=LogSettings(level="debug", status_interval_s=60.0),
    )
    change = change_between(OLD, new)
    assert change.settings == new
    assert change.left_for_a_restart == []
    assert str(change) == (
        "changed [display] fresh_s, [display] status_interval_s, [display] groups, [log] level, [log] status_interval_s"
    )


def test_the_rest_is_left_as_it_is_and_named() -> None:
    new = Settings(
        exchange=ExchangeSettings(url="wss://elsewhere/"),
        collector=CollectorSettings(workers=2),
        display=DisplaySettings(mode="none"),
        log=LogSettings(format="json", keep=3),
        duration_s=5.0,
    )
    change = change_between(OLD, new)
    assert change.settings == OLD
    assert str(change) == (
        "only a restart changes [exchange] url, [collector] workers, [display] mode, [log] format, [log] keep,"
        " [run] duration_s"
    )


def test_one_file_may_hold_both() -> None:
    new = Settings(display=DisplaySettings(mode="none", rows=7), collector=CollectorSettings(workers=2))
    change = change_between(OLD, new)
    assert change.settings == msgspec.structs.replace(OLD, display=DisplaySettings(rows=7))
    assert change.obeyed == [Option("display", "rows")]
    assert str(change) == "changed [display] rows; only a restart changes [collector] workers, [display] mode"


def test_of_a_login_only_that_it_changed_is_told() -> None:
    new = Settings(credentials=Credentials("passport", "trader", Secret("s3cret")))
    assert str(change_between(OLD, new)) == "only a restart changes the login"
