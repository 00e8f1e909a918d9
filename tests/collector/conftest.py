"""What the tests of the collector share."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from collector import dialing
from tests.collector.authority import Authority


@pytest.fixture
def authority(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Authority]:
    """One that this process trusts, and it alone."""
    if shutil.which("openssl") is None:
        pytest.skip("certificates are made by openssl")
    made = Authority(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(made.certificate))
    monkeypatch.setenv("SSL_CERT_DIR", str(tmp_path / "none"))
    dialing.tls_context.cache_clear()
    yield made
    dialing.tls_context.cache_clear()
