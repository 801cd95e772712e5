// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {IERC1271} from "@openzeppelin/contracts/interfaces/IERC1271.sol";
import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";
import {ICollateralParameters, Signature} from "../interfaces/ICollateralParameters.sol";

/// @dev Who may sign batches. How many of them must is kept where every batch reads anyway (SettingsClock).
struct SignerSet {
    mapping(address account => bool) contains;
    /// @dev Strictly ascending.
    address[] members;
}

using SignerSetLib for SignerSet global;

library SignerSetLib {
    uint256 internal constant MAX_SIGNERS = 32;
    /// @dev A Safe with ten owners answers within this; a signer that burns more is skipped.
    uint256 internal constant CONTRACT_SIGNER_GAS = 100_000;

    /// @dev Replace the members, of whom `newThreshold` must sign.
    function replace(SignerSet storage set, address[] calldata newMembers, uint8 newThreshold) internal {
        uint256 count = newMembers.length;
        if (newThreshold == 0 || newThreshold > count || count > MAX_SIGNERS) {
            revert ICollateralParameters.BadSigners(count, newThreshold);
        }
        address[] storage old = set.members;
        for (uint256 i; i < old.length; ++i) {
            set.contains[old[i]] = false;
        }
        address last;
        for (uint256 i; i < count; ++i) {
            address member = newMembers[i];
            if (member <= last) revert ICollateralParameters.SignersNotAscending(last, member);
            set.contains[member] = true;
            last = member;
        }
        set.members = newMembers;
    }

    /// @dev Reverts unless `needed` distinct members signed. A bad signature is skipped; signers must ascend
    /// strictly, so a duplicate cannot count.
    function requireQuorum(SignerSet storage set, Signature[] calldata signatures, bytes32 digest, uint256 needed)
        internal
        view
    {
        uint256 valid;
        address last;
        for (uint256 i; i < signatures.length && valid < needed; ++i) {
            Signature calldata signature = signatures[i];
            address signer = signature.signer;
            if (signer <= last || !set.contains[signer] || !isValid(signer, digest, signature.data)) continue;
            last = signer;
            ++valid;
        }
        // Before the first signers are set nothing may pass.
        if (valid < needed || needed == 0) revert ICollateralParameters.TooFewSignatures(valid, needed);
    }

    /// @dev The account's own key first (an EIP-7702 account has code and a key), then EIP-1271.
    function isValid(address signer, bytes32 digest, bytes calldata data) internal view returns (bool) {
        (address recovered, ECDSA.RecoverError failure,) = ECDSA.tryRecoverCalldata(digest, data);
        if (failure == ECDSA.RecoverError.NoError && recovered == signer) return true;
        if (signer.code.length == 0) return false;
        // The answer cannot be larger than the capped gas pays for, so copying it is bounded too.
        (bool ok, bytes memory answer) =
            signer.staticcall{gas: CONTRACT_SIGNER_GAS}(abi.encodeCall(IERC1271.isValidSignature, (digest, data)));
        return ok && answer.length >= 32 && bytes32(answer) == bytes32(IERC1271.isValidSignature.selector);
    }
}
