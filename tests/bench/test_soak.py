"""A soak tells memory, descriptors, threads and cost as time goes by."""

import pytest

from bench import soak


def test_each_minute_is_a_line_for_six_workers_and_for_two(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(soak, "MINUTE_S", 0.2)
    soak.main(2)
    lines = capsys.readouterr().out.splitlines()
    figures = [[float(text) for text in line.split()] for line in lines if line.lstrip()[:1].isdigit()]
    assert [line[0] for line in figures] == [1, 2, 1, 2]
    assert all(len(line) == 5 and min(line) > 0 for line in figures)
    assert figures[0][3] > figures[2][3]
