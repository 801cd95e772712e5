"""Settings of a Balancer v2 pool against what the pool and the Vault say."""

from collections.abc import Generator

from keeper.records.settings import PoolSettings
from keeper.records.snapshot import Answer, Ask
from keeper.records.units import Address
from keeper.venues.abi import address_of, answered, view
from keeper.venues.balancer_words import Garbage, RawToken, split, tokens_ask

_ADDRESS_BITS = 160


def problems_of(
    pool: PoolSettings, collateral: Address, debt: Address, kind: str
) -> Generator[tuple[Ask, ...], tuple[Answer, ...], tuple[str, ...]]:
    """One line for every disagreement.

    Parameters
    ----------
    kind
        View that only pools of the wanted kind answer.
    """
    pool_id = int.from_bytes(pool.pool_id, "big")
    asks = (
        tokens_ask(pool),
        view(pool.companion, "getPool(bytes32)", pool_id),
        view(pool.address, "getPoolId()"),
        view(pool.address, "getVault()"),
        view(pool.address, kind),
        view(pool.address, "getSwapEnabled()"),
    )
    tokens_answer, registered, own_id, vault, own_kind, swap_switch = yield asks
    problems = [*_identity(pool, registered, own_id, vault)]
    if not own_kind.ok or not own_kind.data:
        problems.append(f"does not answer {kind}: not a pool of venue {pool.venue}")
    if swap_switch.ok:
        problems.append("has a switch for its swaps: bootstrapping and managed pools are not supported")
    if pool.fee_pips:
        problems.append(f"fee_pips is {pool.fee_pips}, but the pool's own fee is read: write 0")
    try:
        tokens = split(tokens_answer, pool).tokens
    except Garbage as error:
        return (*problems, str(error))
    problems += _sides(pool, tokens, collateral, debt)
    lent = yield tuple(
        view(pool.companion, "getPoolTokenInfo(bytes32,address)", pool_id, int(token.address, 16)) for token in tokens
    )
    return (*problems, *_managed(tokens, lent))


def _identity(pool: PoolSettings, registered: Answer, own_id: Answer, vault: Answer) -> list[str]:
    """Pool, Vault and id know each other."""
    problems = []
    found = answered(registered, 2)
    if found is None or address_of(found[0]) != pool.address.lower():
        named = "no pool" if found is None else address_of(found[0])
        problems.append(f"the Vault {pool.companion} knows {named} by the id 0x{pool.pool_id.hex()}")
    if not own_id.ok or own_id.data != pool.pool_id:
        problems.append(f"getPoolId() is 0x{own_id.data[:32].hex()}, the settings say 0x{pool.pool_id.hex()}")
    own_vault = answered(vault, 1)
    if own_vault is None or own_vault[0] >> _ADDRESS_BITS or address_of(own_vault[0]) != pool.companion.lower():
        named = "nothing" if own_vault is None else address_of(own_vault[0])
        problems.append(f"getVault() is {named}, the settings say {pool.companion} as companion")
    return problems


def _sides(pool: PoolSettings, tokens: tuple[RawToken, ...], collateral: Address, debt: Address) -> list[str]:
    """The indexes name the market's tokens in the Vault's order."""
    problems = []
    for index, wanted in ((pool.collateral_index, collateral), (pool.debt_index, debt)):
        named = tokens[index].address if index < len(tokens) else "missing"
        if named != wanted.lower():
            problems.append(f"token {index} of the Vault's list is {named}, the market needs {wanted}")
    return problems


def _managed(tokens: tuple[RawToken, ...], answers: tuple[Answer, ...]) -> list[str]:
    """A token that an asset manager may take out is not there for a swap. Managers are set once and for all."""
    problems = []
    for token, answer in zip(tokens, answers, strict=True):
        info = answered(answer, 4)
        if info is None:
            problems.append(f"getPoolTokenInfo does not answer for {token.address}")
        elif info[3]:
            problems.append(f"{token.address} has an asset manager {address_of(info[3])}, who may take it out")
    return problems
