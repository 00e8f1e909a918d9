import os
from signal import Signals

import pytest

from shared.processes import run_state
from tests.collector.waiting import wait_until
from tests.display import programs
from tests.display.fake_hub import CONTEXT


def test_inherited_handlers_are_reset_and_own_signals_recorded_once() -> None:
    ours, theirs = CONTEXT.Pipe(duplex=False)
    process = CONTEXT.Process(target=programs.report_signals, args=(theirs,))
    process.start()
    theirs.close()
    with ours:
        assert ours.recv() is True, "the inherited handler is gone"
        assert ours.recv() is False, "nothing is recorded yet"
        assert ours.recv() is True, "the recorder is readable once a signal came"
        assert ours.recv() == [[Signals.SIGUSR1], []], "taken once, and what was ignored stays ignored"
        assert ours.recv() is False, "nothing more, and nothing on the inherited wakeup descriptor"
    process.join()
    process.close()


@pytest.mark.parametrize("is_for_all", [True, False])
def test_ctrl_z_stops_the_whole_program_and_a_signal_only_who_gets_it(is_for_all: bool) -> None:
    ours, theirs = CONTEXT.Pipe(duplex=False)
    arguments = {"is_for_all": is_for_all}
    process = CONTEXT.Process(target=programs.stop_by_signal, args=(theirs,), kwargs=arguments)
    process.start()
    theirs.close()
    with ours:
        other = ours.recv()
        assert ours.recv() == (True, {Signals.SIGTSTP})
        wait_until(lambda: run_state(process.pid) == "T")
        if is_for_all:
            wait_until(lambda: run_state(other) == "T")
        assert (run_state(other) == "T") == is_for_all
        assert process.pid is not None
        os.killpg(process.pid, Signals.SIGCONT)
        assert ours.recv() == set(), "to go on is no news"
    process.join()
    process.close()
