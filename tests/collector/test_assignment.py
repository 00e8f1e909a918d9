"""A worker's libraries are loaded in its own process, and nowhere else."""

import subprocess
import sys
from pathlib import Path

CHECKOUT = Path(__file__).parents[2]


def test_the_supervisor_does_not_load_what_only_a_worker_uses() -> None:
    code = "import sys, collector.supervisor; print({'stomp', 'websocket', 'collector.worker'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], cwd=CHECKOUT, capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"


def test_the_built_in_exchange_is_loaded_only_where_it_runs() -> None:
    code = "import sys, run, display.app, collector.supervisor; print({'websockets', 'simulator'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], cwd=CHECKOUT, capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"
