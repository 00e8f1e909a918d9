"""Without a terminal: status lines, and a log that machines can read."""

import json
from typing import Any

import pytest

from tests.process.conftest import SMALL, Start
from tests.process.program import wait_for

IN_THE_JOURNAL = ("sh", "-c", 'JOURNAL_STREAM=$(stat -Lc %d:%i /dev/stderr) exec "$@"', "sh")
"""As systemd starts a service: the standard error output is what $JOURNAL_STREAM names."""


def objects(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


@pytest.mark.parametrize("mode", ["plain", "none", "auto"])
def test_status_lines_are_written_and_nothing_that_draws_is_imported_by_any_process(start: Start, mode: str) -> None:
    config = "[display]\nstatus_interval_s = 0.5\n[log]\nstatus_interval_s = 0.5\n"
    more = {"PYTHONPROFILEIMPORTTIME": "1"}
    program = start("--simulate", "--display", mode, *SMALL, config=config, environment=more)
    program.wait_for_log("is online", 4)
    wait_for(lambda: "4/4 online | " in (program.log if mode == "none" else program.output), "a status line")
    assert program.stop() == 0
    imported = {line.rpartition("|")[2].strip() for line in program.output.splitlines() if "import time:" in line}
    assert {"collector.worker", "shared.settings"} < imported
    assert not {name for name in imported if name.partition(".")[0] in ("blessed", "curses", "_curses")}
    assert " online | " not in (program.output if mode == "none" else program.log)


def test_with_json_every_line_of_log_and_output_is_an_object(start: Start) -> None:
    program = start("--simulate", "--log-format", "json", *SMALL)
    program.wait_for_log("is online", 4)
    wait_for(lambda: "4/4 online" in program.output, "a status line")
    assert program.stop() == 0
    log, output = objects(program.log), objects(program.output)
    assert {line["process"] for line in log} == {"supervisor", "worker-1", "worker-2", "simulator"}
    assert {"time", "level", "process", "thread", "logger", "message"} == set().union(*log) == set().union(*output)
    assert {line["logger"] for line in output} == {"status", "run"}
    assert output[-1]["message"].startswith("Final statistics")


def test_the_journal_gets_levels_and_no_times(start: Start) -> None:
    program = start("--simulate", "--display", "none", *SMALL, through=IN_THE_JOURNAL, log_file=False)
    program.wait_for_log("is online", 4)
    assert program.stop() == 0
    log = program.output.partition("\nFinal statistics")[0]
    assert log.count("<6>supervisor MainThread: worker 1: dead -> starting") == 1
    assert all(line.startswith("<") for line in log.splitlines() if line)


def test_a_log_that_all_processes_move_on_has_every_line(start: Start) -> None:
    config = "[log]\nmax_mb = 0.001\nkeep = 1000\nlevel = 'debug'\n"
    program = start("--simulate", "--display", "none", *SMALL, config=config)

    def log() -> str:
        return "".join(path.read_text() for path in program.log_file.parent.glob("monitor.log*"))

    wait_for(lambda: log().count("is online") == 4, "all connections online")
    assert program.stop() == 0
    assert program.log_file.with_name("monitor.log.2").exists()
    assert log().count("subscribing -> online") == 4
    for name in ("worker 1", "worker 2", "simulator"):
        assert log().count(f"{name}: dead -> starting") == 1
        assert log().count(f"{name}: stopping -> dead") == 1
