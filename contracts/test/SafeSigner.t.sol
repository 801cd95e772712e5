// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {Base} from "./Base.t.sol";
import {Batch, ICollateralParameters, Signature} from "../src/interfaces/ICollateralParameters.sol";

/// @dev What the tests need of Safe 1.5.0.
interface ISafe {
    function setup(
        address[] calldata owners,
        uint256 threshold,
        address to,
        bytes calldata data,
        address fallbackHandler,
        address paymentToken,
        uint256 payment,
        address payable paymentReceiver
    ) external;
    function getMessageHash(bytes calldata message) external view returns (bytes32);
}

interface ISafeProxyFactory {
    function createProxyWithNonce(address singleton, bytes calldata initializer, uint256 salt)
        external
        returns (address proxy);
}

/// @dev A real Safe of three owners, two of whom sign, as one of the keepers (EIP-1271).
contract SafeSignerTest is Base {
    ISafe internal safe;
    uint256[3] internal owners;

    function setUp() public override {
        super.setUp();
        address handler = _deploy("handler/CompatibilityFallbackHandler.sol/CompatibilityFallbackHandler");
        address[] memory accounts = new address[](3);
        for (uint256 i; i < 3; ++i) {
            owners[i] = uint256(keccak256(abi.encode("owner", i)));
            accounts[i] = vm.addr(owners[i]);
        }
        // A Safe wants its owners' signatures in ascending order.
        if (accounts[0] > accounts[1]) (owners[0], owners[1]) = (owners[1], owners[0]);
        bytes memory first =
            abi.encodeCall(ISafe.setup, (accounts, 2, address(0), "", handler, address(0), 0, payable(address(0))));
        ISafeProxyFactory factory = ISafeProxyFactory(_deploy("proxies/SafeProxyFactory.sol/SafeProxyFactory"));
        safe = ISafe(factory.createProxyWithNonce(_deploy("Safe.sol/Safe"), first, 0));

        address[] memory members = new address[](1);
        members[0] = address(safe);
        vm.prank(governance);
        parameters.setSigners(members, 1);
    }

    function test_ASafeSignsABatch() public {
        (Batch memory batch, bytes memory reports) = _fresh();
        parameters.publish(batch, reports, _signed(batch, 2));
        assertEq(haircut(MARKET), 3500);
        assertLt(vm.lastCallGas().gasTotalUsed, 250_000);
    }

    function test_RevertWhen_OneOfTwoOwnersSigned() public {
        (Batch memory batch, bytes memory reports) = _fresh();
        Signature[] memory signatures = _signed(batch, 1);
        _refused(batch, reports, signatures);
    }

    function test_RevertWhen_TheSafeSignedAnotherBatch() public {
        (Batch memory batch, bytes memory reports) = _fresh();
        Signature[] memory signatures = _signed(batch, 2);
        batch.validUntil += 1;
        _refused(batch, reports, signatures);
    }

    /// @dev Owners who sign the digest itself have not signed as the Safe: their key alone must not count for it.
    function test_RevertWhen_TheOwnersSignedInTheirOwnName() public {
        (Batch memory batch, bytes memory reports) = _fresh();
        Signature[] memory signatures = new Signature[](1);
        bytes32 digest = parameters.batchDigest(batch);
        signatures[0] = Signature(address(safe), bytes.concat(_key(owners[0], digest), _key(owners[1], digest)));
        _refused(batch, reports, signatures);
    }

    function _refused(Batch memory batch, bytes memory reports, Signature[] memory signatures) private {
        bytes memory expected = abi.encodeWithSelector(ICollateralParameters.TooFewSignatures.selector, 0, 1);
        _rejects(batch, reports, signatures, expected);
    }

    function _signed(Batch memory batch, uint256 count) private view returns (Signature[] memory signatures) {
        bytes32 message = safe.getMessageHash(abi.encode(parameters.batchDigest(batch)));
        bytes memory data;
        for (uint256 i; i < count; ++i) {
            data = bytes.concat(data, _key(owners[i], message));
        }
        signatures = new Signature[](1);
        signatures[0] = Signature(address(safe), data);
    }

    function _key(uint256 key, bytes32 digest) private pure returns (bytes memory) {
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(key, digest);
        return abi.encodePacked(r, s, v);
    }

    function _deploy(string memory name) private returns (address) {
        string memory folder = "node_modules/@safe-global/safe-smart-account/build/artifacts/contracts/";
        return deployCode(string.concat(folder, name, ".json"));
    }
}
