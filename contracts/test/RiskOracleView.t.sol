// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {Base} from "./Base.t.sol";
import {Parameters, Values} from "../src/interfaces/ICollateralParameters.sol";
import {IRiskOracle} from "../src/interfaces/IRiskOracle.sol";
import {Ceiling} from "../src/types/Ceiling.sol";
import {Key, RiskOracleView} from "../src/views/RiskOracleView.sol";
import {Encoding, UpdateEncoding} from "../src/views/UpdateEncoding.sol";

contract RiskOracleViewTest is Base {
    address private constant CATEGORY = address(uint160(1));
    address private constant DEBT_TOKEN = address(0xDEB7);
    address private constant VTOKEN = address(0x7070);
    address private constant ASSET = address(0xA55E7);
    string private constant E_MODE = "EModeCategoryUpdate";
    string private constant CAP = "borrowCap";
    string private constant FACTORS = "collateralFactors";
    string private constant OURS = "haircut";
    uint256 private constant FIRST = 7;
    uint256 private constant KEYS = 5;
    string private constant NONE = "No update found for the specified parameter and market.";
    string private constant BAD_ID = "Invalid update ID.";

    RiskOracleView private oracle;

    function setUp() public override {
        super.setUp();
        oracle = new RiskOracleView(lens, "Bulkhead risk oracle", FIRST, _list());
    }

    function _list() private pure returns (Key[] memory list) {
        list = new Key[](KEYS);
        list[0] = Key(CATEGORY, MARKET, E_MODE, Encoding.EMode, 0);
        list[1] = Key(DEBT_TOKEN, MARKET, CAP, Encoding.Cap, 6);
        list[2] = Key(VTOKEN, MARKET, FACTORS, Encoding.Factors, 0);
        list[3] = Key(ASSET, MARKET, OURS, Encoding.Haircut, 0);
        list[4] = Key(ASSET, OTHER, "haircut of the other", Encoding.Haircut, 0);
    }

    function _latest(string memory kind, address market) private view returns (IRiskOracle.RiskParameterUpdate memory) {
        return oracle.getLatestUpdateByParameterAndMarket(kind, market);
    }

    function _idOf(uint256 number, uint256 index) private pure returns (uint256) {
        return FIRST + number * KEYS + index;
    }

    // ------------------------------------------------------------------------- getLatestUpdateByParameterAndMarket

    function test_TheLatestUpdateIsWhatTheLastReportWrote() public {
        report(MARKET, 3500);
        IRiskOracle.RiskParameterUpdate memory update = _latest(E_MODE, CATEGORY);
        assertEq(update.timestamp, block.timestamp);
        assertEq(update.newValue, abi.encode(6500, 8000, 500));
        assertEq(update.previousValue, abi.encode(7000, 8000, 500));
        assertEq(update.updateType, E_MODE);
        assertEq(update.market, CATEGORY);
        assertEq(update.updateId, _idOf(1, 0));
        assertEq(
            update.referenceId,
            string.concat("bulkhead:eip155:31337:", vm.toString(MARKET), ":1"),
            "chain, market and sequence"
        );
        uint256 observed = live(MARKET).observedBlock();
        assertEq(update.additionalData.length, 128);
        (bytes32 root, bytes32 settings, uint64 block_, uint64 sequence) =
            abi.decode(update.additionalData, (bytes32, bytes32, uint64, uint64));
        assertEq(root, bytes32(parameters.commitmentsRoot(uint64(observed), 0)));
        assertNotEq(root, 0);
        assertEq(settings, keccak256(DOCUMENT));
        assertEq(block_, observed);
        assertEq(sequence, 1);
    }

    function test_EveryTypeSaysTheSameInItsOwnWords() public {
        _setCeiling(2_000_000e6);
        report(MARKET, 3500);
        uint256 ceiling = parameters.parameters(MARKET).ceiling;
        assertGt(ceiling, 1_990_000e6);
        assertEq(_latest(CAP, DEBT_TOKEN).newValue, abi.encode(ceiling));
        assertEq(_latest(FACTORS, VTOKEN).newValue, abi.encode(0.65e18, 0.8e18));
        assertEq(_latest(OURS, ASSET).newValue, abi.encode(3500));
        assertEq(_latest("haircut of the other", ASSET).newValue, abi.encode(4000));
    }

    function test_RevertWhen_TheKeyIsNotInTheListOrHasNoUpdate() public {
        vm.expectRevert(bytes(NONE));
        oracle.getLatestUpdateByParameterAndMarket(E_MODE, ASSET);
        vm.expectRevert(bytes(NONE));
        oracle.getLatestUpdateByParameterAndMarket("x", CATEGORY);
        // There is no ceiling yet.
        vm.expectRevert(bytes(NONE));
        oracle.getLatestUpdateByParameterAndMarket(CAP, DEBT_TOKEN);
        vm.prank(governance);
        parameters.delistMarket(MARKET);
        vm.expectRevert(bytes(NONE));
        oracle.getLatestUpdateByParameterAndMarket(E_MODE, CATEGORY);
    }

    function test_AMarketThatWasNeverListedHasNoUpdate() public {
        Key[] memory list = new Key[](1);
        list[0] = Key(ASSET, keccak256("not yet"), OURS, Encoding.Haircut, 0);
        oracle = new RiskOracleView(lens, "", 1, list);
        assertEq(oracle.updateCounter(), 0);
        assertEq(oracle.latestUpdateIdByMarketAndType(ASSET, OURS), 0);
        vm.expectRevert(bytes(NONE));
        oracle.getLatestUpdateByParameterAndMarket(OURS, ASSET);
        vm.expectRevert(bytes(BAD_ID));
        oracle.getUpdateById(1);
        vm.prank(governance);
        parameters.listMarket(keccak256("not yet"), 0, 3000, 2000, 500);
        assertEq(oracle.updateCounter(), 1);
        assertEq(oracle.getUpdateById(1).newValue, abi.encode(3000));
    }

    function test_TheListingIsTheFirstUpdateAndHasNoPreviousValueNoRootAndSequenceZero() public view {
        IRiskOracle.RiskParameterUpdate memory update = _latest(OURS, ASSET);
        assertEq(update.updateId, _idOf(0, 3));
        assertEq(update.timestamp, START_TIME);
        assertEq(update.newValue, abi.encode(3000));
        assertEq(update.previousValue, "");
        (bytes32 root,, uint64 observed, uint64 sequence) =
            abi.decode(update.additionalData, (bytes32, bytes32, uint64, uint64));
        assertEq(root, 0);
        assertEq(observed, START_BLOCK - 1);
        assertEq(sequence, 0);
    }

    function test_SilentDecayShowsInTheValueAndNotInIdOrTimestamp() public {
        report(MARKET, 3500);
        uint256 written = block.timestamp;
        passTime(40 hours);
        uint256 effective = parameters.parameters(MARKET).haircutBps;
        assertGt(effective, 3500);
        IRiskOracle.RiskParameterUpdate memory update = _latest(OURS, ASSET);
        assertEq(update.newValue, abi.encode(effective));
        assertEq(update.updateId, _idOf(1, 3));
        assertEq(update.timestamp, written);
        // Once it is history it is what it was at its write.
        report(MARKET, 3600);
        assertEq(oracle.getUpdateById(_idOf(1, 3)).newValue, abi.encode(3500));
        assertEq(_latest(OURS, ASSET).previousValue, abi.encode(3500));
    }

    function test_ARaiseOfTheRegimeIsANewUpdateAndItsEndIsSilent() public {
        report(MARKET, 3500);
        vm.prank(governance);
        parameters.raiseRegime(MARKET, 1, 1 hours);
        IRiskOracle.RiskParameterUpdate memory update = _latest(OURS, ASSET);
        assertEq(update.updateId, _idOf(2, 3));
        assertEq(update.newValue, abi.encode(3800));
        passTime(2 hours);
        assertEq(_latest(OURS, ASSET).updateId, _idOf(2, 3));
        assertEq(_latest(OURS, ASSET).newValue, abi.encode(3500));
        report(MARKET, 3400);
        assertEq(oracle.getUpdateById(_idOf(2, 3)).newValue, abi.encode(3800), "at its write it was raised");
        assertEq(_latest(OURS, ASSET).previousValue, abi.encode(3800));
    }

    function test_AHaltIsSaidInWordsThatEveryTargetTakes() public {
        _setCeiling(2_000_000e6);
        vm.prank(governance);
        parameters.raiseRegime(MARKET, 3, 1 hours);
        assertEq(parameters.parameters(MARKET).ceiling, 0);
        assertEq(_latest(OURS, ASSET).newValue, abi.encode(10_000));
        assertEq(_latest(E_MODE, CATEGORY).newValue, abi.encode(1, 8000, 500), "Aave takes no loan-to-value of 0 here");
        assertEq(_latest(CAP, DEBT_TOKEN).newValue, abi.encode(1e6), "a cap of 0 would mean none");
        assertEq(_latest(FACTORS, VTOKEN).newValue, abi.encode(0, 0.8e18));
    }

    function test_AHaltWithoutACeilingGivesNoCapBecauseNothingCouldLiftItAgain() public {
        vm.prank(governance);
        parameters.raiseRegime(MARKET, 3, 1 hours);
        assertEq(oracle.latestUpdateIdByMarketAndType(DEBT_TOKEN, CAP), 0);
        vm.expectRevert(bytes(NONE));
        oracle.getLatestUpdateByParameterAndMarket(CAP, DEBT_TOKEN);
    }

    function test_ACapThatFollowsNoneHasNoPreviousValue() public {
        _setCeiling(2_000_000e6);
        IRiskOracle.RiskParameterUpdate memory update = _latest(CAP, DEBT_TOKEN);
        assertEq(update.updateId, _idOf(1, 1));
        assertEq(update.previousValue, "");
        report(MARKET, 3100);
        assertEq(_latest(CAP, DEBT_TOKEN).previousValue, update.newValue);
    }

    function test_TheLiquidationThresholdFollowsItsRamp() public {
        vm.prank(governance);
        parameters.setMarket(MARKET, 0, Values(4000, 3000, 500, 0, 0));
        assertEq(_latest(E_MODE, CATEGORY).newValue, abi.encode(6000, 8000, 500));
        passTime(36 hours);
        (, uint256 threshold,) = abi.decode(_latest(E_MODE, CATEGORY).newValue, (uint256, uint256, uint256));
        assertEq(threshold, 7500);
        report(MARKET, 4100);
        uint256 id = oracle.latestUpdateIdByMarketAndType(CATEGORY, E_MODE);
        passTime(36 hours);
        report(MARKET, 4200);
        (, threshold,) = abi.decode(oracle.getUpdateById(id).newValue, (uint256, uint256, uint256));
        // 36 hours and the 300 s of the report's window into 72.
        assertEq(threshold, 10_000 - (2000 + uint256(1000) * (36 hours + 300) / 72 hours));
    }

    function test_ARampLongerThanTheHistoryIsStillPlacedRight() public {
        vm.prank(governance);
        parameters.setMarket(MARKET, 0, Values(4000, 3000, 500, 0, 0));
        uint256 start = block.timestamp;
        for (uint256 i; i < 300; ++i) {
            report(MARKET, 4000 + i % 2);
        }
        uint256 id = oracle.latestUpdateIdByMarketAndType(CATEGORY, E_MODE);
        uint256 expected = 10_000 - (2000 + uint256(1000) * (block.timestamp - start) / 72 hours);
        report(MARKET, 4000);
        (, uint256 threshold,) = abi.decode(oracle.getUpdateById(id).newValue, (uint256, uint256, uint256));
        assertEq(threshold, expected);
    }

    /// @dev The hub reads twice for every market it writes.
    function test_ReadingTheLatestUpdateStaysCheapAlsoUnderARamp() public {
        report(MARKET, 4500);
        report(MARKET, 4600);
        uint256 before = gasleft();
        oracle.getLatestUpdateByParameterAndMarket(E_MODE, CATEGORY);
        uint256 atRest = before - gasleft();
        vm.prank(governance);
        parameters.setMarket(MARKET, 0, Values(4600, 3000, 500, 0, 0));
        for (uint256 i; i < 40; ++i) {
            report(MARKET, 4600);
        }
        before = gasleft();
        oracle.getLatestUpdateByParameterAndMarket(E_MODE, CATEGORY);
        uint256 ramping = before - gasleft();
        emit log_named_uint("at rest", atRest);
        emit log_named_uint("ramping", ramping);
        assertLt(atRest, 150_000);
        assertLt(ramping, 150_000);
    }

    function test_SettingsThatChangedInsideTheWindowAreNotClaimed() public {
        report(MARKET, 3500);
        uint256 observed = live(MARKET).observedBlock();
        uint256 end = (observed + CADENCE - 1) / CADENCE * CADENCE;
        assertNotEq(end, observed);
        vm.mockCall(
            address(parameters), abi.encodeCall(parameters.settingsHashAt, (uint64(end))), abi.encode(bytes32("other"))
        );
        (, bytes32 settings,,) = abi.decode(_latest(OURS, ASSET).additionalData, (bytes32, bytes32, uint64, uint64));
        assertEq(settings, 0);
    }

    // ------------------------------------------------------------------------------------------------ getUpdateById

    function test_EveryUpdateIsFoundByItsIdAndLinksToTheOneBefore() public {
        uint256[4] memory targets = [uint256(3300), 3700, 4100, 4600];
        for (uint256 i; i < 4; ++i) {
            report(MARKET, targets[i]);
        }
        bytes memory previous = "";
        uint256 time;
        for (uint256 number; number <= 4; ++number) {
            IRiskOracle.RiskParameterUpdate memory update = oracle.getUpdateById(_idOf(number, 3));
            assertEq(update.updateId, _idOf(number, 3));
            assertEq(update.newValue, abi.encode(number == 0 ? 3000 : targets[number - 1]));
            assertEq(update.previousValue, previous);
            assertEq(update.market, ASSET);
            assertEq(update.updateType, OURS);
            assertGt(update.timestamp, time);
            (previous, time) = (update.newValue, update.timestamp);
        }
    }

    function test_RevertWhen_TheIdIsNoneOrTooNew(uint256 id) public {
        report(MARKET, 3500);
        _invalid(0);
        _invalid(FIRST - 1);
        _invalid(_idOf(2, 3));
        // No ceiling was written, and the other market has no update of that number.
        _invalid(_idOf(0, 1));
        _invalid(_idOf(1, 4));
        _invalid(bound(id, _idOf(2, 0), type(uint256).max));
    }

    function test_RevertWhen_TheHistoryHoldsTheUpdateNoMore() public {
        for (uint256 i; i < 260; ++i) {
            report(MARKET, 3000 + i);
        }
        (uint256 oldest,) = lens.historyRange(MARKET);
        assertEq(oldest, 5);
        _invalid(_idOf(oldest - 1, 3));
        IRiskOracle.RiskParameterUpdate memory update = oracle.getUpdateById(_idOf(oldest, 3));
        assertEq(update.newValue, abi.encode(3004));
        assertEq(update.previousValue, "", "not known any more");
        assertEq(oracle.getUpdateById(_idOf(oldest + 1, 3)).previousValue, abi.encode(3004));
    }

    function test_ADelistedMarketKeepsItsUpdatesAsTheyWereWritten() public {
        report(MARKET, 3500);
        vm.prank(governance);
        parameters.delistMarket(MARKET);
        passTime(40 hours);
        IRiskOracle.RiskParameterUpdate memory update = oracle.getUpdateById(_idOf(1, 3));
        assertEq(update.newValue, abi.encode(3500));
        assertEq(oracle.latestUpdateIdByMarketAndType(ASSET, OURS), 0);
        assertEq(oracle.updateCounter(), _idOf(1, 3), "the counter never falls");
    }

    function test_IdsAreUniqueOverMarketsAndTypes() public {
        report(MARKET, 3100);
        report(MARKET, 3200);
        report(OTHER, 4100);
        assertEq(oracle.latestUpdateIdByMarketAndType(CATEGORY, E_MODE), _idOf(2, 0));
        assertEq(oracle.latestUpdateIdByMarketAndType(VTOKEN, FACTORS), _idOf(2, 2));
        assertEq(oracle.latestUpdateIdByMarketAndType(ASSET, OURS), _idOf(2, 3));
        assertEq(oracle.latestUpdateIdByMarketAndType(ASSET, "haircut of the other"), _idOf(1, 4));
        assertEq(oracle.getUpdateById(_idOf(1, 4)).updateType, "haircut of the other");
        assertEq(oracle.getUpdateById(_idOf(1, 4)).newValue, abi.encode(4100));
        assertEq(oracle.getUpdateById(_idOf(1, 2)).market, VTOKEN);
    }

    // ----------------------------------------------------------------------------------------- ids, types, the rest

    function test_IdsRiseWithEveryChangeWhoeverMadeIt() public {
        uint256 last = oracle.latestUpdateIdByMarketAndType(ASSET, OURS);
        assertEq(last, _idOf(0, 3));
        report(MARKET, 5000);
        last = _risen(last);
        passTime(300);
        parameters.advance(MARKET);
        last = _risen(last);
        reportEmergency(MARKET, 5200);
        last = _risen(last);
        vm.startPrank(governance);
        parameters.raiseRegime(MARKET, 2, 1 hours);
        last = _risen(last);
        parameters.setMarket(MARKET, 0, Values(3000, 2000, 500, 0, 0));
        last = _risen(last);
        parameters.delistMarket(MARKET);
        parameters.listMarket(MARKET, 0, 3000, 2000, 500);
        vm.stopPrank();
        last = _risen(last);
    }

    function _risen(uint256 last) private view returns (uint256 id) {
        id = oracle.latestUpdateIdByMarketAndType(ASSET, OURS);
        assertEq(id, last + KEYS);
    }

    function test_TheCounterIsTheHighestIdOfAll() public {
        assertEq(oracle.updateCounter(), _idOf(0, 4));
        report(MARKET, 3500);
        assertEq(oracle.updateCounter(), _idOf(1, 3));
        report(OTHER, 4500);
        report(OTHER, 4600);
        assertEq(oracle.updateCounter(), _idOf(2, 4));
    }

    function test_ANewViewWhoseFirstIdLiesAboveTheOldCounterGoesOn() public {
        report(MARKET, 3500);
        uint256 counter = oracle.updateCounter();
        Key[] memory list = new Key[](1);
        list[0] = Key(ASSET, MARKET, OURS, Encoding.Haircut, 0);
        RiskOracleView next = new RiskOracleView(lens, "", counter + 1, list);
        assertGt(next.latestUpdateIdByMarketAndType(ASSET, OURS), counter);
    }

    function test_TheViewNamesItselfItsTypesAndItsKeys() public view {
        assertEq(oracle.description(), "Bulkhead risk oracle");
        string[] memory types = oracle.getAllUpdateTypes();
        assertEq(types.length, 5);
        assertEq(types[0], E_MODE);
        assertEq(types[3], OURS);
        assertEq(abi.encode(oracle.keys()), abi.encode(_list()));
        assertEq(oracle.firstId(), FIRST);
        assertEq(address(oracle.source()), address(parameters));
        assertEq(address(oracle.lens()), address(lens));
    }

    function test_ATypeOfSeveralMarketsIsListedOnce() public {
        Key[] memory list = new Key[](2);
        list[0] = Key(ASSET, MARKET, OURS, Encoding.Haircut, 0);
        list[1] = Key(VTOKEN, OTHER, OURS, Encoding.Haircut, 0);
        oracle = new RiskOracleView(lens, "", 1, list);
        assertEq(oracle.getAllUpdateTypes().length, 1);
    }

    function test_NobodyIsAuthorizedAndThePublishingHalfIsAbsent(address account) public {
        assertFalse(oracle.isAuthorized(account));
        bytes4[5] memory absent = [bytes4(0xb0be2505), 0x031ed79c, 0xfa7229ee, 0xcbd57967, 0x77abc9bd];
        for (uint256 i; i < absent.length; ++i) {
            (bool ok,) = address(oracle).call(abi.encodePacked(absent[i], new bytes(320)));
            assertFalse(ok);
        }
    }

    function test_SelectorsAndTopicAreTheOriginals() public pure {
        assertEq(IRiskOracle.getLatestUpdateByParameterAndMarket.selector, bytes4(0x5decfee4));
        assertEq(IRiskOracle.getUpdateById.selector, bytes4(0x37759b9a));
        assertEq(IRiskOracle.latestUpdateIdByMarketAndType.selector, bytes4(0x6a309fe9));
        assertEq(IRiskOracle.updateCounter.selector, bytes4(0x1687fe8e));
        assertEq(IRiskOracle.description.selector, bytes4(0x7284e416));
        assertEq(IRiskOracle.getAllUpdateTypes.selector, bytes4(0xc030ce7b));
        assertEq(IRiskOracle.isAuthorized.selector, bytes4(0xfe9fbb80));
        assertEq(
            IRiskOracle.ParameterUpdated.selector, 0xf4ffa2dade992ad974b9415d5dc108fa2a4a6de3822a3a0bb50d5e6991bdb8ae
        );
    }

    // -------------------------------------------------------------------------------------------------- constructor

    function test_RevertWhen_AKeyCouldNotBeServed() public {
        Key[] memory list = _list();
        list[2].market = address(0);
        _badKey(list, 2);
        list = _list();
        list[3].parameters = 0;
        _badKey(list, 3);
        list = _list();
        list[1].decimals = 37;
        _badKey(list, 1);
        list = _list();
        list[4].updateType = OURS;
        _badKey(list, 4);
        string[5] memory known = [E_MODE, "supplyCap", CAP, FACTORS, OURS];
        Encoding[5] memory wrong = [Encoding.Cap, Encoding.EMode, Encoding.Haircut, Encoding.EMode, Encoding.Cap];
        for (uint256 i; i < 5; ++i) {
            list = _list();
            list[0].updateType = known[i];
            list[0].encoding = wrong[i];
            _badKey(list, 0);
        }
    }

    function _badKey(Key[] memory list, uint256 index) private {
        vm.expectRevert(
            abi.encodeWithSelector(RiskOracleView.BadKey.selector, index, list[index].market, list[index].updateType)
        );
        new RiskOracleView(lens, "", 1, list);
    }

    function test_RevertWhen_ATypeIsEmptyOrLongerThan64Bytes() public {
        Key[] memory list = _list();
        list[0].updateType = "";
        vm.expectRevert("Invalid update type string");
        new RiskOracleView(lens, "", 1, list);
        list[0].updateType = string(abi.encodePacked(bytes32("a"), bytes32("b"), "c"));
        vm.expectRevert("Invalid update type string");
        new RiskOracleView(lens, "", 1, list);
        list[0].updateType = string(abi.encodePacked(bytes32("a"), bytes32("b")));
        assertEq(bytes(new RiskOracleView(lens, "", 1, list).getAllUpdateTypes()[0]).length, 64);
    }

    function test_RevertWhen_TheFirstIdIsZeroOrTheListIsEmpty() public {
        vm.expectRevert(abi.encodeWithSelector(RiskOracleView.BadFirstId.selector, 0));
        new RiskOracleView(lens, "", 0, _list());
        vm.expectRevert(RiskOracleView.NoKeys.selector);
        new RiskOracleView(lens, "", 1, new Key[](0));
    }

    // --------------------------------------------------------------------------------------------------- encodings

    function test_EModeIsTheInverseOfItsDecoderAndRefusesWhatAaveWould(
        uint16 haircut_,
        uint16 liquidation,
        uint16 bonus
    ) public pure {
        Parameters memory values = _values(haircut_, liquidation, bonus);
        bytes memory value = UpdateEncoding.encode(Encoding.EMode, values, false, 0);
        uint256 ltv = 10_000 - values.haircutBps;
        uint256 threshold = 10_000 - values.liquidationHaircutBps;
        if (ltv == 0) ltv = 1;
        // As Aave checks it: half up.
        uint256 product = (threshold * (10_000 + uint256(values.bonusBps)) + 5000) / 10_000;
        if (value.length == 0) {
            assertTrue(
                values.bonusBps == 0 || ltv > threshold || threshold * (10_000 + uint256(values.bonusBps)) > 100_000_000
            );
            return;
        }
        assertEq(value.length, 96);
        (uint256 a, uint256 b, uint256 c) = abi.decode(value, (uint256, uint256, uint256));
        assertEq(a, ltv);
        assertEq(b, threshold);
        assertEq(c, values.bonusBps);
        assertTrue(a != 0 && a <= b && c != 0 && product <= 10_000);
    }

    function test_FactorsAreTheInverseOfTheirDecoderAndRefuseWhatVenusWould(uint16 haircut_, uint16 liquidation)
        public
        pure
    {
        Parameters memory values = _values(haircut_, liquidation, 500);
        bytes memory value = UpdateEncoding.encode(Encoding.Factors, values, false, 0);
        if (values.haircutBps < values.liquidationHaircutBps) {
            assertEq(value.length, 0);
            return;
        }
        assertEq(value.length, 64);
        (uint256 factor, uint256 threshold) = abi.decode(value, (uint256, uint256));
        assertEq(10_000 - factor * 10_000 / 1e18, values.haircutBps);
        assertEq(10_000 - threshold * 10_000 / 1e18, values.liquidationHaircutBps);
        assertLe(factor, threshold);
    }

    function test_CapsAreBigEndianBaseUnitsAndNeverLessThanAToken(uint24 encoded, uint8 decimals) public pure {
        decimals = uint8(bound(decimals, 0, 36));
        Parameters memory values;
        values.ceiling = Ceiling.decode(bound(encoded, 1, (1 << 20) - 1));
        bytes memory value = UpdateEncoding.encode(Encoding.Cap, values, true, decimals);
        assertEq(value.length, 32);
        uint256 read;
        for (uint256 i; i < 32; ++i) {
            read = read << 8 | uint8(value[i]);
        }
        uint256 token = 10 ** uint256(decimals);
        assertEq(read, values.ceiling < token ? token : values.ceiling);
        assertGe(read / token, 1);
        assertEq(UpdateEncoding.encode(Encoding.Cap, values, false, decimals).length, 0);
    }

    function test_OurOwnTypeIsTheEffectiveHaircut(uint16 haircut_) public pure {
        Parameters memory values = _values(haircut_, 0, 0);
        bytes memory value = UpdateEncoding.encode(Encoding.Haircut, values, false, 0);
        assertEq(abi.decode(value, (uint256)), values.haircutBps);
    }

    function _values(uint16 haircut_, uint16 liquidation, uint16 bonus)
        private
        pure
        returns (Parameters memory values)
    {
        values.haircutBps = uint16(bound(haircut_, 0, 10_000));
        values.liquidationHaircutBps = uint16(bound(liquidation, 0, 9999));
        values.bonusBps = uint16(bound(bonus, 0, 10_000));
    }

    // ------------------------------------------------------------------------------------------------------ helpers

    function _setCeiling(uint256 baseUnits) private {
        vm.prank(governance);
        parameters.setMarket(MARKET, 0, Values(3000, 2000, 500, 0, uint24(Ceiling.encodeDown(baseUnits))));
    }

    function _invalid(uint256 id) private {
        vm.expectRevert(bytes(BAD_ID));
        oracle.getUpdateById(id);
    }
}
