"""Keys for a cell's enclaves, as sros2 lays them into a keystore: for trials, not for a site."""

from __future__ import annotations

import shutil
from datetime import datetime, timedelta, timezone
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, pkcs7
from cryptography.x509.oid import NameOID

VALID = timedelta(days=1)


class Authority:
    """A certificate authority that lives as long as the trial."""

    def __init__(self, name: str) -> None:
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = _named(name)
        self._certificate = self._certify(self._name, self._key, authority=True)
        self.pem = self._certificate.public_bytes(Encoding.PEM)

    def identity(self, name: str) -> tuple[bytes, bytes]:
        """Certificate and private key, PEM, of somebody."""
        key = ec.generate_private_key(ec.SECP256R1())
        private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        return self._certify(_named(name), key, authority=False).public_bytes(Encoding.PEM), private

    def signed(self, document: bytes) -> bytes:
        """A document with its signature, S/MIME as DDS Security wants it."""
        builder = pkcs7.PKCS7SignatureBuilder().set_data(document)
        signer = builder.add_signer(self._certificate, self._key, hashes.SHA256())
        return signer.sign(Encoding.SMIME, [pkcs7.PKCS7Options.Text, pkcs7.PKCS7Options.DetachedSignature])

    def _certify(self, subject: x509.Name, key: ec.EllipticCurvePrivateKey, authority: bool) -> x509.Certificate:
        now = datetime.now(timezone.utc)
        builder = x509.CertificateBuilder(self._name, subject, key.public_key(), x509.random_serial_number())
        builder = builder.not_valid_before(now - VALID).not_valid_after(now + VALID)
        builder = builder.add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
        return builder.sign(self._key, hashes.SHA256())


def make_keystore(policies: Path, keystore: Path) -> None:
    """Sign what `microcell security` wrote and lay it with keys into a keystore, each enclave where ROS 2 looks for it."""
    authority = Authority("trial")
    governance = authority.signed((policies / "governance.xml").read_bytes())
    for permissions in sorted((policies / "enclaves").rglob("permissions.xml")):
        enclave = permissions.parent.relative_to(policies / "enclaves")
        certificate, key = authority.identity(f"/{enclave}")
        folder = keystore / "enclaves" / enclave
        folder.mkdir(parents=True)
        (folder / "identity_ca.cert.pem").write_bytes(authority.pem)
        (folder / "permissions_ca.cert.pem").write_bytes(authority.pem)
        (folder / "governance.p7s").write_bytes(governance)
        (folder / "permissions.p7s").write_bytes(authority.signed(permissions.read_bytes()))
        (folder / "cert.pem").write_bytes(certificate)
        (folder / "key.pem").write_bytes(key)


def forge(keystore: Path, who: str, rights_of: str, name: str) -> None:
    """An enclave of this name with one's keys and another's signed rights."""
    enclaves = keystore / "enclaves"
    shutil.copytree(enclaves / who, enclaves / name)
    shutil.copy(enclaves / rights_of / "permissions.p7s", enclaves / name)


def _named(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
