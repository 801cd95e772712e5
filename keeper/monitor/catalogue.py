"""Every metric, declared once: the registry, docs/metrics.md and the rules in ops/ all follow from this list.

Names are those of reliability.md H; what stands there not is marked as ours in its help. Labels hold configured names,
never token metadata and never a URL.
"""

from dataclasses import dataclass

PREFIX = "keeper_"
GAUGE, COUNTER, HISTOGRAM = "gauge", "counter", "histogram"
BLOCKS = (1, 2, 3, 4, 6, 8, 12, 20, 32, 64)
"""Bucket bounds for numbers of blocks."""
SECONDS = (0.005, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2, 5, 15, 60)
"""Bucket bounds for calls, commits and cycles."""
LONG_SECONDS = (1, 5, 12, 24, 36, 60, 120, 300, 900, 3_600)
"""Bucket bounds for the life of a transaction."""


@dataclass(frozen=True, slots=True)
class Metric:
    """One metric family."""

    group: str
    name: str
    """Without the prefix; a counter ends with ``_total``."""
    kind: str
    labels: tuple[str, ...]
    help: str
    buckets: tuple[float, ...] = ()
    """Upper bounds, of a histogram."""

    @property
    def full_name(self) -> str:
        """As it is scraped."""
        return PREFIX + self.name


def _gauge(group: str, name: str, text: str, *labels: str) -> Metric:
    return Metric(group, name, GAUGE, labels, text)


def _counter(group: str, name: str, text: str, *labels: str) -> Metric:
    return Metric(group, name, COUNTER, labels, text)


def _histogram(group: str, name: str, text: str, buckets: tuple[float, ...], *labels: str) -> Metric:
    return Metric(group, name, HISTOGRAM, labels, text, buckets)


CATALOGUE: tuple[Metric, ...] = (
    _gauge("identity", "build_info", "1; the version is the label", "version"),
    _gauge(
        "identity",
        "config_info",
        "1; labels say what was configured",
        "network",
        "chain_id",
        "contract",
        "mode",
        "single_provider",
    ),
    _gauge("identity", "leader", "1 while this keeper may send, 0 while it stands by"),
    _gauge("chain", "head_block", "newest block that the provider answered", "provider"),
    _gauge("chain", "head_age_seconds", "wall clock less the head's timestamp; may be negative"),
    _gauge("chain", "finalized_block", "newest finalized block; 0 where the chain tells none"),
    _histogram("chain", "reorg_depth", "blocks that a reorg took back", BLOCKS),
    _counter("chain", "finality_violations_total", "finalized blocks whose hash changed"),
    _gauge("chain", "clock_skew_seconds", "how far the wall clock is off (decision 28); positive: it is ahead"),
    _gauge(
        "RPC",
        "provider_state",
        "1 alive, 2 out_of_sync, 3 unreachable, 4 wrong_chain, 5 syncing, 6 no_final, 7 unusable, 0 not known",
        "provider",
    ),
    _counter("RPC", "provider_transitions_total", "changes of a provider's state", "to"),
    _histogram("RPC", "rpc_seconds", "time of one request", SECONDS, "method", "provider", "code"),
    _counter("RPC", "quorum_mismatch_total", "providers that disagreed at one block hash"),
    _counter("RPC", "broadcast_conflict_total", "sends that one provider took and another refused for good"),
    _counter("jobs", "cycle_total", "runs of a job by result: ok, retry, refused, crashed", "job", "result"),
    _histogram("jobs", "cycle_seconds", "time of one run of a job", SECONDS, "job"),
    _counter("jobs", "job_missed_total", "runs that were due while the job still ran, or came too late", "job"),
    _gauge("jobs", "last_success_timestamp", "unix time of the last run that went well", "job"),
    _gauge("intents", "intents", "open intents by state", "state"),
    _gauge("intents", "oldest_open_intent_seconds", "chain time since the oldest open intent was first seen"),
    _gauge("intents", "oldest_unmined_blocks", "blocks since the oldest unmined transaction was first seen (ours)"),
    _counter("intents", "tx_broadcast_total", "transactions that a provider took"),
    _counter("intents", "tx_bumps_total", "replacements at a higher fee"),
    _histogram("intents", "tx_confirm_blocks", "blocks from broadcast to inclusion", BLOCKS),
    _histogram("intents", "tx_confirm_seconds", "seconds to the stage: mined, final", LONG_SECONDS, "stage"),
    _counter("intents", "tx_errors_total", "refusals of nodes by class", "class"),
    _counter("intents", "tx_reverts_total", "transactions that reverted on chain, by the contract's error", "error"),
    _gauge("intents", "nonce_chain", "transactions of our key that the chain holds"),
    _gauge("intents", "nonce_next", "nonce that the next transaction will take"),
    _counter("intents", "foreign_nonce_total", "nonces of our key that somebody else used"),
    _counter("money", "gas_spent_wei_total", "fees paid, wei", "tier", "market"),
    _gauge("money", "gas_budget_remaining_ratio", "least share of a day's fee budget that is left"),
    _gauge("money", "account_balance_wei", "balance of an account", "role"),
    _gauge("money", "emergency_transactions", "emergency transactions at the cap that the key can pay (ours)"),
    _counter("money", "balance_fell_total", "times that our balance fell without a row of ours (ours)"),
    _counter("money", "fee_deferred_total", "sends that waited for a lower fee (ours)", "tier"),
    _gauge("product", "onchain_age_seconds", "chain time since the observed block of the live value", "market"),
    _gauge("product", "onchain_expiry_seconds", "age from which the effective value widens (ours)", "market"),
    _gauge("product", "heartbeat_seconds", "age at which a report is due (ours)"),
    _gauge("product", "update_lag_blocks", "head less the last folded sample's block", "market"),
    _gauge("product", "haircut_bps", "kind is proposed or onchain", "market", "kind"),
    _gauge("product", "deviation_bps", "proposed less on-chain haircut; positive: a tightening is wanted", "market"),
    _gauge("product", "markets_degraded", "markets that are held, failed or have a missing input"),
    _gauge("product", "breaker_state", "0 NORMAL, 1 GUARDED, 2 STRESSED, 3 HALTED", "market"),
    _histogram("store, alerts", "db_commit_seconds", "time of one commit", SECONDS),
    _gauge("store, alerts", "db_size_bytes", "database file with its log"),
    _counter("store, alerts", "alerts_sent_total", "notifications that a sink took", "sink"),
    _counter("store, alerts", "alerts_failed_total", "notifications that a sink did not take (ours)", "sink"),
    _counter("store, alerts", "alerts_dropped_total", "notifications that the full queue lost, oldest first (ours)"),
    _gauge("store, alerts", "halted", "1 while sending is halted until an operator resumes it (ours)"),
    _counter("store, alerts", "config_reloads_total", "reloads of the configuration (ours)", "result"),
)


def markdown() -> str:
    """The table of docs/metrics.md."""
    rows = ["| group | name | kind | labels | what it says |", "|---|---|---|---|---|"]
    for row in CATALOGUE:
        labels = ", ".join(f"`{label}`" for label in row.labels) or "-"
        rows.append(f"| {row.group} | `{row.full_name}` | {row.kind} | {labels} | {row.help} |")
    return "\n".join(rows) + "\n"
