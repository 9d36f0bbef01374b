"""Certificates of clusters with keys on an elliptic curve.

dask-gateway makes an RSA key for each cluster, on the loop that answers everybody: 20 to 180 ms, at random. A key on
P-256 takes less than one, is no weaker, and a handshake with it is faster.
"""

from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

VALID_FOR = timedelta(days=365)
INTERNAL = "dask-internal"


def new_keypair(sni: str) -> tuple[bytes, bytes]:
    """A certificate of its own for the cluster that TLS calls `sni`, and its key; both PEM."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, INTERNAL)])
    names = x509.SubjectAlternativeName([x509.DNSName(sni), x509.DNSName(INTERNAL)])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number(), now, now + VALID_FOR)
        .add_extension(names, critical=False)
        .sign(key, hashes.SHA256())
    )
    secret = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return certificate.public_bytes(serialization.Encoding.PEM), secret
