"""A private certificate authority for demos, tests and LAN parties: elliptic keys, made in milliseconds.

A public feed needs a certificate that all systems trust. This one is trusted only by clients that are given its
``ca.pem`` (``--ca FILE``), request by request. It is never installed in a system.
"""

import datetime
import ipaddress
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from patcher import disk

_CA_LIFE = datetime.timedelta(days=3650)
_HOST_LIFE = datetime.timedelta(days=365)
_CLOCK_SLACK = datetime.timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Authority:
    """A certificate authority that lives in a folder."""

    folder: Path

    @property
    def ca_file(self) -> Path:
        """The authority's own certificate (PEM), for clients to trust."""
        return self.folder / "ca.pem"

    @property
    def ca_key(self) -> Path:
        """The authority's secret key (PEM, mode 0600)."""
        return self.folder / "ca.key"

    def issue(self, *names: str) -> tuple[Path, Path]:
        """A certificate for a server that answers to ``names`` (host names or IP addresses): (certificate, key) files.

        Issuing for the same first name again replaces the pair. Raises DiskError.
        """
        ca = x509.load_pem_x509_certificate(self.ca_file.read_bytes())
        ca_key = serialization.load_pem_private_key(self.ca_key.read_bytes(), None)
        assert isinstance(ca_key, ec.EllipticCurvePrivateKey)
        key = ec.generate_private_key(ec.SECP256R1())
        certificate = (
            _builder(names[0], ca.subject, key, _HOST_LIFE)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_usage(sign_certificates=False), critical=True)
            .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
            .add_extension(x509.SubjectAlternativeName([_general_name(name) for name in names]), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(ca_key.public_key()), critical=False)
            .sign(ca_key, hashes.SHA256())
        )
        stem = names[0].replace(":", "-")
        certificate_file, key_file = self.folder / f"{stem}.pem", self.folder / f"{stem}.key"
        _write_key(key_file, key)
        disk.write_atomic(certificate_file, certificate.public_bytes(serialization.Encoding.PEM))
        return certificate_file, key_file


def make_authority(folder: Path) -> Authority:
    """The authority of ``folder``, made on first use, so that clients keep the ``ca.pem`` they were handed.

    Raises DiskError.
    """
    authority = Authority(folder)
    if authority.ca_file.exists():
        return authority
    disk.make_folder(folder)
    key = ec.generate_private_key(ec.SECP256R1())
    certificate = (
        _builder("Shoal private authority", None, key, _CA_LIFE)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(sign_certificates=True), critical=True)
        .sign(key, hashes.SHA256())
    )
    _write_key(authority.ca_key, key)
    disk.write_atomic(authority.ca_file, certificate.public_bytes(serialization.Encoding.PEM))
    return authority


def _builder(
    name: str, issuer: x509.Name | None, key: ec.EllipticCurvePrivateKey, life: datetime.timedelta
) -> x509.CertificateBuilder:
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.datetime.now(datetime.UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer or subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _CLOCK_SLACK)
        .not_valid_after(now + life)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )


def _usage(sign_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not sign_certificates,
        key_cert_sign=sign_certificates,
        crl_sign=sign_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _general_name(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _write_key(path: Path, key: ec.EllipticCurvePrivateKey) -> None:
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    disk.write_atomic(path, pem, mode=0o600)
