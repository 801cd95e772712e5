#!/usr/bin/env node
// The compiler from npm behind the two calls that forge makes of a native solc: --version and --standard-json.
"use strict";
const solc = require("solc");
const fs = require("fs");

const args = process.argv.slice(2);
if (args.includes("--version")) {
  const version = solc.version().replace(".Emscripten.clang", "");
  process.stdout.write(`solc, the solidity compiler commandline interface\nVersion: ${version}.Linux.g++\n`);
} else if (args.includes("--standard-json")) {
  process.stdout.write(solc.compile(fs.readFileSync(0, "utf8")));
} else {
  process.stderr.write("solc.cjs answers --version and --standard-json only\n");
  process.exit(2);
}
