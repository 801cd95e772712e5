"""A small JSON-RPC client for local chains: deploy, call, send from unlocked accounts, mine, move time.

For tests and the demo only: it trusts its node. The keeper's own client is ``keeper/chain/rpc.py``.
"""

import http.client
import json
import weakref
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from eth_abi.abi import decode, encode

from keeper.chain.artifacts import Artifact
from keeper.errors import Refused, RetryLater
from keeper.maths.keccak import keccak
from keeper.records.units import Address, BlockRef

MAX_FEE_WEI = 10**11
"""100 gwei: far above the base fee that big set-up blocks leave behind."""
DEFAULT_GAS = 3_000_000
TIMEOUT_SECONDS = 60


@dataclass(frozen=True, slots=True)
class Tx:
    """A transaction of an unlocked account."""

    sender: Address
    to: Address | None
    """None = create a contract."""
    data: bytes
    gas: int = DEFAULT_GAS
    value: int = 0


class DevChain:
    """One local node. Mines on request unless the node mines by itself."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=TIMEOUT_SECONDS)
        # Tests make clients freely; the socket goes with the client and nobody has to remember to close it.
        weakref.finalize(self, self._connection.close)
        self.accounts = tuple(Address(account.lower()) for account in self.rpc("eth_accounts"))
        self.chain_id = int(self.rpc("eth_chainId"), 16)

    def rpc(self, method: str, *params: object) -> Any:
        """One request's result.

        Raises
        ------
        Refused
            The node answered with an error; its revert data are in the message.
        """
        return self.batch([(method, params)])[0]

    def batch(self, calls: Sequence[tuple[str, Sequence[object]]]) -> list[Any]:
        """Results of many requests in one round trip. The node may run them in any order."""
        body = [
            {"jsonrpc": "2.0", "id": i, "method": method, "params": list(params)}
            for i, (method, params) in enumerate(calls)
        ]
        answers = {answer["id"]: answer for answer in self._post(json.dumps(body))}
        results = []
        for i, (method, _) in enumerate(calls):
            answer = answers.get(i) or {"error": {"message": "no answer"}}
            if "error" in answer:
                error = answer["error"]
                raise Refused(f"{method}: {error.get('message')} {error.get('data') or ''}".strip())
            results.append(answer["result"])
        return results

    def _post(self, body: str) -> Any:
        try:
            self._connection.request("POST", "/", body, {"content-type": "application/json"})
            answer = json.loads(self._connection.getresponse().read())
        except (OSError, http.client.HTTPException) as error:
            self._connection.close()
            raise RetryLater(f"local chain at {self.url}: {error!r}") from error
        return answer if isinstance(answer, list) else [answer]

    def call(self, to: Address, signature: str, *args: object, returns: str = "", block: str = "latest") -> Any:
        """Decoded answer of a view function: the value itself when there is one, else a tuple."""
        data = self.rpc("eth_call", {"to": to, "data": hex_of(calldata(signature, *args))}, block)
        return decoded(returns, bytes.fromhex(data[2:]))

    def send(self, transactions: Sequence[Tx]) -> list[str]:
        """Put transactions into the pool in this order (per sender); returns their hashes."""
        senders = sorted({tx.sender for tx in transactions})
        counts = self.batch([("eth_getTransactionCount", (sender, "pending")) for sender in senders])
        nonces = {sender: int(count, 16) for sender, count in zip(senders, counts, strict=True)}
        calls: list[tuple[str, Sequence[object]]] = []
        for tx in transactions:
            calls.append(("eth_sendTransaction", (_fields(tx, nonces[tx.sender]),)))
            nonces[tx.sender] += 1
        return [str(result) for result in self.batch(calls)] if calls else []

    def run(self, transactions: Sequence[Tx], *, mine: bool = True) -> list[dict[str, Any]]:
        """Send, mine one block (unless the node mines by itself) and return the receipts.

        Raises
        ------
        Refused
            When one of them failed on chain or did not fit into the block.
        """
        hashes = self.send(transactions)
        if mine:
            self.mine()
        receipts = self.batch([("eth_getTransactionReceipt", (tx_hash,)) for tx_hash in hashes])
        for tx, receipt in zip(transactions, receipts, strict=True):
            if receipt is None or receipt["status"] != "0x1":
                state = "was not mined" if receipt is None else "reverted"
                raise Refused(f"transaction to {tx.to} {state}: {tx.data[:4].hex()}", "see the trace of its eth_call")
        return receipts

    def transact(
        self, sender: Address, to: Address, signature: str, *args: object, gas: int = DEFAULT_GAS
    ) -> dict[str, Any]:
        """One call as a transaction, mined; its receipt."""
        return self.run([Tx(sender, to, calldata(signature, *args), gas)])[0]

    def deploy(
        self, artifact: Artifact, *args: object, sender: Address | None = None, gas: int = 12_000_000
    ) -> Address:
        """Create a contract; its address."""
        return self.deploy_all([(artifact, args)], sender or self.accounts[0], gas)[0]

    def deploy_all(
        self, contracts: Sequence[tuple[Artifact, Sequence[object]]], sender: Address, gas: int = 12_000_000
    ) -> list[Address]:
        """Create several contracts in one block, in this order."""
        receipts = self.run([Tx(sender, None, creation(artifact, *args), gas) for artifact, args in contracts])
        return [Address(receipt["contractAddress"].lower()) for receipt in receipts]

    def mine(self, blocks: int = 1) -> None:
        """Mine; each block lies the node's timestamp interval after the one before."""
        self.rpc("anvil_mine", hex(blocks))

    def wait(self, seconds: int) -> None:
        """Mine one block that lies this long after its parent."""
        self.rpc("evm_setNextBlockTimestamp", self.block().timestamp + seconds)
        self.mine()

    def set_interval(self, seconds: int) -> None:
        """Give every later block a time ``seconds`` after its parent's, whatever the wall clock says."""
        self.rpc("anvil_setBlockTimestampInterval", seconds)

    def fund(self, account: Address, wei: int) -> None:
        """Set an account's balance."""
        self.rpc("anvil_setBalance", account, hex(wei))

    def block(self, number: int | str = "latest") -> BlockRef:
        """Header by number or tag."""
        header = self.rpc("eth_getBlockByNumber", number if isinstance(number, str) else hex(number), False)
        return BlockRef(
            int(header["number"], 16),
            bytes.fromhex(header["hash"][2:]),
            int(header["timestamp"], 16),
            bytes.fromhex(header["parentHash"][2:]),
        )

    def logs(self, address: Address, first_block: int = 0) -> list[dict[str, Any]]:
        """Events of one contract from a block to the head."""
        query = {"address": address, "fromBlock": hex(first_block), "toBlock": "latest"}
        return list(self.rpc("eth_getLogs", query))


def calldata(signature: str, *args: object) -> bytes:
    """Selector and ABI-encoded arguments of ``name(type,...)``."""
    return keccak(signature.encode())[:4] + encode(_types(signature[signature.index("(") :]), args)


def creation(artifact: Artifact, *args: object) -> bytes:
    """Creation code followed by ABI-encoded constructor arguments."""
    types = [_type(item) for entry in artifact.abi if entry["type"] == "constructor" for item in entry["inputs"]]
    return artifact.bytecode + encode(types, args)


def _type(item: Mapping[str, Any]) -> str:
    """ABI type of an argument, a struct's fields written out."""
    parts = ",".join(_type(part) for part in item.get("components", ()))
    return str(item["type"]).replace("tuple", f"({parts})")


def decoded(returns: str, data: bytes) -> Any:
    """ABI-decode ``(type,...)``; a single value comes alone."""
    values = decode(_types(returns), data) if returns else ()
    return values[0] if len(values) == 1 else values


def hex_of(data: bytes) -> str:
    """0x and the bytes in hex."""
    return "0x" + data.hex()


def _types(tuple_type: str) -> list[str]:
    """Split ``(a,(b,c)[],d)`` at its own commas."""
    inner, parts, depth, start = tuple_type[1:-1], [], 0, 0
    for i, letter in enumerate(inner):
        depth += (letter == "(") - (letter == ")")
        if letter == "," and depth == 0:
            parts.append(inner[start:i])
            start = i + 1
    return [*parts, inner[start:]] if inner else []


def _fields(tx: Tx, nonce: int) -> dict[str, str]:
    fields = {
        "from": tx.sender,
        "data": hex_of(tx.data),
        "gas": hex(tx.gas),
        "value": hex(tx.value),
        "nonce": hex(nonce),
        "maxFeePerGas": hex(MAX_FEE_WEI),
        "maxPriorityFeePerGas": "0x1",
    }
    return fields if tx.to is None else {**fields, "to": tx.to}
