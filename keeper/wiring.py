"""Puts a keeper together: configuration in, the ports of a cycle out."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial

from keeper.budgets import DAY_SECONDS, Budgets, require_affordable
from keeper.chain.fees import GWEI, FeePolicy
from keeper.chain.guards import Guards
from keeper.chain.keys import local_key, open_account
from keeper.chain.node import ContractNode
from keeper.chain.pool import Pool
from keeper.chain.quorum import QuorumReader
from keeper.chain.rehearsals import NoRehearsal
from keeper.chain.remote_signer import DEADLINE_SECONDS, RemoteKey
from keeper.chain.sender import TxSender
from keeper.chain.signer import Key, KeySigner
from keeper.checks import Subject, check_signer, check_start, connect
from keeper.cli.log import mask
from keeper.config import Config, Operator
from keeper.config_keys import KeySource
from keeper.cycle import Ports, is_superseded, refusal
from keeper.errors import ConfigError
from keeper.follow import Emit, Follower
from keeper.guard import Guard
from keeper.hardening import forbid_core_dumps
from keeper.protocols.bulkhead import ACTIVATE_SELECTOR, ADVANCE_SELECTOR, PUBLISH_SELECTOR
from keeper.protocols.bulkhead_errors import describe_revert
from keeper.reading import open_quorum_reader
from keeper.rebuild import SETTLED_DEPTH, Contract, rebuild_if_older
from keeper.records.outcome import TxIntent
from keeper.records.ports import Signer
from keeper.records.units import Address
from keeper.rehearsal import rehearse
from keeper.retiring import retire_others
from keeper.store.store import KeeperStore, open_exclusive
from keeper.timing import check_time_scale, scaled
from keeper.token_checks import hold_hostile

SELECTORS = frozenset({PUBLISH_SELECTOR, ADVANCE_SELECTOR, ACTIVATE_SELECTOR})
"""All that the key may ever call."""

MILLI = 1_000


@dataclass(frozen=True, slots=True)
class Keeper:
    """One keeper, put together under one configuration."""

    config: Config
    ports: Ports
    rpc: Pool
    store: KeeperStore


@contextmanager
def open_ports(config: Config, *, broadcast: bool, emit: Emit) -> Iterator[Ports]:
    """Ports of a keeper that holds the lock of its database.

    Raises
    ------
    ConfigError
        The configuration does not fit the chain, the key does not open, or another keeper runs.
    RetryLater
        No node answers.
    """
    with (
        open_store(config.operator, emit) as store,
        open_keeper(config, store, broadcast=broadcast, emit=emit) as keeper,
    ):
        yield keeper.ports


def open_store(operator: Operator, emit: Emit) -> AbstractContextManager[KeeperStore]:
    """The database, locked: before anything is asked of a node, so that a second keeper is refused at once."""
    return open_exclusive(operator.store_url, emit)


@contextmanager
def open_keeper(config: Config, store: KeeperStore, *, broadcast: bool, emit: Emit) -> Iterator[Keeper]:
    """A keeper over a store that stays open longer than it: a reload builds a second one before the first goes.

    Raises
    ------
    ConfigError
        The configuration does not fit the chain, or the key does not open.
    RetryLater
        No node answers.
    """
    operator = config.operator
    check_time_scale(operator.chain_id)
    signer = open_signer(operator) if broadcast else None
    with ExitStack() as stack:
        rpc = connect(config, emit)
        stack.callback(rpc.close)
        for member in rpc.members:
            emit("provider_state", provider=member.name, state=member.state.value, reason=member.health.reason)
        reader = open_quorum_reader(rpc, emit, operator.call_gas)
        subject = Subject(config, rpc, reader, reader.block("latest"))
        check_start(subject, emit)
        for finding in check_signer(subject, signer.address) if signer else ():
            emit("degraded", finding=str(finding))
        node = ContractNode(rpc, operator.contract)
        if signer and store.lease:
            store.lease.tick()
        if signer:
            _recover(operator, subject, node, store, signer.address, emit)
        follower = _follower(operator, (rpc, reader), node, store, emit)
        holder: list[Ports] = []
        sender = _sender(operator, rpc, store, signer, holder, emit=emit) if signer else None
        held = hold_hostile(subject, emit)
        guard = Guard(store, reader, emit)
        limits = budgets(operator)
        rows = (store.samples, store.intents)
        holder.append(Ports(reader, follower, *rows, signer, sender, emit, limits, held, guard, rpc))
        yield Keeper(config, holder[0], rpc, store)


@contextmanager
def glance(config: Config, store: KeeperStore) -> Iterator[Keeper]:
    """A keeper that only looks: no lock, no checks, no key; for commands beside the daemon.

    Raises
    ------
    RetryLater
        No node answers.
    """
    operator = config.operator
    with ExitStack() as stack:
        rpc = connect(config, _unheard)
        stack.callback(rpc.close)
        reader = open_quorum_reader(rpc, _unheard, operator.call_gas)
        follower = _follower(operator, (rpc, reader), ContractNode(rpc, operator.contract), store, _unheard)
        ports = Ports(reader, follower, store.samples, store.intents, None, None, _unheard, budgets(operator))
        yield Keeper(config, ports, rpc, store)


def _follower(
    operator: Operator, chain: tuple[Pool, QuorumReader], node: ContractNode, store: KeeperStore, emit: Emit
) -> Follower:
    pool, reader = chain
    return Follower(
        reader,
        node,
        store.samples,
        contract=operator.contract,
        chain_id=operator.chain_id,
        start_block=operator.start_block,
        emit=emit,
        doubt=partial(pool.doubt, "eth_getLogs"),
        read_alone=reader.run_alone_since,
    )


def _unheard(_event: str, **_fields: object) -> None:
    """Whoever only looks says nothing."""


def _recover(  # noqa: PLR0917 - the parts of a keeper that is being put together
    operator: Operator, subject: Subject, node: ContractNode, store: KeeperStore, sender: Address, emit: Emit
) -> None:
    """Learn from the chain what we sent, when the database is empty or an old copy. A standby's leader has done it."""
    if store.lease is not None and not store.lease.leads():
        return
    retire_others(store.intents, sender, emit)
    head = subject.head.number
    sent = int(subject.rpc.call("eth_getTransactionCount", [sender, "latest"]), 16)
    contract = Contract(node, operator.contract, operator.chain_id, sender)
    rebuild_if_older(contract, store, (operator.start_block, head - SETTLED_DEPTH), sent, emit)


def open_signer(operator: Operator) -> KeySigner:
    """The operator's key behind the guard: bound to the chain, the contract and our functions.

    Raises
    ------
    ConfigError
        None is configured, or it does not open.
    """
    if operator.key is None:
        raise ConfigError("keeper.key_file: nothing can be sent without a key", "set it, or run without --broadcast")
    return KeySigner(_key(operator.key), operator.chain_id, operator.contract, SELECTORS)


def _key(key: KeySource) -> Key:
    if key.signer_url and key.signer_address:
        return RemoteKey(key.signer_url.reveal(), key.signer_address, scaled(DEADLINE_SECONDS))
    forbid_core_dumps()
    raw = key.private_key.reveal() if key.private_key else None
    password = key.password.reveal() if key.password else None
    account = open_account(key.file, key.password_file, raw, password)
    # A keystore's key is known only now; whoever repeats it to us must not bring it into the log.
    mask([bytes(account.key).hex()])
    return local_key(account)


def budgets(operator: Operator) -> Budgets:
    """The operator's limits for a day."""
    return Budgets(
        market_wei=operator.market_budget_gwei * GWEI,
        market_reserve_wei=operator.market_reserve_gwei * GWEI,
        key_wei=operator.key_budget_gwei * GWEI,
    )


def _sender(
    operator: Operator, rpc: Pool, store: KeeperStore, signer: Signer, holder: list[Ports], *, emit: Emit
) -> TxSender:
    def superseded(intent: TxIntent) -> bool:
        return is_superseded(holder[0], intent)

    def rehearsed(intent: TxIntent) -> None:
        try:
            rehearse(intent, rpc, holder[0].reader, operator.gas_limit)
        except NoRehearsal as error:
            # Such nodes are read through views too; the plain simulation, made just before, stands alone.
            emit("rehearsal_unavailable", error=error.message)

    policy = FeePolicy(
        routine_cap_wei=operator.max_fee_gwei * GWEI,
        emergency_cap_wei=operator.emergency_fee_gwei * GWEI,
        least_tip_wei=operator.tip_gwei_milli * GWEI // MILLI,
        gas_limit=operator.gas_limit,
    )

    def afford(intent: TxIntent, most_wei: int, now: int) -> None:
        rows = store.intents.landed_since(now - DAY_SECONDS)
        require_affordable(rows, holder[0].budgets, intent, most_wei, holder[0].follower.name)

    guards = Guards(
        describe=describe_revert,
        is_superseded=superseded,
        rehearse=rehearsed,
        afford=afford,
        halted=lambda: refusal(holder[0]),
    )
    return TxSender(
        rpc,
        store.intents,
        signer,
        chain_id=operator.chain_id,
        policy=policy,
        guards=guards,
        emit=emit,
        private=operator.private_relay is not None,
        in_flight=operator.in_flight,
    )
