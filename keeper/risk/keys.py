"""Names that contract and keeper share: the key of a market, the hash of the settings; and of intents."""

from eth_abi.abi import encode

from keeper.maths.keccak import keccak
from keeper.records.settings import MarketSettings, Settings, encode_settings
from keeper.records.units import Address


def market_key(chain_id: int, market: MarketSettings) -> bytes:
    """Key of a market, 32 bytes (design.md 3): chain, protocol, the protocol's own id, collateral, debt."""
    protocol = keccak(market.protocol.encode())
    return keccak(
        encode(
            ["uint256", "bytes32", "bytes32", "address", "address"],
            [chain_id, protocol, market.protocol_market_id, market.collateral, market.debt],
        )
    )


def settings_hash(settings: Settings) -> bytes:
    """Hash of the settings document, 32 bytes, as the contract computes it."""
    return keccak(encode_settings(settings))


def intent_key(chain_id: int, contract: Address, identity: bytes) -> bytes:
    """Idempotency key of an intent, 32 bytes; the identity of a publish is its batch's digest."""
    return keccak(chain_id.to_bytes(32, "big") + bytes.fromhex(contract[2:]) + identity)
