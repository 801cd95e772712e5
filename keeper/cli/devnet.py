"""``keeper devnet``: a local chain with real pools and a listed contract, left running until Ctrl-C."""

import signal
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from keeper.testing.client import DevChain
    from keeper.testing.devnet import Devnet


def devnet(  # noqa: PLR0917 - typer makes an option of each
    port: Annotated[int, typer.Option(help="Port of the chain; 0 takes any free one.", min=0, max=65_535)] = 0,
    data_dir: Annotated[
        Path | None, typer.Option(help="Where keeper.toml and the key go; a new folder when not given.")
    ] = None,
    block_seconds: Annotated[
        float, typer.Option(help="Wall-clock seconds between blocks; chain time moves 12 s each.", min=0.05)
    ] = 2.0,
    still: Annotated[bool, typer.Option("--still", help="Mine empty blocks: nobody trades.")] = False,
    keepers: Annotated[int, typer.Option(help="Signers of the contract; one is enough for a batch.", min=1)] = 1,
    every_venue: Annotated[
        bool, typer.Option("--every-venue", help="Also Uniswap v4, Balancer and Curve pools, and a route.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Addresses as one JSON document on stdout.")] = False,
) -> None:
    """Start a local chain with real Uniswap pools, feeds and a listed CollateralParameters."""
    from keeper.chain.anvil import Anvil, AnvilOptions
    from keeper.testing import world
    from keeper.testing.client import DevChain
    from keeper.testing.devnet import HISTORY_WINDOWS, build_devnet, write_operator_files

    folder = data_dir or Path(tempfile.mkdtemp(prefix="bulkhead-devnet-"))
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.default_int_handler)
    past = (HISTORY_WINDOWS + 10) * world.CADENCE * world.BLOCK_SECONDS
    with Anvil.start(AnvilOptions(port=port, no_mining=True, timestamp=int(time.time()) - past)) as node:
        chain = DevChain(node.url)
        built = build_devnet(chain, keepers=keepers, every_venue=every_venue, progress=_progress)
        names = ("",) if keepers == 1 else tuple(f"keeper{index}" for index in range(keepers))
        tomls = [write_operator_files(built, folder / name, keeper=index) for index, name in enumerate(names)]
        _show(_facts(built, tomls), as_json=as_json)
        try:
            _run(chain, built, block_seconds, still=still)
        except KeyboardInterrupt:
            typer.echo("stopped", err=True)


def _run(chain: "DevChain", built: "Devnet", block_seconds: float, *, still: bool) -> None:
    """Mine until interrupted; unless ``still``, a calm market trades in every block."""
    from keeper.testing.scenario import calm_blocks

    blocks = calm_blocks(chain, built, built.prices)
    while True:
        if still:
            chain.mine()
        else:
            next(blocks)
        time.sleep(block_seconds)


def _facts(built: "Devnet", tomls: list[Path]) -> dict[str, Any]:
    return {
        "schemaVersion": 1,
        "url": built.url,
        "chainId": built.chain_id,
        "contract": built.contract,
        "authority": built.authority,
        "admin": built.admin,
        "trader": built.trader,
        "weth9": built.uniswap.weth9,
        "v2Router": built.uniswap.v2_router,
        "v3Router": built.uniswap.v3_router,
        "v3Quoter": built.uniswap.v3_quoter,
        "listedBlock": built.listed_block,
        "markets": [
            {
                "name": market.name,
                "key": "0x" + key.hex(),
                "collateral": market.collateral,
                "debt": market.debt,
                "feed": market.feed.address,
                "pools": [
                    {"venue": pool.venue, "feePips": pool.fee_pips, "address": pool.address} for pool in market.pools
                ],
            }
            for market, key in zip(built.settings.markets, built.market_keys, strict=True)
        ],
        "config": [str(path) for path in tomls],
    }


def _show(facts: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        import json

        print(json.dumps(facts), flush=True)
        return
    for name, value in facts.items():
        if name == "markets":
            for market in value:
                print(f"{market['name']:<12} {market['key']}")
                print(f"  collateral {market['collateral']}  debt {market['debt']}  feed {market['feed']}")
                for pool in market["pools"]:
                    print(f"  {pool['venue']:<17} {pool['feePips'] / 10_000:.2f} %  {pool['address']}")
        elif name != "schemaVersion":
            print(f"{name:<12} {', '.join(value) if isinstance(value, list) else value}")
    print("Time is compressed 72-fold; keys and tokens are worth nothing. Ctrl-C ends the chain.", flush=True)


def _progress(what: str, done: int, total: int) -> None:
    if done == total:
        typer.echo(f"{what}: done", err=True)
