from pathlib import Path

from shared.user_folders import cache_folder, state_folder


def test_the_xdg_variables_are_obeyed() -> None:
    environment = {"XDG_STATE_HOME": "/state", "XDG_CACHE_HOME": "/cache", "HOME": "/home/anna"}
    assert state_folder(environment) == Path("/state/moex-monitor")
    assert cache_folder(environment) == Path("/cache/moex-monitor")


def test_without_them_or_with_relative_ones_the_folders_are_in_the_home() -> None:
    assert state_folder({"HOME": "/home/anna"}) == Path("/home/anna/.local/state/moex-monitor")
    assert cache_folder({"HOME": "/home/anna", "XDG_CACHE_HOME": "here"}) == Path("/home/anna/.cache/moex-monitor")


def test_a_user_without_a_home_has_no_folders() -> None:
    assert state_folder({}) is None
    assert cache_folder({"HOME": "relative"}) is None
