// Worker: @uniswap/v3-sdk's getOutputAmount of a pool whose ticks are in memory.
"use strict";
const fs = require("node:fs");
const path = require("node:path");
const readline = require("node:readline");
const { performance } = require("node:perf_hooks");
const { Token, CurrencyAmount } = require("@uniswap/sdk-core");
const { Pool, TickListDataProvider } = require("@uniswap/v3-sdk");

const { version } = JSON.parse(fs.readFileSync(path.join(__dirname, "node_modules/@uniswap/v3-sdk/package.json")));
let given = null;

async function answer(question) {
  if (question.ticks) given = question;
  const [token0, token1] = given.tokens.map((address) => new Token(given.chain, address, 18));
  const started = performance.now();
  const ticks = given.ticks.map(([index, liquidityGross, liquidityNet]) => ({ index, liquidityGross, liquidityNet }));
  const provider = new TickListDataProvider(ticks, given.spacing);
  const pool = new Pool(token0, token1, given.fee, given.price, given.liquidity, given.tick, provider);
  const built = performance.now();
  const amounts = [];
  for (const size of given.sizes) {
    const [out] = await pool.getOutputAmount(CurrencyAmount.fromRawAmount(token0, size));
    amounts.push(out.quotient.toString());
  }
  return { build_ms: built - started, quote_ms: performance.now() - built, amounts, version };
}

(async () => {
  for await (const line of readline.createInterface({ input: process.stdin })) {
    process.stdout.write(JSON.stringify(await answer(JSON.parse(line))) + "\n");
  }
})();
