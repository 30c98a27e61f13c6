"""This device's certificate and access key: made at first start, kept in the state directory, files 0600.

The key is 256 random bits. The certificate is self-signed, its only use is to be pinned by its SHA-256 fingerprint.
"""

from __future__ import annotations

import contextlib
import hashlib
import secrets
import ssl
from dataclasses import dataclass, field
from pathlib import Path

from lenswire.device.durable import alone_in, write_whole
from lenswire.errors import IdentityError, MissingDependency

KEY_BYTES = 32
# The certificate is pinned, not checked for its dates: a Pi without a battery clock may start in 1970, and a viewer may
# outlive any date. These are the widest that all of X.509 can write.
NOT_BEFORE, NOT_AFTER = (1970, 1, 1), (9999, 12, 31)
# For programs that cannot pin a fingerprint, but can be given this one certificate to trust: they insist on a name too,
# and a device's own changes with the network.
SERVER_NAME = "lenswire"


@dataclass(frozen=True, slots=True)
class Identity:
    """key: 32 bytes. fingerprint: SHA-256 of the certificate in DER, 32 bytes."""

    key: bytes = field(repr=False)
    fingerprint: bytes
    certificate: Path
    private_key: Path = field(repr=False)

    def tls(self) -> ssl.SSLContext:
        """The context for the device's side: TLS 1.3 and nothing older."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_3
        context.load_cert_chain(self.certificate, self.private_key)
        context.num_tickets = 0  # every viewer shows what it knows, every time
        return context


def load_or_make(directory: Path, name: str) -> Identity:
    """The identity in `directory`, made there if there is none. Raises IdentityError, naming the file.

    What is there but damaged is never replaced: every paired viewer would be locked out without a word. Commands that
    begin at once, such as `serve` and `pair` at the very first start, end with the same.
    """
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        key, certificate, private_key = (directory / file for file in ("key", "certificate.pem", "private-key.pem"))
        with alone_in(directory):
            if not key.exists():
                write_whole(key, secrets.token_hex(KEY_BYTES).encode() + b"\n")
            if not certificate.exists() or not private_key.exists():
                pem, private_pem = _make_certificate(name)
                write_whole(private_key, private_pem)
                write_whole(certificate, pem)
        return Identity(_read_key(key), _read_fingerprint(certificate), certificate, private_key)
    except OSError as error:
        if isinstance(error, IdentityError):
            raise
        raise IdentityError(f"{error.filename or directory}: {(error.strerror or str(error)).lower()}") from None


def _read_key(path: Path) -> bytes:
    text = path.read_text("ascii", errors="replace").strip()
    with contextlib.suppress(ValueError):
        key = bytes.fromhex(text)
        if len(key) == KEY_BYTES:
            return key
    raise IdentityError(
        f"{path}: expected {2 * KEY_BYTES} hexadecimal digits, got {len(text)} characters; restore it, "
        "or delete it to make a new key and pair every viewer again"
    )


def _read_fingerprint(path: Path) -> bytes:
    try:
        return hashlib.sha256(ssl.PEM_cert_to_DER_cert(path.read_text("ascii"))).digest()
    except ValueError as error:
        raise IdentityError(
            f"{path}: not a certificate ({error}); restore it, or delete it to make a new one and "
            "pair every viewer again"
        ) from None


def _make_certificate(name: str) -> tuple[bytes, bytes]:
    try:
        from cryptography import x509
        from cryptography.hazmat.primitives import hashes, serialization
        from cryptography.hazmat.primitives.asymmetric import ec
        from cryptography.x509.oid import NameOID
    except ImportError:
        raise MissingDependency(
            "the device's certificate is made with the package cryptography: pip install 'lenswire[device]'"
        ) from None
    import datetime

    private_key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"lenswire {name}"[:64])])
    names = x509.SubjectAlternativeName([x509.DNSName(SERVER_NAME)])
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(private_key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(datetime.datetime(*NOT_BEFORE, tzinfo=datetime.UTC))
        .not_valid_after(datetime.datetime(*NOT_AFTER, tzinfo=datetime.UTC))
        .add_extension(names, critical=False)
    )
    certificate = builder.sign(private_key, hashes.SHA256())
    return certificate.public_bytes(serialization.Encoding.PEM), private_key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
