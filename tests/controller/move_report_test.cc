#include "migration/move_report.h"

#include <gmock/gmock.h>

namespace zk::migration {
namespace {

using agent_api::ElectionEntry;
using agent_api::Role;
using testing::ElementsAre;
using testing::HasSubstr;

milliseconds ms(int count) { return milliseconds(count); }

ProbeHistory told(const WriteLedger& ledger) {
    ProbeHistory history;
    ledger.tell(history);
    return history;
}

TEST(WriteLedger, CountsWhatWasAcknowledgedAndTheLongestGap) {
    WriteLedger ledger;
    ledger.begin(ms(100));
    ledger.acknowledge(ms(150));
    ledger.acknowledge(ms(900));
    ledger.acknowledge(ms(950));
    const ProbeHistory history = told(ledger);
    EXPECT_EQ(history.acknowledged, 3u);
    EXPECT_EQ(history.lost, 0u);
    EXPECT_EQ(history.longest_gap, ms(750));
    EXPECT_EQ(history.gap_at, ms(50));
    EXPECT_EQ(history.lasted, ms(850));
}

TEST(WriteLedger, AWriteWithoutAnAnswerIsOneOrNone) {
    WriteLedger ledger;
    ledger.acknowledge(ms(10));
    ledger.find(1, ms(20));  // it was not done
    EXPECT_EQ(ledger.last(), 1u);
    ledger.find(2, ms(700));  // it was
    EXPECT_EQ(ledger.last(), 2u);
    const ProbeHistory history = told(ledger);
    EXPECT_EQ(history.acknowledged, 1u);
    EXPECT_EQ(history.unanswered, 1u);
    EXPECT_EQ(history.lost, 0u);
    EXPECT_EQ(history.longest_gap, ms(690));
}

TEST(WriteLedger, WhatWasAcknowledgedAndIsNotThereIsLost) {
    WriteLedger ledger;
    for (int i = 1; i <= 5; ++i) ledger.acknowledge(ms(i));
    ledger.find(3, ms(9));
    EXPECT_EQ(told(ledger).lost, 2u);
    EXPECT_EQ(ledger.last(), 3u);
}

ElectionEntry entry(int at, Role role, std::uint32_t epoch) {
    return {WallMs(at), role, Epoch(epoch), std::nullopt};
}

TEST(Reigns, AreThoseSinceTheBeginningAndTheOneThatHeldThen) {
    const std::vector<Seen> seen = {
        {ServerId(1), {entry(50, Role::leader, 3), entry(100, Role::follower, 4)}, ms(0)},
        {ServerId(2), {entry(100, Role::follower, 4), entry(1500, Role::leader, 5)}, ms(0)},
        // Its clock is 10 s ahead.
        {ServerId(3), {entry(10100, Role::leader, 4), entry(11400, Role::looking, 4)}, ms(10000)}};
    EXPECT_THAT(
        reigns_since(WallMs(1000), seen),
        ElementsAre(Reign{ServerId(3), Epoch(4), ms(0)}, Reign{ServerId(2), Epoch(5), ms(500)}));
}

TEST(Reigns, OneThatEndedBeforeIsNone) {
    const std::vector<Seen> seen = {
        {ServerId(1), {entry(50, Role::leader, 3), entry(100, Role::follower, 4)}, ms(0)}};
    EXPECT_TRUE(reigns_since(WallMs(1000), seen).empty());
}

TEST(MoveReport, SaysWhatWasNotMeasuredAndWhoWentBack) {
    MoveReport report;
    report.probes.unmeasured = "this machine cannot use the client ports: refused";
    report.moves = {{ServerId(1), ms(2500), "/d.before", ""}, {ServerId(2), ms(0), "", "no gate"}};
    report.reigns = {{ServerId(3), Epoch(4), ms(0)}, {ServerId(2), Epoch(5), ms(6500)}};
    EXPECT_THAT(report_lines(report),
                ElementsAre(HasSubstr("not measured: this machine cannot"),
                            "node 1: away 2.5 s; its data as they were: /d.before",
                            "node 2: has its old server again: no gate",
                            "led: server 3 (epoch 4), then server 2 (epoch 5) after 6.5 s",
                            HasSubstr("yours to keep")));
}

}  // namespace
}  // namespace zk::migration
