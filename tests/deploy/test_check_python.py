"""An interpreter that cannot run the service is refused before anything is installed."""

from pathlib import Path

import pytest

from deploy.check_python import complaint

SYSTEM, HOME = Path("/usr/bin/python3.11"), Path("/home/someone/python/3.11.7/bin/python3.11")


@pytest.mark.parametrize("version", [(3, 10, 12), (3, 13, 6)])
def test_a_version_that_cannot_run_it_is_refused(version: tuple[int, int, int]) -> None:
    told = complaint(version, SYSTEM, is_for_elsewhere=False)
    assert told is not None
    assert told.endswith("this is " + ".".join(map(str, version)))


@pytest.mark.parametrize("version", [(3, 11, 0), (3, 12, 3), (3, 13, 5), (3, 13, 7)])
def test_other_versions_of_the_system_are_taken(version: tuple[int, int, int]) -> None:
    assert complaint(version, SYSTEM, is_for_elsewhere=False) is None


def test_an_interpreter_in_a_home_folder_is_refused_where_the_service_will_run() -> None:
    told = complaint((3, 11, 7), HOME, is_for_elsewhere=False)
    assert told is not None
    assert "PYTHON=/usr/bin/python3" in told
    assert complaint((3, 11, 7), HOME, is_for_elsewhere=True) is None
