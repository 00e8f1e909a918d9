"""An authority of the tests, which issues certificates."""

import ssl
import subprocess
from pathlib import Path


class Authority:
    """Issues certificates into a folder, by the openssl command line."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.certificate = folder / "authority.pem"
        self._key = folder / "authority.key"
        subject = ["-subj", "/CN=Authority of the tests", "-addext", "keyUsage=critical,keyCertSign"]
        self._openssl("req", "-x509", "-days", "2", *self._new_key(self._key), *subject, "-out", str(self.certificate))

    def issue(self, host: str, *days: str) -> ssl.SSLContext:
        """A server with a certificate for `host`; `days` are openssl's options for its validity."""
        key, request, certificate = (self.folder / f"server.{kind}" for kind in ("key", "csr", "pem"))
        extensions = self.folder / "extensions"
        extensions.write_text(f"subjectAltName=DNS:{host}\n")
        self._openssl("req", *self._new_key(key), "-subj", f"/CN={host}", "-out", str(request))
        issuer = ["-CA", str(self.certificate), "-CAkey", str(self._key), "-CAcreateserial"]
        purpose = ["-extfile", str(extensions), "-out", str(certificate)]
        self._openssl("x509", "-req", "-in", str(request), *issuer, *purpose, *days)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
        return context

    @staticmethod
    def _new_key(path: Path) -> list[str]:
        return ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", str(path)]

    @staticmethod
    def _openssl(*arguments: str) -> None:
        subprocess.run(["openssl", *arguments], check=True, capture_output=True, timeout=30)
