// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

/// @title A token of a local chain that misbehaves in a way that is chosen, to see that the keeper notices.
/// @dev A mock on purpose: hostile tokens cannot be had otherwise. Plain until `become` is called.
contract DevHostileToken {
    enum Vice {
        NONE,
        FEE, // takes `parameter` bps of each transfer
        SALE_TAX, // takes `parameter` bps of transfers to `target`
        REBASE, // shows `parameter` bps of every balance
        CEILING, // refuses more than `parameter`
        SILENT, // answers nothing, as some honest tokens do
        FALSE_ANSWER, // moves nothing and answers false
        WRONG_ANSWER, // moves and answers 2
        LONG_ANSWER, // moves and answers `parameter` bytes
        BURNER, // burns `parameter` gas
        CALLER, // calls the receiver after each transfer
        BLACKLIST, // refuses transfers from `target`
        GENEROUS, // gives the receiver twice what the sender loses
        NO_BALANCE // balanceOf answers two words
    }

    uint8 public immutable decimals;
    uint256 public totalSupply;
    Vice public vice;
    uint256 public parameter;
    address public target;

    mapping(address account => uint256 amount) private _shares;
    mapping(address owner => mapping(address spender => uint256 amount)) public allowance;

    error Forbidden();

    constructor(uint8 decimals_) {
        decimals = decimals_;
    }

    function become(Vice vice_, uint256 parameter_, address target_) external {
        (vice, parameter, target) = (vice_, parameter_, target_);
    }

    function mint(address to, uint256 amount) external {
        (_shares[to], totalSupply) = (_shares[to] + amount, totalSupply + amount);
    }

    function approve(address spender, uint256 amount) external returns (bool) {
        allowance[msg.sender][spender] = amount;
        return true;
    }

    function transferFrom(address from, address to, uint256 amount) external returns (bool) {
        allowance[from][msg.sender] -= amount;
        _move(from, to, amount);
        return _answer();
    }

    function transfer(address to, uint256 amount) external returns (bool) {
        _move(msg.sender, to, amount);
        return _answer();
    }

    function balanceOf(address account) external view returns (uint256) {
        uint256 shown = _shares[account];
        if (vice == Vice.REBASE) shown = shown * parameter / 10_000;
        if (vice == Vice.NO_BALANCE) {
            assembly ("memory-safe") {
                mstore(0, shown)
                mstore(0x20, shown)
                return(0, 0x40)
            }
        }
        return shown;
    }

    function _move(address from, address to, uint256 amount) private {
        if (vice == Vice.FALSE_ANSWER) return;
        if (vice == Vice.CEILING && amount > parameter) revert Forbidden();
        if (vice == Vice.BLACKLIST && from == target) revert Forbidden();
        uint256 shares = vice == Vice.REBASE ? amount * 10_000 / parameter : amount;
        uint256 taken = vice == Vice.FEE || (vice == Vice.SALE_TAX && to == target) ? shares * parameter / 10_000 : 0;
        _shares[from] -= shares;
        _shares[to] += vice == Vice.GENEROUS ? 2 * shares : shares - taken;
        if (vice == Vice.BURNER) {
            uint256 until = gasleft() - parameter;
            while (gasleft() > until) {}
        }
        if (vice == Vice.CALLER) {
            (bool ok,) = to.call(
                abi.encodeWithSignature(
                    "tokensReceived(address,address,address,uint256,bytes,bytes)", from, from, to, amount, "", ""
                )
            );
            ok;
        }
    }

    function _answer() private view returns (bool) {
        (uint256 size, uint256 word) = (32, 1);
        if (vice == Vice.SILENT) size = 0;
        if (vice == Vice.FALSE_ANSWER) word = 0;
        if (vice == Vice.WRONG_ANSWER) word = 2;
        if (vice == Vice.LONG_ANSWER) size = parameter;
        assembly ("memory-safe") {
            mstore(0x80, word)
            return(0x80, size)
        }
    }
}
