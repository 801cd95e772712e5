"""The seam for keys that never leave a key service (AWS, Google, Azure, an HSM): it signs 32 bytes, we do the rest.

Services answer r and s in ASN.1 DER, with s in either half and no hint whose key it is. No service's library is a
dependency: whoever has one writes the ten lines of :class:`Kms` and gives it to :func:`kms_key`.
"""

from typing import Protocol

from keeper.chain.ecdsa import EcdsaSignature, from_der, normalised
from keeper.chain.signer import DigestKey
from keeper.records.units import Address


class Kms(Protocol):
    """A key service, with one secp256k1 key chosen (AWS: ``ECC_SECG_P256K1``, ``ECDSA_SHA_256``, type ``DIGEST``)."""

    def sign_digest(self, digest: bytes) -> bytes:
        """ASN.1 DER over exactly these 32 bytes, not hashed again.

        Raises
        ------
        RetryLater
            The service does not answer; the adapter maps its library's exceptions.
        """


def kms_key(service: Kms, address: Address) -> DigestKey:
    """A key service as a key of ours, for the guard ``chain.signer.KeySigner``."""

    def sign(digest: bytes) -> EcdsaSignature:
        return normalised(digest, *from_der(service.sign_digest(digest)), address)

    return DigestKey(address, sign)
