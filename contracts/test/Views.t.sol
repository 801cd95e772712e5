// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {Base} from "./Base.t.sol";
import {MessageHashUtils} from "@openzeppelin/contracts/utils/cryptography/MessageHashUtils.sol";
import {Batch, ICollateralParameters, Parameters} from "../src/interfaces/ICollateralParameters.sol";
import {IERC5267} from "@openzeppelin/contracts/interfaces/IERC5267.sol";
import {MarketReader} from "../src/readers/MarketReader.sol";

contract ViewsTest is Base {
    function test_ParametersSayWhatHoldsWhatWaitsAndHowOldItIs() public {
        report(MARKET, 6000);
        passTime(100);
        Parameters memory values = parameters.parameters(MARKET);
        assertEq(values.haircutBps, 4000);
        assertEq(values.stagedBps, 6000);
        assertEq(values.liquidationHaircutBps, 2000);
        assertEq(values.bonusBps, 500);
        assertEq(values.regime, 0);
        assertEq(values.sequence, 1);
        assertEq(values.updateId, 1);
        assertEq(values.pendingAt, 0);
        assertEq(values.observedBlock, live(MARKET).observedBlock());
        assertEq(values.ageSeconds, block.timestamp - values.observedTime);

        report(OTHER, 3500);
        values = parameters.parameters(OTHER);
        assertEq(values.haircutBps, 4000);
        assertEq(values.pendingBps, 3500);
        assertEq(values.pendingAt, block.timestamp + 6 hours);
    }

    function test_HistoryHoldsThe256NewestWords() public {
        for (uint256 i; i < 260; ++i) {
            report(MARKET, 3000 + i);
        }
        assertEq(lens.historyWord(MARKET, 260), entryOf(MARKET));
        assertEq(lens.historyWord(MARKET, 5) & 0x3fff, 3004);
        vm.expectRevert(abi.encodeWithSelector(ICollateralParameters.HistoryTruncated.selector, MARKET, 4, 5, 260));
        lens.historyWord(MARKET, 4);
        vm.expectRevert(abi.encodeWithSelector(ICollateralParameters.HistoryTruncated.selector, MARKET, 261, 5, 260));
        lens.historyWord(MARKET, 261);
        vm.expectRevert(abi.encodeWithSelector(ICollateralParameters.UnknownMarket.selector, keccak256("x")));
        lens.historyWord(keccak256("x"), 0);
    }

    function test_TheDigestIsEip712(Batch memory batch) public view {
        (, string memory name, string memory version, uint256 chainId, address verifying,,) =
            IERC5267(address(parameters)).eip712Domain();
        assertEq(name, "Bulkhead");
        assertEq(version, "1");
        assertEq(chainId, block.chainid);
        assertEq(verifying, address(parameters));
        bytes32 domain = keccak256(
            abi.encode(
                keccak256("EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"),
                keccak256("Bulkhead"),
                keccak256("1"),
                block.chainid,
                address(parameters)
            )
        );
        bytes32 typeHash = keccak256(
            "Batch(uint64 observedBlock,bytes32 observedHash,uint64 observedTime,uint64 validUntil,bytes32 settingsHash,bytes32 commitmentsRoot,bytes32 reportsHash)"
        );
        bytes32 structHash = keccak256(
            abi.encode(
                typeHash,
                batch.observedBlock,
                batch.observedHash,
                batch.observedTime,
                batch.validUntil,
                batch.settingsHash,
                batch.commitmentsRoot,
                batch.reportsHash
            )
        );
        assertEq(parameters.batchDigest(batch), MessageHashUtils.toTypedDataHash(domain, structHash));
    }

    function test_TheMarketReaderAnswersTheRawWords() public {
        report(MARKET, 6000);
        uint256 live_ = parameters.liveWord(MARKET);
        uint256 aux_ = parameters.auxWord(MARKET);
        bytes memory code = address(parameters).code;
        vm.etch(address(parameters), type(MarketReader).runtimeCode);
        (bool ok, bytes memory answer) = address(parameters).staticcall(abi.encode(MARKET));
        vm.etch(address(parameters), code);
        assertTrue(ok);
        uint256[6] memory words = abi.decode(answer, (uint256[6]));
        assertEq(words[0], live_);
        assertEq(words[1], aux_);
        bytes32 base = keccak256(abi.encode(MARKET, uint256(0)));
        assertEq(words[2], uint256(parameters.extsload(bytes32(uint256(base) + 2))));
        assertEq(words[3], uint256(parameters.extsload(bytes32(uint256(base) + 3))));
        assertEq(words[4] & 0x3fff, 500);
        base = keccak256(abi.encode(uint256(0), uint256(1)));
        assertEq(words[4], uint256(parameters.extsload(base)));
        assertEq(words[5], uint256(parameters.extsload(bytes32(uint256(base) + 1))));
        assertNotEq(words[5], 0);
    }
}
