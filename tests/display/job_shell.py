"""A shell with job control in miniature: runs one display as a background job of the terminal of its argument.

Run as `python -m tests.display.job_shell TERMINAL` in a session of its own. Prints what happens: `asked` when the job
has asked for a picture, `stopped` when it was stopped by Ctrl+Z. The command `fg` on standard input lets it go on in
the foreground; the end of standard input ends both.
"""

import os
import signal
import subprocess
import sys
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from threading import Thread
from typing import TextIO

from display import app
from shared.settings import DisplaySettings, LogSettings
from shared.wire import Request, decode_request, encode
from tests.display.programs import take_environment
from tests.display.samples import market, usual_connections, usual_quotes

JOB = "job"


def run_shell(terminal_path: str) -> None:
    # The first terminal that a session leader opens becomes the one of the session.
    terminal = os.open(terminal_path, os.O_RDWR)
    signal.signal(signal.SIGTTOU, signal.SIG_IGN)
    job = subprocess.Popen([sys.executable, "-m", __spec__.name, terminal_path, JOB], process_group=0)
    for command in sys.stdin:
        assert command.strip() == "fg"
        os.tcsetpgrp(terminal, job.pid)
        os.kill(job.pid, signal.SIGCONT)
        _, status = os.waitpid(job.pid, os.WUNTRACED)
        os.tcsetpgrp(terminal, os.getpgrp())
        print("stopped" if os.WIFSTOPPED(status) else "ended", flush=True)
    job.kill()


def run_job(terminal_path: str) -> None:
    ours, theirs = Pipe()
    # The display makes the terminal its standard output.
    events = os.fdopen(os.dup(1), "w", buffering=1)
    Thread(target=answer, args=(ours, events), daemon=True).start()
    take_environment({})
    app.main(theirs, DisplaySettings(mode="screen", refresh_s=0.1), terminal_path, LogSettings())


def answer(connection: Connection, events: TextIO) -> None:
    shown = market(usual_quotes(), usual_connections())
    while True:
        if decode_request(connection.recv_bytes()) is Request.NEXT:
            print("asked", file=events)
            connection.send_bytes(encode(shown.picture(-1)))


if __name__ == "__main__":
    if sys.argv[2:] == [JOB]:
        run_job(sys.argv[1])
    else:
        run_shell(sys.argv[1])
