from pathlib import Path

from shared.user_folders import cache_folder, runtime_folders, state_folder


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


def test_the_runtime_folder_of_the_service_manager_is_the_only_one() -> None:
    environment = {"RUNTIME_DIRECTORY": "/run/moex-monitor:/run/other", "XDG_RUNTIME_DIR": "/run/user/7", "HOME": "/h"}
    assert runtime_folders(environment, 7) == [Path("/run/moex-monitor")]


def test_else_the_runtime_folders_are_those_of_the_user_down_to_one_that_always_works() -> None:
    environment = {"XDG_RUNTIME_DIR": "/run/user/7", "HOME": "/home/anna", "TMPDIR": "/var/tmp"}
    assert runtime_folders(environment, 7) == [
        Path("/run/user/7/moex-monitor"),
        Path("/home/anna/.local/state/moex-monitor"),
        Path("/var/tmp/moex-monitor-7"),
    ]
    assert runtime_folders({"XDG_RUNTIME_DIR": "here", "TMPDIR": "there"}, 7) == [Path("/tmp/moex-monitor-7")]
