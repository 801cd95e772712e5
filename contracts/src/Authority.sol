// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

// Compiled here so that devnet and deployments have the artifact of the authority that governs the parameters.
import {AccessManager} from "@openzeppelin/contracts/access/manager/AccessManager.sol";
