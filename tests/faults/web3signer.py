"""What Web3Signer answers for one Ethereum account, hashed and signed by a library that is not ours.

Its JSON-RPC as its sources have it: ``eth_signTypedData`` takes the address and the document as text,
``eth_signTransaction`` one object; quantities are hex; the chain id of transactions is its own option.
"""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from eth_account import Account
from eth_account.messages import encode_typed_data
from eth_utils import to_checksum_address

QUANTITIES = ("gas", "maxFeePerGas", "maxPriorityFeePerGas", "nonce", "value")


class Web3Signer:
    """One account behind HTTP.

    Parameters
    ----------
    key
        Its private key.
    chain_id
        Its ``--chain-id``.
    """

    def __init__(self, key: bytes, chain_id: int) -> None:
        self.account = Account.from_key(key)
        self.chain_id = chain_id
        self.asked: list[str] = []
        """Methods, in the order of arrival."""
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def close(self) -> None:
        """Stop."""
        self._server.shutdown()
        self._server.server_close()

    def answer(self, method: str, params: list[Any]) -> Any:
        """Result of one call."""
        self.asked.append(method)
        if method == "eth_accounts":
            return [self.account.address]
        if method == "eth_signTypedData":
            address, document = params
            self._require(address)
            message = encode_typed_data(full_message=json.loads(document))
            return "0x" + self.account.sign_message(message).signature.hex()
        (asked,) = params
        self._require(asked["from"])
        fields = {name: int(asked[name], 16) for name in QUANTITIES}
        fields |= {"to": to_checksum_address(asked["to"]), "data": asked["data"], "chainId": self.chain_id, "type": 2}
        return "0x" + self.account.sign_transaction(fields).raw_transaction.hex()

    def _require(self, address: str) -> None:
        if address.lower() != self.account.address.lower():
            raise LookupError("Signing from is not an unlocked account")


def _handler(signer: Web3Signer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            reply: dict[str, Any] = {"jsonrpc": "2.0", "id": request["id"]}
            try:
                reply["result"] = signer.answer(request["method"], request["params"])
            except LookupError as error:
                reply["error"] = {"code": -32000, "message": str(error)}
            body = json.dumps(reply).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_arguments: object) -> None:
            pass

    return Handler
