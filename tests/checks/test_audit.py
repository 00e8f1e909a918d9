"""A known weakness fails the check; a database that cannot be asked does not."""

import subprocess
from collections.abc import Mapping

import msgspec
import pytest

from checks import audit
from checks.audit import verdict


def report(*dependencies: Mapping[str, object]) -> bytes:
    return msgspec.json.encode({"dependencies": dependencies, "fixes": []})


def test_a_known_weakness_is_named_with_the_version_that_mends_it() -> None:
    weak = {"name": "a", "version": "1.0", "vulns": [{"id": "CVE-1", "fix_versions": ["1.1"], "aliases": []}]}
    assert verdict(report(weak, {"name": "b", "version": "2", "vulns": []})) == (1, ["a 1.0: CVE-1, mended in 1.1"])


def test_nothing_known_is_good_and_says_how_many_were_looked_up() -> None:
    unknown = {"name": "b", "skip_reason": "not found"}
    exit_code, lines = verdict(report({"name": "a", "version": "1", "vulns": []}, unknown))
    assert exit_code == 0
    assert lines == ["audit: 1 requirements without a known weakness, 1 unknown"]


@pytest.mark.parametrize("output", [b"", b"Traceback", report(), report({"name": "a", "skip_reason": "not found"})])
def test_a_database_that_tells_nothing_is_said_and_fails_nothing(output: bytes) -> None:
    exit_code, lines = verdict(output)
    assert exit_code == 0
    assert lines[0].startswith("audit skipped: ")


def test_a_database_that_does_not_answer_is_not_waited_for(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def time_out(*_: object, **__: object) -> None:
        raise subprocess.TimeoutExpired("pip-audit", audit.LIMIT_S)

    monkeypatch.setattr(subprocess, "run", time_out)
    assert audit.main() == 0
    assert capsys.readouterr().out.startswith("audit skipped: ")
