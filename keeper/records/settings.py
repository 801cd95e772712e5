"""The model's settings: what governance sets, what the chain hashes, what every keeper folds with.

Nothing local to one operator is here (nodes, keys, paths): those are ``keeper.config.Operator``.
The document is one ABI-encoded tuple, so that a contract can open it in a dispute (design.md 5.5).
"""

from dataclasses import astuple, dataclass

from keeper.records.units import NO_ADDRESS, Address

SCHEMA = 2
"""Layout of the document, and the fold that it means; 1 had fewer terms and took a gap for a window (decision 25)."""

DYNAMIC_FEE = 0x800000
"""``fee`` in the key of a Uniswap v4 pool whose hooks set its fee; no fee by itself is above 1,000,000."""


@dataclass(frozen=True, slots=True)
class PoolSettings:
    """One venue that counts for a market."""

    venue: str
    """Key in ``venues.VENUES``."""
    address: Address
    """The pool; where one contract keeps many, that contract."""
    pool_id: bytes
    """Which of the many, 32 bytes; zero where a pool is a contract."""
    companion: Address
    """Second contract: hooks of Uniswap v4, vault of Balancer, base pool of a Curve metapool; else zero."""
    collateral_index: int
    """Place of the collateral among the pool's tokens, from 0."""
    debt_index: int
    fee_pips: int
    """Swap fee in millionths: 3000 = 0.3 %; 0 where the pool's own is read; :data:`DYNAMIC_FEE` where hooks set it."""
    tick_spacing: int
    """Tick spacing; 0 for venues without ticks."""
    rates: tuple[int, ...]
    """Fixed rates of the tokens, 10**18 for one of 18 decimals, where the pool does not tell them; else empty."""
    price_source: bool
    """Whether its mean ticks feed the volatility (v3 only)."""

    @property
    def label(self) -> str:
        """What messages call it: the address, and the id where one contract keeps many pools."""
        return f"{self.address} pool 0x{self.pool_id.hex()}" if any(self.pool_id) else self.address

    @property
    def collateral_is_token0(self) -> bool:
        """Which side of a pool of two tokens is the collateral."""
        return self.collateral_index < self.debt_index


@dataclass(frozen=True, slots=True)
class FeedSettings:
    """The price feed by which the protocol values the collateral."""

    kind: str
    """Key in ``feeds.FEEDS``: ``chainlink``."""
    address: Address
    """Contract to read; answers whole units of debt asset per whole unit of collateral."""
    decimals: int
    """Decimals of the answer."""
    max_age_seconds: int
    """An older answer is no answer."""
    rounds: int = 0
    """Earlier rounds that are read beside the latest, at most 8."""


@dataclass(frozen=True, slots=True)
class ModelSettings:
    """Parameters of the haircut model of one market (models.md 4, 5)."""

    model: str
    """Key in ``haircuts.MODELS``: ``liquidity_adjusted``; ``smart_ltv`` and ``sigma_band`` are there to compare."""
    k_wad: int
    """Tail multiplier; 99 % ES of a unit-variance Student-t with nu = 4 is 3.6915 (models.md 3)."""
    sigma_floor_wad: int
    """Lowest annual volatility that is believed."""
    model_mult_wad: int
    """Model uncertainty multiplier, at least 1 WAD (models.md 2.8)."""
    oracle_deviation_wad: int
    """The feed's deviation threshold, a fraction below 1."""
    bonus_bps: int
    """Liquidation bonus paid to liquidators, above par."""
    gas_fraction_wad: int
    """Gas of a liquidation as a fraction of its size; enters Q* only."""
    profit_fraction_wad: int
    """What a liquidator wants to keep, as a fraction of the size; enters Q* only."""
    protocol_fee_wad: int
    """Share of the bonus that the protocol takes."""
    tau0_seconds: int
    """Feed heartbeat + inclusion + auction ramp."""
    t_rep_seconds: int
    """Time for depth to refill, 90th percentile."""
    size: int
    """Collateral that must be sold in the reference shock, raw units; where positions are read they say it."""
    depth_factor_bps: int
    """Share of measured depth that counts as still there under stress (f_depth)."""
    buffer_bps: int
    """Haircut above the liquidation haircut of the model."""
    haircut_min_bps: int
    """Lowest target."""
    haircut_max_bps: int
    """Highest target, and the answer when the market cannot be quoted."""
    implied_seconds: int = 0
    """Span of fee growth from which pools imply a volatility (models.md 2.6); 0 = they do not speak."""
    implied_change_wad: int = 10**16
    """Most that a pool's implied volatility may differ from that of one span earlier, for each day between them."""
    implied_min_liquidity: int = 0
    """A pool that had less in range at any sample of the span does not speak; the pool's own unit."""
    stressed_sigma_wad: int = 0
    """Annual volatility of the pair under stress: in the blend by its weight, alone where the pair falls together."""
    stress_weight_bps: int = 2_500
    """Share of the stressed variance in the blend (models.md 2.8)."""
    realised_weight_bps: int = 5_000
    """Share of the realised variance in a blend with an implied one."""
    sigma_buffer_bps: int = 0
    """Volatility added in calm and given up as it rises past ``sigma_floor_wad`` (``risk.smoothing``)."""
    basis: bool = False
    """Whether the oracle counts as off by as much as pools trade below it (models.md 4)."""
    jump_bps: int = 0
    """Fall at once of a pegged asset; the larger of this and the ordinary haircut is published. 0 = none."""
    same_issuer: bool = False
    """Whether collateral and debt have one issuer."""
    tail_coefficient_bps: int = 0
    """Their lower tail coefficient at 5 %; above 5,000 the stressed volatility counts (``risk.wrong_way``)."""
    ceiling_share_bps: int = 0
    """Debt ceiling as a share of what Q* is worth after the haircut; 0 = no opinion on the ceiling."""
    premium_max_bps: int = 0
    """Funding premium of a market without depth; 0 = no opinion on the premium."""


@dataclass(frozen=True, slots=True)
class RouteSettings:
    """A way from the collateral through a third token to the debt asset; all pools of one third token together."""

    bridge: Address
    """The third token."""
    bridge_decimals: int
    collateral_pools: tuple[PoolSettings, ...]
    """Where the collateral is sold for the bridge token, which stands in ``debt_index``."""
    debt_pools: tuple[PoolSettings, ...]
    """Where the bridge token is sold for the debt asset; it stands in ``collateral_index``."""
    counted_bps: int
    """Share of the debt pools' liquidity that counts in the published depth (decision 18); 0 = shown, not counted."""

    @property
    def pools(self) -> tuple[PoolSettings, ...]:
        """Pools of both legs, the collateral's first."""
        return (*self.collateral_pools, *self.debt_pools)


@dataclass(frozen=True, slots=True)
class MarketSettings:
    """One collateral against one debt asset in one protocol."""

    name: str
    """For people and labels; comes from configuration, never from token metadata."""
    protocol: str
    """Key in ``protocols.PROTOCOLS``."""
    protocol_market_id: bytes
    """The protocol's own id, 32 bytes; zero where it has none. Aave v3: the PoolAddressesProvider, as an ABI word."""
    collateral: Address
    debt: Address
    collateral_decimals: int
    debt_decimals: int
    pools: tuple[PoolSettings, ...]
    """Counted venues, at least one; at most three are price sources."""
    feed: FeedSettings
    model: ModelSettings
    holders: tuple[Address, ...] = ()
    """Accounts whose positions are read; what others supply counts fully. Empty: ``model.size`` is the size."""
    shock_bps: int = 3_000
    """Reference shock: the fall of the price in which positions are counted."""
    shock_share_bps: int = 5_000
    """Part of what liquidates in the shock that must be sold (p)."""
    routes: tuple[RouteSettings, ...] = ()
    """Ways through a third token, one for each; no pool stands in two of them, nor among ``pools``."""
    flagged: tuple[Address, ...] = ()
    """Tokens and pools that sell nothing, whatever their words say (decision 19): they take, refuse or lie."""
    volatility_feeds: tuple[FeedSettings, ...] = ()
    """Published annual volatilities of the collateral in per cent, as DVOL; they may only raise (models.md 2.7)."""

    @property
    def counted_routes(self) -> tuple[RouteSettings, ...]:
        """Those that are part of the published depth."""
        return tuple(route for route in self.routes if route.counted_bps)

    @property
    def legs(self) -> tuple[PoolSettings, ...]:
        """Pools of the counted routes, in the order in which a snapshot keeps their readings."""
        return tuple(pool for route in self.counted_routes for pool in route.pools)


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything the fold depends on besides the chain; its hash is on chain."""

    schema: int
    """:data:`SCHEMA`: a keeper passes over a document of another one."""
    chain_id: int
    cadence_blocks: int
    """Length of a window; must equal the contract's."""
    window_seconds: int
    """Shortest volatility window (design.md: 1800)."""
    bootstrap_windows: int
    """Windows taken from the observation ring when a source starts (48)."""
    bootstrap_min_windows: int
    """Fewest ring windows that give a value (4)."""
    half_life_fast_seconds: int
    """1 day."""
    half_life_slow_seconds: int
    """11 days."""
    harmonic_seconds: int
    """Span of the harmonic-mean liquidity that caps depth (1800)."""
    depth_range_ticks: int
    """How far from the current tick liquidity is read, each side, in ticks (7000 is about half the price)."""
    windows_per_day: int
    """Sampling windows in one "day" of the trailing minima (288 at 25 blocks of 12 s)."""
    trailing_days: int
    """Daily minima of depth that are kept (30)."""
    warm_days: int
    """Daily minima that must exist before anything may loosen."""
    deviation_up_bps: int
    """A tightening of this much is reported at once (50)."""
    deviation_down_bps: int
    """A loosening of this much starts the dwell clock and is reported after it (100)."""
    margin_bps: int
    """A loosening stops this far above the model's target (50)."""
    dwell_seconds: int
    """How long the model must ask for less before it is reported (21,600)."""
    max_gap_seconds: int
    """A longer silence between samples restarts the dwell clock (7,200)."""
    heartbeat_seconds: int
    """Oldest routine report before a new one is due (64,800)."""
    markets: tuple[MarketSettings, ...]


POOL_ABI = "(string,address,bytes32,address,uint8,uint8,uint24,int24,uint256[],bool)"
FEED_ABI = "(string,address,uint8,uint32,uint8)"
MODEL_ABI = (
    "(string" + ",uint256" * 8 + ",uint32,uint32,uint256" + ",uint16" * 4 + ",uint32,uint256,uint128,uint256"
    ",uint16,uint16,uint16,bool,uint16,bool,uint16,uint16,uint16)"
)
ROUTE_ABI = f"(address,uint8,{POOL_ABI}[],{POOL_ABI}[],uint16)"
MARKET_ABI = (
    f"(string,string,bytes32,address,address,uint8,uint8,{POOL_ABI}[],{FEED_ABI},{MODEL_ABI}"
    f",address[],uint16,uint16,{ROUTE_ABI}[],address[],{FEED_ABI}[])"
)
SETTINGS_ABI = (
    "(uint16,uint64,uint32,uint32,uint16,uint16" + ",uint32" * 5 + ",uint16" * 5 + ",uint32" * 3 + f",{MARKET_ABI}[])"
)
"""Field order is the dataclass order; ``tests/unit/test_settings.py`` holds the two together."""


def encode_settings(settings: Settings) -> bytes:
    """ABI-encode the whole document; its keccak is the settings hash."""
    from eth_abi.abi import encode

    return encode([SETTINGS_ABI], [astuple(settings)])


def decode_settings(document: bytes) -> Settings:
    """Inverse of :func:`encode_settings`."""
    from eth_abi.abi import decode

    ((*head, markets),) = decode([SETTINGS_ABI], document)
    return Settings(*(*head, tuple(_market(row) for row in markets)))


def _market(row: tuple) -> MarketSettings:  # type: ignore[type-arg]
    *head, pools, feed, model, holders, shock, share, routes, flagged, feeds = row
    parts = (_pools(pools), FeedSettings(*feed), ModelSettings(*model), tuple(holders), shock, share)
    volatility = tuple(FeedSettings(*each) for each in feeds)
    return MarketSettings(*(*head, *parts, tuple(map(_route, routes)), tuple(flagged), volatility))


def _route(row: tuple) -> RouteSettings:  # type: ignore[type-arg]
    bridge, decimals, collateral_pools, debt_pools, counted_bps = row
    return RouteSettings(bridge, decimals, _pools(collateral_pools), _pools(debt_pools), counted_bps)


def _pools(rows: tuple) -> tuple[PoolSettings, ...]:  # type: ignore[type-arg]
    named = (dict(zip(PoolSettings.__annotations__, row, strict=True)) for row in rows)
    return tuple(PoolSettings(**fields | {"rates": tuple(fields["rates"])}) for fields in named)


def two_token_pool(
    venue: str,
    address: Address,
    collateral_is_token0: bool,
    fee_pips: int,
    tick_spacing: int = 0,
    *,
    price_source: bool = False,
) -> PoolSettings:
    """Settings of a pool of two tokens that is a contract by itself."""
    sides = (0, 1) if collateral_is_token0 else (1, 0)
    return PoolSettings(venue, address, bytes(32), NO_ADDRESS, *sides, fee_pips, tick_spacing, (), price_source)
