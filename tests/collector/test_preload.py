"""What workers share instead of doing it each."""

import subprocess
import sys
from pathlib import Path

CHECKOUT = Path(__file__).parents[2]
SCRIPT = """
import sys
import collector.preload
from collector.dialing import tls_context
assert "collector.worker" in sys.modules
assert tls_context.cache_info().currsize == 1
"""


def test_a_worker_finds_its_modules_and_the_authorities_of_the_system_loaded() -> None:
    assert subprocess.run([sys.executable, "-c", SCRIPT], cwd=CHECKOUT).returncode == 0
