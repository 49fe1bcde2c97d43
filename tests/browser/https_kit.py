"""A server behind a real nginx with HTTPS, a certificate of its own and the documented policy."""

import datetime
import os
import re
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.conftest import ROOT
from tests.replicas_kit import NGINX, WHOLE, free_port

SITE = """
map $http_upgrade $connection_upgrade { default upgrade; "" ""; }
server {
    listen 127.0.0.1:PORT ssl;
    ssl_certificate FOLDER/certificate.pem;
    ssl_certificate_key FOLDER/key.pem;
    proxy_http_version 1.1;
    proxy_set_header Host $http_host;
    proxy_set_header X-Forwarded-Proto $scheme;
    proxy_set_header Upgrade $http_upgrade;
    proxy_set_header Connection $connection_upgrade;
    location / {
        proxy_pass http://127.0.0.1:APP;
        add_header Content-Security-Policy "POLICY" always;
    }
}
"""


@contextmanager
def https_proxy(folder: Path, app: int) -> Iterator[str]:
    """Give the HTTPS address of the app on a port; no browser knows who signed its certificate."""
    _write_certificate(folder)
    port, user = free_port(), "user root;" if os.geteuid() == 0 else ""
    site = SITE
    for name, value in (("PORT", port), ("FOLDER", folder), ("APP", app), ("POLICY", policy())):
        site = site.replace(name, str(value))
    file = folder / "nginx.conf"
    file.write_text(WHOLE.format(folder=folder, user=user, site=site))
    nginx = subprocess.Popen(
        [str(NGINX), "-p", str(folder), "-c", str(file), "-e", str(folder / "error.log"),
         "-g", "daemon off;"],
    )  # fmt: skip
    try:
        for _ in range(200):  # until it listens
            with suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
                break
            time.sleep(0.05)
        yield f"https://localhost:{port}"
    finally:
        nginx.terminate()
        nginx.wait(20)


def policy() -> str:
    """Return the Content-Security-Policy that docs/security.md advises."""
    text = (ROOT / "docs" / "security.md").read_text("utf-8")
    (found,) = re.findall(r"```\n(default-src .*?)\n```", text, re.DOTALL)
    return " ".join(found.split())


def _write_certificate(folder: Path) -> None:
    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.datetime.now(datetime.UTC)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    (folder / "certificate.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    (folder / "key.pem").write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
