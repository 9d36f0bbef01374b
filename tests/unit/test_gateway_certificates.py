"""A cluster's certificate is what both ends of its connections trust, and nothing else is."""

import socket
import ssl
import threading
from pathlib import Path

import pytest

from hub.gateway.certificates import new_keypair

CLUSTER = "0123456789abcdef0123456789abcdef"


def context(purpose: ssl.Purpose, folder: Path, pair: tuple[bytes, bytes]) -> ssl.SSLContext:
    """As Dask makes one: both ends show the cluster's certificate and trust no other."""
    certificate, key = folder / f"{purpose.name}.crt", folder / f"{purpose.name}.pem"
    certificate.write_bytes(pair[0])
    key.write_bytes(pair[1])
    made = ssl.create_default_context(purpose, cafile=str(certificate))
    made.verify_mode, made.check_hostname = ssl.CERT_REQUIRED, False
    made.load_cert_chain(certificate, key)
    return made


def shake_hands(server: ssl.SSLContext, client: ssl.SSLContext) -> dict[str, object]:
    ends = socket.socketpair()
    for end in ends:
        end.settimeout(10)

    def serve() -> None:
        try:
            with server.wrap_socket(ends[0], server_side=True) as secured:
                secured.sendall(b"x")
        except OSError:
            ends[0].close()

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        with client.wrap_socket(ends[1], server_hostname=CLUSTER) as secured:
            secured.recv(1)  # with TLS 1.3 a refusal of the client comes only now
            return dict(secured.getpeercert() or {})
    finally:
        thread.join()


def test_both_ends_of_a_cluster_trust_its_certificate(tmp_path: Path) -> None:
    pair = new_keypair(CLUSTER)
    server, client = (
        context(purpose, tmp_path, pair) for purpose in (ssl.Purpose.CLIENT_AUTH, ssl.Purpose.SERVER_AUTH)
    )
    assert shake_hands(server, client)["subjectAltName"] == (("DNS", CLUSTER), ("DNS", "dask-internal"))


def test_another_cluster_is_not_trusted(tmp_path: Path) -> None:
    server = context(ssl.Purpose.CLIENT_AUTH, tmp_path, new_keypair(CLUSTER))
    client = context(ssl.Purpose.SERVER_AUTH, tmp_path, new_keypair(CLUSTER))
    with pytest.raises(ssl.SSLCertVerificationError):
        shake_hands(server, client)
