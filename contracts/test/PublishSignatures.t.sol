// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {Base} from "./Base.t.sol";
import {IERC1271} from "@openzeppelin/contracts/interfaces/IERC1271.sol";
import {Batch, Signature} from "../src/interfaces/ICollateralParameters.sol";

/// @dev A contract that signs, lies, reverts or burns gas, as told.
contract ContractSigner is IERC1271 {
    enum Mood {
        Honest,
        Lying,
        Reverting,
        Burning
    }

    Mood public mood;

    constructor(Mood mood_) {
        mood = mood_;
    }

    function isValidSignature(bytes32, bytes calldata data) external view returns (bytes4) {
        if (mood == Mood.Reverting) revert("no");
        if (mood == Mood.Lying) return 0xdeadbeef;
        if (mood == Mood.Burning) {
            for (uint256 i; i < type(uint256).max; ++i) {}
        }
        return keccak256(data) == keccak256("yes") ? IERC1271.isValidSignature.selector : bytes4(0);
    }
}

contract PublishSignaturesTest is Base {
    function test_RevertWhen_OneOfTwoNeededSigned() public {
        (Batch memory batch, bytes memory reports) = _fresh();
        _tooFew(batch, reports, signedBy(1, batch), 1);
    }

    function test_RevertWhen_NobodySigned() public {
        (Batch memory batch, bytes memory reports) = _fresh();
        _tooFew(batch, reports, new Signature[](0), 0);
    }

    function test_ADuplicateSignatureDoesNotCount() public {
        (Batch memory batch, bytes memory reports) = _fresh();
        Signature[] memory signatures = new Signature[](3);
        for (uint256 i; i < 3; ++i) {
            signatures[i] = sign(keys[0], batch);
        }
        _tooFew(batch, reports, signatures, 1);
    }

    function test_SignersOutOfOrderDoNotCount() public {
        (Batch memory batch, bytes memory reports) = _fresh();
        Signature[] memory signatures = new Signature[](2);
        signatures[0] = sign(keys[1], batch);
        signatures[1] = sign(keys[0], batch);
        _tooFew(batch, reports, signatures, 1);
    }

    function test_AStrangersSignatureDoesNotCount(uint256 key) public {
        key = bound(key, 1, 1 << 250);
        (Batch memory batch, bytes memory reports) = _fresh();
        Signature[] memory signatures = new Signature[](2);
        (signatures[0], signatures[1]) = (sign(key, batch), sign(keys[2], batch));
        _tooFew(batch, reports, signatures, 1);
    }

    function test_ABadSignatureIsSkippedAndTheQuorumStillLands() public {
        (Batch memory batch, bytes memory reports) = _fresh();
        Signature[] memory signatures = signedBy(3, batch);
        signatures[0].data = "garbage";
        _publish(batch, reports, signatures);
        assertEq(haircut(MARKET), 3500);
    }

    function test_AMalleatedSignatureDoesNotCount() public {
        (Batch memory batch, bytes memory reports) = _fresh();
        Signature[] memory signatures = signedBy(2, batch);
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(keys[0], parameters.batchDigest(batch));
        uint256 order = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141;
        signatures[0].data = abi.encodePacked(r, order - uint256(s), v == 27 ? uint8(28) : uint8(27));
        _tooFew(batch, reports, signatures, 1);
    }

    function test_ASignatureOverAnotherChainOrContractDoesNotCount() public {
        (Batch memory batch, bytes memory reports) = _fresh();
        Signature[] memory signatures = signedBy(2, batch);
        vm.chainId(999);
        _tooFew(batch, reports, signatures, 0);
    }

    function test_ARemovedSignerDoesNotCount() public {
        (Batch memory batch, bytes memory reports) = _fresh();
        address[] memory rest = new address[](2);
        (rest[0], rest[1]) = (signers[1], signers[2]);
        vm.prank(governance);
        parameters.setSigners(rest, 2);
        _tooFew(batch, reports, signedBy(2, batch), 1);
    }

    function test_AnHonestContractSignerCounts() public {
        (Batch memory batch, bytes memory reports) = _fresh();
        Signature[] memory signatures = _withContractSigner(ContractSigner.Mood.Honest, batch);
        _publish(batch, reports, signatures);
        assertEq(haircut(MARKET), 3500);
    }

    function test_ALyingRevertingOrGasBurningContractSignerIsSkipped() public {
        for (uint8 mood = 1; mood < 4; ++mood) {
            uint256 state = vm.snapshotState();
            (Batch memory batch, bytes memory reports) = _fresh();
            Signature[] memory signatures = _withContractSigner(ContractSigner.Mood(mood), batch);
            _tooFew(batch, reports, signatures, 1);
            vm.revertToState(state);
        }
    }

    function test_AGasBurningSignerCannotStopAQuorumOfOthers() public {
        (Batch memory batch, bytes memory reports) = _fresh();
        Signature[] memory pair = _withContractSigner(ContractSigner.Mood.Burning, batch);
        Signature[] memory signatures = new Signature[](3);
        uint256 at;
        for (uint256 i; i < 2; ++i) {
            // The burner and one key came back in order; the second key goes where it belongs.
            if (at == i && vm.addr(keys[1]) < pair[i].signer) signatures[at++] = sign(keys[1], batch);
            signatures[at++] = pair[i];
        }
        if (at == 2) signatures[2] = sign(keys[1], batch);
        uint256 gas = gasleft();
        _publish(batch, reports, signatures);
        assertLt(gas - gasleft(), 400_000);
        assertEq(haircut(MARKET), 3500);
    }

    /// @dev Signers become the three keys and one contract; answers the contract and the first key, in order.
    function _withContractSigner(ContractSigner.Mood mood, Batch memory batch)
        private
        returns (Signature[] memory signatures)
    {
        address account = address(new ContractSigner(mood));
        address[] memory all = new address[](4);
        uint256 at;
        for (uint256 i; i < 3; ++i) {
            if (at == i && account < signers[i]) all[at++] = account;
            all[at++] = signers[i];
        }
        if (at == 3) all[3] = account;
        vm.prank(governance);
        parameters.setSigners(all, 2);
        signatures = new Signature[](2);
        Signature memory mine = Signature(account, "yes");
        Signature memory first = sign(keys[0], batch);
        (signatures[0], signatures[1]) = account < first.signer ? (mine, first) : (first, mine);
    }
}
