from signal import Signals

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
