"""A private certificate authority for demos, tests and LAN parties: elliptic keys, made in milliseconds.

A public feed needs a certificate that all systems trust. This one is trusted only by clients that are given its
``ca.pem`` (``--ca FILE``), request by request. It is never installed in a system.
"""

import datetime
import ipaddress
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from patcher import disk

_CA_LIFE = datetime.timedelta(days=3650)
_HOST_LIFE = datetime.timedelta(days=365)
_CLOCK_SLACK = datetime.timedelta(days=1)

_UNUSED = dict.fromkeys(
    ("content_commitment", "key_encipherment", "data_encipherment", "key_agreement", "encipher_only", "decipher_only"),
    False,
)
"""Key usages that neither an authority nor a server has."""


class Authority:
    """A certificate authority that lives in a folder. It is made on first use, so that clients can keep its ``ca.pem``.

    ``ca_file`` holds its certificate (PEM), for clients to trust, and ``ca_key`` its secret key (PEM, mode 0600).
    Raises DiskError.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.ca_file, self.ca_key = folder / "ca.pem", folder / "ca.key"
        if not self.ca_file.exists():
            disk.make_folder(folder)
            key = ec.generate_private_key(ec.SECP256R1())
            _write(folder, "ca", _signed("Shoal private authority", key, None, key), key)

    def issue(self, *names: str) -> tuple[Path, Path]:
        """A certificate for a server that answers to ``names`` (host names or IP addresses): (certificate, key) files.

        Issuing for the same first name again replaces the pair. Raises DiskError.
        """
        ca = x509.load_pem_x509_certificate(self.ca_file.read_bytes())
        ca_key = serialization.load_pem_private_key(self.ca_key.read_bytes(), None)
        assert isinstance(ca_key, ec.EllipticCurvePrivateKey)
        key = ec.generate_private_key(ec.SECP256R1())
        certificate = _signed(
            names[0],
            key,
            ca.subject,
            ca_key,
            x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]),
            x509.SubjectAlternativeName([_general_name(name) for name in names]),
            x509.AuthorityKeyIdentifier.from_issuer_public_key(ca_key.public_key()),
        )
        return _write(self._folder, f"host-{names[0].replace(':', '-')}", certificate, key)


def _signed(
    name: str,
    key: ec.EllipticCurvePrivateKey,
    issuer: x509.Name | None,
    issuer_key: ec.EllipticCurvePrivateKey,
    *extensions: x509.ExtensionType,
) -> x509.Certificate:
    """A certificate of a server; without an issuer, of an authority."""
    is_authority = issuer is None
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.datetime.now(datetime.UTC)
    usage = x509.KeyUsage(
        digital_signature=not is_authority, key_cert_sign=is_authority, crl_sign=is_authority, **_UNUSED
    )
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer or subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _CLOCK_SLACK)
        .not_valid_after(now + (_CA_LIFE if is_authority else _HOST_LIFE))
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.BasicConstraints(ca=is_authority, path_length=0 if is_authority else None), critical=True)
        .add_extension(usage, critical=True)
    )
    for extension in extensions:
        builder = builder.add_extension(extension, critical=False)
    return builder.sign(issuer_key, hashes.SHA256())


def _general_name(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _write(
    folder: Path, stem: str, certificate: x509.Certificate, key: ec.EllipticCurvePrivateKey
) -> tuple[Path, Path]:  # fmt: skip
    certificate_file, key_file = folder / f"{stem}.pem", folder / f"{stem}.key"
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    disk.write_atomic(key_file, pem, mode=0o600)
    disk.write_atomic(certificate_file, certificate.public_bytes(serialization.Encoding.PEM))
    return certificate_file, key_file
