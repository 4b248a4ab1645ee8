"""Certificates of a test's own authority, in the files that Kafka's two sides read."""

from pathlib import Path

import trustme
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)


class Certificates:
    """An authority in `directory`, what it signed for the server at 127.0.0.1 and for a client, and a stranger.

    The server's certificate does not name `localhost`, so that name leads to the same server under a wrong name.
    """

    def __init__(self, directory: Path) -> None:
        directory.mkdir()
        self.authority = directory / "authority.pem"
        self.stranger = directory / "stranger.pem"
        self.server = directory / "server.pem"
        self.client = directory / "client.pem"
        authority = trustme.CA()
        authority.cert_pem.write_to_path(self.authority)
        trustme.CA().cert_pem.write_to_path(self.stranger)
        for file, name in ((self.server, "127.0.0.1"), (self.client, "safar")):
            signed = authority.issue_cert(name, common_name=name)
            chain = [certificate.bytes() for certificate in signed.cert_chain_pems]
            file.write_bytes(b"".join([_pkcs8(signed.private_key_pem.bytes()), *chain]))


def _pkcs8(key: bytes) -> bytes:
    """The one form of a private key that Kafka reads from PEM."""
    return load_pem_private_key(key, None).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
