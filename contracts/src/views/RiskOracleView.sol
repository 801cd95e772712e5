// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {Strings} from "@openzeppelin/contracts/utils/Strings.sol";
import {ICollateralParameters, Parameters} from "../interfaces/ICollateralParameters.sol";
import {IRiskOracle} from "../interfaces/IRiskOracle.sol";
import {LiveWord} from "../types/LiveWord.sol";
import {ParametersLens} from "./ParametersLens.sol";
import {Encoding, UpdateEncoding} from "./UpdateEncoding.sol";

/// @dev One thing a consumer can ask for.
struct Key {
    /// @dev As the consumer names it: aToken, debt token, vToken, `address(uint160(eModeId))`.
    address market;
    /// @dev The market of CollateralParameters that answers.
    bytes32 parameters;
    /// @dev 1 to 64 bytes.
    string updateType;
    Encoding encoding;
    /// @dev Of the debt asset; read only for caps.
    uint8 decimals;
}

/// @title CollateralParameters as a risk oracle that AgentHub and Aave's injectors can read unchanged.
///
/// Every change of a market (report, staged step, activation, raise of a regime, act of governance) is an update of each
/// of its keys, with the id
///
///     first id + update id of the market * number of keys + index of the key
///
/// so ids are unique over all keys and only rise for each, which is all that consumers need; they are not dense.
///
/// The newest update of a key carries what holds **now**, with the widening by age, the end of a regime and the place on
/// a ramp: a consumer that writes it into its protocol writes the effective value. Its id and timestamp stay those of the
/// write, so age stays visible; what changes silently later has no id of its own and must be read from
/// ICollateralParameters.parameters or brought by an adapter's `sync`. Older updates carry the value at their write.
///
/// A delisted market, and values that the consumer's target would refuse (views/UpdateEncoding.sol), are no update.
///
/// Assumptions. Holds no authority and no state beside its list; a new list is a new view, whose first id lies above the
/// counter of the one it replaces.
contract RiskOracleView is IRiskOracle {
    /// @dev A key that could not be served: no market, no parameters, a known type with another encoding, decimals
    /// above 36, or the same market and type twice.
    error BadKey(uint256 index, address market, string updateType);
    error BadFirstId(uint256 firstId);
    error NoKeys();

    // ---------------------------------------------------------------------------------------------------- constants

    uint256 private constant MAX_TYPE_BYTES = 64;
    /// @dev More would be a mistake, and 10^77 does not fit.
    uint256 private constant MAX_DECIMALS = 36;

    // --------------------------------------------------------------------------------------------------- immutables

    ParametersLens public immutable lens;
    ICollateralParameters public immutable source;
    /// @notice Ids start here.
    uint256 public immutable firstId;

    // ------------------------------------------------------------------------------------------------------ storage

    /// @inheritdoc IRiskOracle
    string public description;
    Key[] private _keys;
    string[] private _types;
    /// @dev Index in the list + 1; 0 = not in it.
    mapping(bytes32 marketAndType => uint256) private _positions;

    // -------------------------------------------------------------------------------------------------- constructor

    constructor(ParametersLens lens_, string memory description_, uint256 firstId_, Key[] memory keys_) {
        if (firstId_ == 0) revert BadFirstId(firstId_);
        if (keys_.length == 0) revert NoKeys();
        lens = lens_;
        source = lens_.source();
        description = description_;
        firstId = firstId_;
        for (uint256 i; i < keys_.length; ++i) {
            _add(i, keys_[i]);
        }
    }

    function _add(uint256 index, Key memory key) private {
        uint256 length = bytes(key.updateType).length;
        require(length != 0 && length <= MAX_TYPE_BYTES, "Invalid update type string");
        bytes32 id = _marketAndType(key.market, key.updateType);
        bool sound = key.market != address(0) && key.parameters != 0 && key.decimals <= MAX_DECIMALS
            && _positions[id] == 0 && _fits(key.updateType, key.encoding);
        if (!sound) revert BadKey(index, key.market, key.updateType);
        _keys.push(key);
        _positions[id] = index + 1;
        bytes32 hash = keccak256(bytes(key.updateType));
        for (uint256 i; i < _types.length; ++i) {
            if (keccak256(bytes(_types[i])) == hash) return;
        }
        _types.push(key.updateType);
    }

    /// @dev The consumers of a known type decode it in one way; any other name is its user's own affair.
    function _fits(string memory updateType, Encoding encoding) private pure returns (bool) {
        if (Strings.equal(updateType, "EModeCategoryUpdate")) return encoding == Encoding.EMode;
        if (Strings.equal(updateType, "supplyCap")) return encoding == Encoding.Cap;
        if (Strings.equal(updateType, "borrowCap")) return encoding == Encoding.Cap;
        if (Strings.equal(updateType, "collateralFactors")) return encoding == Encoding.Factors;
        if (Strings.equal(updateType, "haircut")) return encoding == Encoding.Haircut;
        return true;
    }

    // ----------------------------------------------------------------------------------------------------- updates

    /// @inheritdoc IRiskOracle
    function getLatestUpdateByParameterAndMarket(string calldata updateType, address market)
        external
        view
        returns (RiskParameterUpdate memory update)
    {
        uint256 position = _positions[_marketAndType(market, updateType)];
        if (position != 0) update = _latest(position - 1);
        require(update.newValue.length != 0, "No update found for the specified parameter and market.");
    }

    /// @inheritdoc IRiskOracle
    function getUpdateById(uint256 updateId) external view returns (RiskParameterUpdate memory update) {
        if (updateId >= firstId) {
            uint256 offset = updateId - firstId;
            uint256 index = offset % _keys.length;
            (bool held, bool latest) = _find(_keys[index].parameters, offset / _keys.length);
            if (latest) update = _latest(index);
            else if (held) update = _older(index, offset / _keys.length);
        }
        require(update.newValue.length != 0, "Invalid update ID.");
    }

    /// @dev Whether the history holds an update of a market, and whether it is the one that holds now.
    function _find(bytes32 market, uint256 number) private view returns (bool held, bool latest) {
        LiveWord live = LiveWord.wrap(source.liveWord(market));
        if (live.raw() == 0) return (false, false);
        (uint256 oldest, uint256 newest) = lens.historyRange(market);
        held = number >= oldest && number <= newest;
        latest = number == newest && live.isListed();
    }

    /// @dev What holds now; without a new value when the key has no update.
    function _latest(uint256 index) private view returns (RiskParameterUpdate memory update) {
        Key storage key = _keys[index];
        LiveWord live = LiveWord.wrap(source.liveWord(key.parameters));
        if (!live.isListed()) return update;
        Parameters memory values = source.parameters(key.parameters);
        bytes memory value = _encode(key, live, values);
        if (value.length != 0) _fill(update, index, values.updateId, live, value);
    }

    /// @dev What an update wrote; without a new value when that was none.
    function _older(uint256 index, uint256 number) private view returns (RiskParameterUpdate memory update) {
        (bytes memory value, LiveWord live) = _valueOf(_keys[index], number);
        if (value.length != 0) _fill(update, index, number, live, value);
    }

    /// @dev `live` carries what both the live word and its copy in the history carry.
    function _fill(RiskParameterUpdate memory update, uint256 index, uint256 number, LiveWord live, bytes memory value)
        private
        view
    {
        Key storage key = _keys[index];
        (uint256 oldest,) = lens.historyRange(key.parameters);
        (, update.timestamp) = lens.parametersOf(key.parameters, number);
        update.newValue = value;
        update.referenceId = _referenceId(key.parameters, live);
        if (number > oldest) (update.previousValue,) = _valueOf(key, number - 1);
        update.updateType = key.updateType;
        update.updateId = _idOf(index, number);
        update.market = key.market;
        update.additionalData = _additionalData(live);
    }

    function _valueOf(Key storage key, uint256 number) private view returns (bytes memory, LiveWord) {
        LiveWord live = LiveWord.wrap(lens.historyPage(key.parameters, number, 1)[0]);
        (Parameters memory values,) = lens.parametersOf(key.parameters, number);
        return (_encode(key, live, values), live);
    }

    function _encode(Key storage key, LiveWord live, Parameters memory values) private view returns (bytes memory) {
        return UpdateEncoding.encode(key.encoding, values, live.ceiling() != 0, key.decimals);
    }

    function _referenceId(bytes32 market, LiveWord live) private view returns (string memory) {
        string memory chain = Strings.toString(block.chainid);
        string memory number = Strings.toString(live.sequence());
        return string.concat("bulkhead:eip155:", chain, ":", Strings.toHexString(uint256(market), 32), ":", number);
    }

    /// @dev Where the report behind an update can be checked. Zeros where that is not known (any more): before the first
    /// report there is no root, and settings that changed inside the report's window may be either.
    function _additionalData(LiveWord live) private view returns (bytes memory) {
        uint64 observed = uint64(live.observedBlock());
        uint64 end = uint64(Math.ceilDiv(observed, source.cadence()) * source.cadence());
        bytes32 settings = source.settingsHashAt(observed);
        if (settings != source.settingsHashAt(end)) settings = 0;
        bytes32 root;
        if (live.sequence() != 0) root = bytes32(source.commitmentsRoot(observed, uint8(live.batchIndex())));
        return abi.encode(root, settings, observed, uint64(live.sequence()));
    }

    // --------------------------------------------------------------------------------------------------------- ids

    /// @inheritdoc IRiskOracle
    function latestUpdateIdByMarketAndType(address market, string calldata updateType) external view returns (uint256) {
        uint256 position = _positions[_marketAndType(market, updateType)];
        return position == 0 ? 0 : _latest(position - 1).updateId;
    }

    /// @inheritdoc IRiskOracle
    function updateCounter() external view returns (uint256 highest) {
        for (uint256 i; i < _keys.length; ++i) {
            bytes32 market = _keys[i].parameters;
            if (source.liveWord(market) == 0) continue;
            (, uint256 newest) = lens.historyRange(market);
            highest = Math.max(highest, _idOf(i, newest));
        }
    }

    function _idOf(uint256 index, uint256 number) private view returns (uint256) {
        return firstId + number * _keys.length + index;
    }

    function _marketAndType(address market, string memory updateType) private pure returns (bytes32) {
        return keccak256(abi.encode(market, updateType));
    }

    // -------------------------------------------------------------------------------------------------------- list

    /// @notice What can be asked for, in the order of the ids.
    function keys() external view returns (Key[] memory) {
        return _keys;
    }

    /// @inheritdoc IRiskOracle
    function getAllUpdateTypes() external view returns (string[] memory) {
        return _types;
    }

    /// @inheritdoc IRiskOracle
    /// @dev Nobody: this view stores nothing.
    function isAuthorized(address) external pure returns (bool) {
        return false;
    }
}
