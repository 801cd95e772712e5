"""What the operator's key may sign, wherever it is kept, and the proof that it did (reliability.md B6, F55).

The key is asked through one narrow seam; everything around it is here: only a batch of the configured domain, a call of
an allowed function of the configured contract, or the no-op that frees a nonce; value is always 0; and what comes back
must recover to the configured address before anybody stores or sends it.
"""

from collections.abc import Callable, Collection
from typing import Protocol

from keeper.chain.ecdsa import BadSignature, EcdsaSignature, checked, recover
from keeper.chain.transactions import encode, signature_of, signing_hash
from keeper.errors import Refused
from keeper.maths.eip712 import batch_digest
from keeper.maths.keccak import keccak
from keeper.records.outcome import TxFields
from keeper.records.report import Batch, Signature
from keeper.records.units import Address


class Key(Protocol):
    """Where a key is kept: this process, a remote signer, a key service. It is not believed, only asked."""

    @property
    def address(self) -> Address:
        """Its account."""

    def sign_batch(self, batch: Batch, chain_id: int, contract: Address) -> EcdsaSignature:
        """Sign an EIP-712 batch.

        Raises
        ------
        RetryLater
            No answer, or none that can be read.
        BadSignature
            The answer is no signature.
        """

    def sign_transaction(self, fields: TxFields) -> bytes:
        """Signed bytes of a type-2 transaction; raises likewise."""


class DigestKey:
    """A key that signs 32 bytes: one in this process, or a key service."""

    def __init__(self, address: Address, sign: Callable[[bytes], EcdsaSignature]) -> None:
        self.address = address
        self._sign = sign

    def __repr__(self) -> str:
        return f"DigestKey({self.address})"

    def sign_batch(self, batch: Batch, chain_id: int, contract: Address) -> EcdsaSignature:
        """Sign the digest of a batch."""
        return self._sign(batch_digest(batch, chain_id, contract))

    def sign_transaction(self, fields: TxFields) -> bytes:
        """Sign a transaction's hash and put it together."""
        return encode(fields, self._sign(signing_hash(fields)))


class KeySigner:
    """``records.ports.Signer``: the guard in front of a key.

    Parameters
    ----------
    key
        Who signs.
    chain_id, contract
        The domain of batches, and the only destination besides the key itself.
    selectors
        The only functions that are ever called, 4 bytes each.
    """

    def __init__(self, key: Key, chain_id: int, contract: Address, selectors: Collection[bytes]) -> None:
        self._key = key
        self._domain = (chain_id, contract)
        self._selectors = frozenset(selectors)
        self.address = key.address

    def __repr__(self) -> str:
        return f"KeySigner({self.address})"

    def sign_batch(self, batch: Batch, chain_id: int, contract: Address) -> Signature:
        """Sign a batch of the configured domain.

        Raises
        ------
        Refused
            Another domain, or the signature is another key's.
        RetryLater
            The key is kept elsewhere, and does not answer.
        """
        if (chain_id, contract) != self._domain:
            raise Refused(f"the key signs no batch of {contract} on chain {chain_id}")
        try:
            signature = checked(self._key.sign_batch(batch, chain_id, contract))
            self._require_own(batch_digest(batch, chain_id, contract), signature)
        except BadSignature as fault:
            raise self._distrusted(fault) from None
        return Signature(self.address, signature.packed())

    def sign_transaction(self, fields: TxFields) -> tuple[bytes, bytes]:
        """(raw bytes, hash) of a signed transaction.

        Raises
        ------
        Refused
            Destination or function is not on the list, or the signature is another key's.
        RetryLater
            The key is kept elsewhere, and does not answer.
        """
        chain_id, contract = self._domain
        frees_a_nonce = fields.to == self.address and not fields.data
        calls_us = fields.to == contract and fields.data[:4] in self._selectors
        if fields.chain_id != chain_id or not (frees_a_nonce or calls_us):
            what = f"call of 0x{fields.data[:4].hex()} to {fields.to} on chain {fields.chain_id}"
            raise Refused(f"the key signs no {what}")
        try:
            raw = self._key.sign_transaction(fields)
            self._require_own(signing_hash(fields), signature_of(raw, fields))
        except BadSignature as fault:
            raise self._distrusted(fault) from None
        return raw, keccak(raw)

    def _require_own(self, digest: bytes, signature: EcdsaSignature) -> None:
        signer = recover(digest, signature)
        if signer != self.address:
            raise BadSignature(f"it is signed by {signer}")

    def _distrusted(self, fault: BadSignature) -> Refused:
        remedy = "nothing was sent; look at the signer and its configuration"
        return Refused(f"the answer of the key {self.address} is not used: {fault}", remedy)
