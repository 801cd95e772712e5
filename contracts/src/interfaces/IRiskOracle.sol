// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

/// @title What AgentHub and Aave's injectors read of a risk oracle.
/// @dev The reading half of the interface those consumers were written against; struct order and revert texts are
/// theirs. The publishing and administering half is not offered: here only a quorum writes, through
/// ICollateralParameters.publish.
interface IRiskOracle {
    struct RiskParameterUpdate {
        /// @dev Unix seconds of the block that wrote the update.
        uint256 timestamp;
        bytes newValue;
        string referenceId;
        /// @dev Empty when there is none that is still known.
        bytes previousValue;
        string updateType;
        uint256 updateId;
        /// @dev As the consumer names it; what this is depends on the type.
        address market;
        bytes additionalData;
    }

    /// @dev Logged by oracles that store updates. A view cannot; followers of logs read ICollateralParameters' events.
    event ParameterUpdated(
        string referenceId,
        bytes newValue,
        bytes previousValue,
        uint256 timestamp,
        string indexed updateType,
        uint256 indexed updateId,
        address indexed market,
        bytes additionalData
    );

    /// @notice The newest update of a market and type. Reverts when there is none.
    function getLatestUpdateByParameterAndMarket(string calldata updateType, address market)
        external
        view
        returns (RiskParameterUpdate memory);

    /// @notice An update by its id. Reverts when no such update is known (any more).
    function getUpdateById(uint256 updateId) external view returns (RiskParameterUpdate memory);

    /// @notice Id of the newest update of a market and type; 0 when there is none.
    function latestUpdateIdByMarketAndType(address market, string calldata updateType) external view returns (uint256);

    /// @notice No id is above this one; 0 before the first.
    function updateCounter() external view returns (uint256);

    function description() external view returns (string memory);

    function getAllUpdateTypes() external view returns (string[] memory);

    /// @notice Whether an account may publish.
    function isAuthorized(address sender) external view returns (bool);
}
