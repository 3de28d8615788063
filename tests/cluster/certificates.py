"""A certificate authority of the tests, and a server's certificate for ``localhost``, as PEM files."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID


def make(folder: Path) -> tuple[Path, Path]:
    """``ca.pem`` and ``server.pem`` (key and certificate)."""
    folder.mkdir(parents=True, exist_ok=True)
    authority_key, authority = _authority()
    key = ec.generate_private_key(ec.SECP256R1())
    builder = _builder("localhost", authority.subject, key)
    names = x509.SubjectAlternativeName([x509.DNSName("localhost")])
    certificate = builder.add_extension(names, critical=False).sign(authority_key, hashes.SHA256())
    ca, server = folder / "ca.pem", folder / "server.pem"
    ca.write_bytes(authority.public_bytes(serialization.Encoding.PEM))
    pem = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    server.write_bytes(key.private_bytes(*pem) + certificate.public_bytes(serialization.Encoding.PEM))
    return ca, server


def _authority() -> tuple[ec.EllipticCurvePrivateKey, x509.Certificate]:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "An authority of the tests")])
    builder = _builder("An authority of the tests", name, key)
    basic = x509.BasicConstraints(ca=True, path_length=0)
    return key, builder.add_extension(basic, critical=True).sign(key, hashes.SHA256())


def _builder(subject: str, issuer: x509.Name, key: ec.EllipticCurvePrivateKey) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, subject)]))
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(minutes=5))
        .not_valid_after(now + timedelta(days=1))
    )
