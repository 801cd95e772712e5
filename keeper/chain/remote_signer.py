"""A key in Web3Signer, or in anything that speaks its JSON-RPC for Ethereum accounts.

Batches go as typed data (``eth_signTypedData``), not as bytes to its REST endpoint: that one signs the keccak of
whatever it is given, so it, its log and its policy would see 66 bytes that could be anything, and it is addressed by
public key, where we know an address. The chain of transactions is Web3Signer's own option (``--chain-id``); the guard
compares the bytes that come back with the ones that were asked for.
"""

import json

from keeper.chain.ecdsa import BadSignature, EcdsaSignature, unpack
from keeper.chain.rpc import Reverted, Rpc, RpcError, masked
from keeper.maths.eip712 import typed_data
from keeper.records.outcome import TxFields
from keeper.records.report import Batch
from keeper.records.units import Address

DEADLINE_SECONDS = 5.0
"""For one signature: a cycle must not hang on it."""
MAX_REPLY_BYTES = 1 << 20
"""The longest answer repeats the calldata of a publish in hex."""


class RemoteKey:
    """A key behind a URL. The URL is a secret: who may call it may sign.

    Parameters
    ----------
    url
        Of the JSON-RPC endpoint; shown by its host alone.
    address
        Whose signatures are wanted; anything else is refused.
    """

    def __init__(self, url: str, address: Address, deadline_seconds: float = DEADLINE_SECONDS) -> None:
        self.address = address
        self._url, self._deadline = url, deadline_seconds
        self._label = f"remote signer {masked(url)}"

    def __repr__(self) -> str:
        return f"RemoteKey({self.address})"

    def accounts(self) -> list[Address]:
        """Whose keys it holds.

        Raises
        ------
        RetryLater
            It does not answer.
        """
        answer = self._ask("eth_accounts", [])
        if not isinstance(answer, list):
            raise RpcError(f"{self._label} answered eth_accounts with no list")
        return [Address(str(row).lower()) for row in answer]

    def sign_batch(self, batch: Batch, chain_id: int, contract: Address) -> EcdsaSignature:
        """Show it the typed data; it hashes and signs."""
        # As text: Web3Signer reads a list of strings.
        document = json.dumps(typed_data(batch, chain_id, contract), separators=(",", ":"))
        return unpack(_bytes(self._ask("eth_signTypedData", [self.address, document])))

    def sign_transaction(self, fields: TxFields) -> bytes:
        """Have a type-2 transaction signed, value 0."""
        asked = {
            "from": self.address,
            "to": fields.to,
            "gas": hex(fields.gas),
            "maxFeePerGas": hex(fields.max_fee_wei),
            "maxPriorityFeePerGas": hex(fields.tip_wei),
            "nonce": hex(fields.nonce),
            "value": "0x0",
            "data": "0x" + fields.data.hex(),
            "chainId": hex(fields.chain_id),
        }
        return _bytes(self._ask("eth_signTransaction", [asked]))

    def _ask(self, method: str, params: list[object]) -> object:
        # A connection a signature: there are few, and nobody has to close a key.
        with Rpc("signer", self._url, self._deadline, MAX_REPLY_BYTES) as rpc:
            rpc.label = self._label
            try:
                return rpc.call(method, params)
            except Reverted as error:
                # A signer executes nothing: it only used the word.
                raise RpcError(f"{self._label}: {error.message}") from None


def _bytes(answer: object) -> bytes:
    if not isinstance(answer, str) or not answer.startswith("0x"):
        raise BadSignature("it is no hex text")
    try:
        return bytes.fromhex(answer[2:])
    except ValueError:
        raise BadSignature("it is no hex text") from None
