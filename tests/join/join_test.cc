#include "join/join.h"

#include <gtest/gtest.h>

namespace zk::join {
namespace {

using agent_api::Formation;
using agent_api::JoinReport;
using agent_api::JoinStage;
using agent_api::JoinWay;
using std::chrono::seconds;

Settings settings_of_three() {
    Settings settings;
    settings.cluster = "demo";
    settings.members_hash = "m";
    settings.members = {{ServerId(1), true}, {ServerId(2), true}, {ServerId(3), true}};
    settings.machine = "this one";
    settings.fresh_nonce = "nonce";
    settings.fresh_generation = "g";
    return settings;
}
Addresses addresses_with(const std::vector<std::string>& own) {
    Addresses addresses;
    for (const std::string& address : own) addresses.own.push_back({address, "eth0"});
    addresses.members = {
        {ServerId(1), {"192.0.2.1"}}, {ServerId(2), {"192.0.2.2"}}, {ServerId(3), {"192.0.2.3"}}};
    return addresses;
}
Looked clean_look() {
    Looked looked;
    looked.spec.cluster = "demo";
    looked.spec.sid = ServerId(2);
    looked.spec.data_dir = "/data";
    return looked;
}
Record record_of_two() {
    Record record;
    record.formation.machine = "this one";
    record.formation.nonce = "old nonce";
    return record;
}

/// Server 2, spoken to by hand.
struct Hand {
    explicit Hand(Settings settings = settings_of_three(), std::optional<Record> record = {})
        : join(std::move(settings), std::move(record)) {
        effects = join.on(Tick{}, now);
    }
    void tell(const Event& event, int after_s = 0) {
        now += seconds(after_s);
        effects = join.on(event, now);
    }
    template <class Kind>
    [[nodiscard]] const Kind* only() const {
        return effects.size() == 1 ? std::get_if<Kind>(&effects.front()) : nullptr;
    }
    /// Up to the questions to the others.
    void come_to_peers(const Looked& looked = clean_look()) {
        tell(addresses_with({"192.0.2.2"}));
        tell(looked);
        if (only<Store>() != nullptr) tell(Done{});
        ASSERT_NE(only<Fetch>(), nullptr);
        tell(Done{});
    }

    Instant now{};
    Join join;
    Effects effects;
};

TEST(Join, AddressesThatComeLate) {
    Hand hand;
    ASSERT_NE(hand.only<FindAddresses>(), nullptr);
    hand.tell(addresses_with({}));
    EXPECT_TRUE(hand.effects.empty());
    EXPECT_EQ(hand.join.stage(), JoinStage::identify);
    hand.tell(Tick{}, 1);
    ASSERT_NE(hand.only<FindAddresses>(), nullptr);
    hand.tell(addresses_with({"192.0.2.2"}));
    ASSERT_NE(hand.only<Look>(), nullptr);
    EXPECT_EQ(hand.only<Look>()->sid, ServerId(2));
}

TEST(Join, WhatBelongsToAnotherServerOrMachineIsRefused) {
    for (int what = 0; what < 4; ++what) {
        Record record = record_of_two();
        if (what == 0) record.formation.machine = "the one the image was made of";
        if (what == 1) record.generation = "g1";
        Addresses addresses = addresses_with({"192.0.2.2"});
        if (what == 1) addresses.claims.push_back({"the data", "demo", {}, "g2", ""});
        if (what == 2) addresses.claims.push_back({"the record", "demo", ServerId(3), "", ""});
        if (what == 3) addresses.own.push_back({"192.0.2.3", "eth1"});
        Hand hand(settings_of_three(), record);
        hand.tell(addresses);
        EXPECT_EQ(hand.join.stage(), JoinStage::failed) << what;
        EXPECT_FALSE(hand.join.word());
        EXPECT_FALSE(hand.join.report().words.empty());
        hand.tell(Tick{}, 60);
        EXPECT_TRUE(hand.effects.empty()) << "a person decides";
    }
}

TEST(Join, TheUserSaysWho) {
    Settings settings = settings_of_three();
    settings.node = ServerId(2);
    Hand hand(settings);
    hand.tell(addresses_with({"10.0.0.1"}));
    ASSERT_NE(hand.only<Look>(), nullptr);
    EXPECT_EQ(hand.only<Look>()->sid, ServerId(2));
}

TEST(Join, NothingIsSaidBeforeTheNonceIsOnDisk) {
    Hand hand;
    hand.tell(addresses_with({"192.0.2.2"}));
    hand.tell(clean_look());
    ASSERT_NE(hand.only<Store>(), nullptr);
    EXPECT_EQ(hand.only<Store>()->record.formation.nonce, "nonce");
    EXPECT_EQ(hand.only<Store>()->record.formation.machine, "this one");
    EXPECT_FALSE(hand.join.word());
    hand.tell(Done{});
    ASSERT_TRUE(hand.join.word());
    EXPECT_EQ(hand.join.word()->nonce, "nonce");
}

TEST(Join, TheNonceStaysAfterAReboot) {
    Hand hand(settings_of_three(), record_of_two());
    hand.come_to_peers();
    EXPECT_EQ(hand.join.word()->nonce, "old nonce");
}

TEST(Join, DataOfAnotherServerIsRefused) {
    Hand hand;
    hand.tell(addresses_with({"192.0.2.2"}));
    Looked looked = clean_look();
    looked.facts.data.state = agent_api::DataState::data;
    looked.facts.data.myid = ServerId(3);
    hand.tell(looked);
    EXPECT_EQ(hand.join.stage(), JoinStage::failed);
    EXPECT_NE(hand.join.report().words.find("belongs to server 3"), std::string::npos);
}

TEST(Join, DataThatNobodyRecordedAreRefused) {
    Hand hand;
    Looked looked = clean_look();
    looked.facts.data.state = agent_api::DataState::data;
    looked.facts.data.myid = ServerId(2);
    hand.come_to_peers(looked);
    EXPECT_EQ(hand.join.stage(), JoinStage::failed);
}

TEST(Join, WhatIsInTheWayMayGoAway) {
    Hand hand;
    hand.tell(addresses_with({"192.0.2.2"}));
    Looked looked = clean_look();
    looked.facts.ports.push_back({2181, "java (4711)", false});
    hand.tell(looked);
    EXPECT_EQ(hand.join.stage(), JoinStage::preflight);
    EXPECT_NE(hand.join.report().words.find("java (4711)"), std::string::npos);
    hand.tell(Tick{}, 1);
    ASSERT_NE(hand.only<Look>(), nullptr);
    looked.facts.ports.front().ours = true;
    looked.facts.outside.emplace();
    looked.facts.outside->program = "java";
    looked.facts.outside->pid = 4712;
    hand.tell(looked);
    EXPECT_EQ(hand.join.stage(), JoinStage::preflight);
    EXPECT_NE(hand.join.report().words.find("java (4712) serves from"), std::string::npos);
    hand.tell(Tick{}, 1);
    looked.facts.outside.reset();
    looked.facts.space.push_back({"/data", 0, 0, true});
    hand.tell(looked);
    EXPECT_EQ(hand.join.stage(), JoinStage::preflight);
    EXPECT_NE(hand.join.report().words.find("/data"), std::string::npos);
    hand.tell(Tick{}, 1);
    looked.facts.space.clear();
    hand.tell(looked);
    EXPECT_NE(hand.only<Store>(), nullptr);
    EXPECT_EQ(hand.join.report().words, "");
}

TEST(Join, AFailedStepIsTriedAgainEverMoreSeldom) {
    Hand hand;
    hand.tell(addresses_with({"192.0.2.2"}));
    hand.tell(clean_look());
    hand.tell(Done{});
    for (const int pause : {1, 2, 4, 8, 16, 32, 32}) {
        ASSERT_NE(hand.only<Fetch>(), nullptr);
        hand.tell(Done{"no program there"});
        EXPECT_EQ(hand.join.report().words, "no program there");
        hand.tell(Tick{}, pause - 1);
        EXPECT_TRUE(hand.effects.empty()) << pause;
        hand.tell(Tick{}, 1);
    }
    hand.tell(Done{});
    EXPECT_EQ(hand.join.stage(), JoinStage::wait_peers);
    EXPECT_EQ(hand.effects.size(), 2U) << "asks both others";
}

TEST(Join, ARecordThatCouldNotBeWrittenIsNotSaid) {
    Hand hand;
    hand.tell(addresses_with({"192.0.2.2"}));
    hand.tell(clean_look());
    hand.tell(Done{"the disk is full"});
    EXPECT_EQ(hand.join.report().words, "the disk is full");
    hand.tell(Tick{}, 1);
    // What was seen before may not be true any more.
    ASSERT_NE(hand.only<Look>(), nullptr);
    hand.tell(clean_look());
    ASSERT_NE(hand.only<Store>(), nullptr);
    EXPECT_FALSE(hand.join.word());
}

TEST(Join, WhatAPersonHasToDecideIsNotTriedAgain) {
    Hand hand;
    hand.tell(addresses_with({"192.0.2.2"}));
    hand.tell(clean_look());
    hand.tell(Done{"the data belong to another ensemble", true});
    EXPECT_EQ(hand.join.stage(), JoinStage::failed);
    EXPECT_EQ(hand.join.report().words, "the data belong to another ensemble");
    hand.tell(Tick{}, 1);
    EXPECT_TRUE(hand.effects.empty());
}

TEST(Join, ADirectoryThatCannotBeReadIsNotEmpty) {
    Hand hand;
    hand.tell(addresses_with({"192.0.2.2"}));
    Looked looked = clean_look();
    looked.facts.data.unreadable = "cannot read /data/version-2: Input/output error";
    hand.tell(looked);
    EXPECT_EQ(hand.join.stage(), JoinStage::preflight);
    EXPECT_NE(hand.join.report().words.find("Input/output error"), std::string::npos);
    hand.tell(Tick{}, 1);
    hand.tell(clean_look());
    EXPECT_NE(hand.only<Store>(), nullptr);
}

TEST(Join, OnlyAnAnswerToAQuestionOfThisLifeCounts) {
    Hand hand(settings_of_three(), record_of_two());
    formation::Word word;
    word.cluster = "demo";
    word.sid = ServerId(1);
    word.members_hash = "m";
    word.nonce = "of 1";
    word.generation = "g1";
    word.serving = true;
    hand.tell(Heard{word, ServerId(1)});
    hand.come_to_peers();
    EXPECT_EQ(hand.effects.size(), 2U);
    EXPECT_EQ(hand.join.stage(), JoinStage::wait_peers);
    EXPECT_EQ(hand.join.report().unheard, (std::vector{ServerId(1), ServerId(3)}));

    hand.tell(Unheard{ServerId(3)});
    hand.tell(Tick{}, 1);
    ASSERT_NE(hand.only<Ask>(), nullptr) << "server 1 has not answered the first question yet";
    EXPECT_EQ(hand.only<Ask>()->sid, ServerId(3));

    hand.tell(Heard{word, ServerId(1)});
    EXPECT_TRUE(hand.effects.empty()) << "server 3 is being asked";
    hand.tell(Unheard{ServerId(3)});
    ASSERT_NE(hand.only<Store>(), nullptr);
    EXPECT_EQ(hand.only<Store>()->record.generation, "g1");
    EXPECT_EQ(hand.join.word()->generation, "") << "not on disk yet";
    hand.tell(Done{});
    ASSERT_NE(hand.only<BringUp>(), nullptr);
    EXPECT_EQ(hand.only<BringUp>()->formation, Formation::join);
    hand.tell(Done{});
    ASSERT_NE(hand.only<LookAtServer>(), nullptr);
    hand.tell(Served{false, "is brought up to date"});
    EXPECT_EQ(hand.join.report().words, "is brought up to date");
    hand.tell(Tick{}, 1);
    hand.tell(Served{true, "follows"});
    EXPECT_EQ(hand.join.stage(), JoinStage::done);
    EXPECT_EQ(hand.join.report().way, JoinWay::joined);
    ASSERT_TRUE(hand.join.word());
    EXPECT_TRUE(hand.join.word()->has_data);
}

Looked look_at_recorded(std::uint64_t incarnation, bool data) {
    Looked looked = clean_look();
    auto& identity = looked.facts.identity.emplace();
    identity.cluster = "demo";
    identity.sid = ServerId(2);
    identity.generation = "g1";
    identity.formed = identity.stored = true;
    if (incarnation > 0) identity.incarnation = {incarnation, "then", WallMs(1)};
    if (!data) return looked;
    looked.facts.data.state = agent_api::DataState::data;
    looked.facts.data.myid = ServerId(2);
    return looked;
}
formation::Word word_that_remembers(int from, std::uint64_t incarnation) {
    formation::Word word;
    word.cluster = "demo";
    word.sid = ServerId(from);
    word.members_hash = "m";
    word.nonce = "of " + std::to_string(from);
    word.generation = "g1";
    word.has_data = word.serving = true;
    word.remembers[ServerId(2)] = {incarnation, "new", WallMs(1)};
    return word;
}

TEST(Join, ANodeThatWasReplacedIsRefusedForGood) {
    Record record = record_of_two();
    record.generation = "g1";
    Hand hand(settings_of_three(), record);
    hand.come_to_peers(look_at_recorded(0, true));
    ASSERT_EQ(hand.effects.size(), 2U) << "both others are asked";
    hand.tell(Heard{word_that_remembers(1, 1), ServerId(1)});
    EXPECT_TRUE(hand.effects.empty()) << "one is no majority, and the other may still answer";
    hand.tell(Heard{word_that_remembers(3, 1), ServerId(3)});
    EXPECT_EQ(hand.join.stage(), JoinStage::failed);
    EXPECT_NE(hand.join.report().words.find("servers 1, 3 say: server 2 of demo was made anew"),
              std::string::npos)
        << hand.join.report().words;
}

TEST(Join, WhoJoinsOrLostItsDataIsMadeAnew) {
    Settings settings = settings_of_three();
    settings.fresh_incarnation = {0, "fresh", WallMs(7)};
    Hand joins(settings);
    joins.come_to_peers();
    joins.tell(Heard{word_that_remembers(1, 3), ServerId(1)});
    EXPECT_TRUE(joins.effects.empty()) << "the other may know a later one";
    joins.tell(Heard{word_that_remembers(3, 4), ServerId(3)});
    ASSERT_NE(joins.only<Store>(), nullptr);
    const agent_api::Incarnation next{5, "fresh", WallMs(7)};
    EXPECT_EQ(joins.only<Store>()->record.incarnation, next) << "in the place of the fourth";
    joins.tell(Done{});
    ASSERT_NE(joins.only<BringUp>(), nullptr);
    EXPECT_EQ(joins.only<BringUp>()->incarnation, next);

    Record record = record_of_two();
    record.generation = "g1";
    record.incarnation = agent_api::Incarnation{2, "then", WallMs(1)};
    for (const bool data : {false, true}) {
        Hand hand(settings, record);
        hand.come_to_peers(look_at_recorded(2, data));
        for (const int sid : {1, 3}) hand.tell(Unheard{ServerId(sid)});
        if (!data) {
            ASSERT_NE(hand.only<Store>(), nullptr) << "its disk may come back";
            EXPECT_EQ(hand.only<Store>()->record.incarnation->number, 3U);
            EXPECT_EQ(hand.only<Store>()->record.generation, "g1");
            hand.tell(Done{});
        }
        ASSERT_NE(hand.only<BringUp>(), nullptr) << data;
        EXPECT_EQ(hand.only<BringUp>()->incarnation->number, data ? 2U : 3U);
    }
}

// Of two that were installed anew each needs the other's Word to know that there is no majority with the data.
TEST(Join, WhoRefusesGoesOnSayingThatItIsEmpty) {
    formation::Word last = word_that_remembers(3, 1);
    last.serving = false;
    formation::Word other;
    other.cluster = "demo";
    other.sid = ServerId(1);
    other.members_hash = "m";
    other.nonce = "of 1";
    Hand hand;
    hand.come_to_peers();
    hand.tell(Heard{last, ServerId(3)});
    EXPECT_FALSE(hand.join.refused());
    hand.tell(Heard{other, ServerId(1)});
    EXPECT_EQ(hand.join.stage(), JoinStage::failed);
    EXPECT_TRUE(hand.join.refused());
    ASSERT_TRUE(hand.join.word());
    EXPECT_FALSE(hand.join.word()->has_data);
    EXPECT_EQ(hand.join.word()->generation, "");
}

// It joined because one said that it serves, and that one is the last with the data.
TEST(Join, WhoJoinedAndCannotGetTheDataSaysSo) {
    formation::Word last = word_that_remembers(3, 0);
    last.remembers.clear();
    formation::Word other = last;
    other.sid = ServerId(1);
    other.nonce = "of 1";
    other.serving = other.has_data = false;
    Hand hand;
    hand.come_to_peers();
    hand.tell(Heard{other, ServerId(1)});
    hand.tell(Heard{last, ServerId(3)});
    ASSERT_NE(hand.only<Store>(), nullptr);
    hand.tell(Done{});
    ASSERT_NE(hand.only<BringUp>(), nullptr);
    hand.tell(Done{});
    ASSERT_NE(hand.only<LookAtServer>(), nullptr);
    hand.tell(Served{false, "waits for a leader"});
    hand.tell(Tick{}, 1);
    ASSERT_EQ(hand.effects.size(), 3U) << "two questions, and a look at its server";
    last.serving = false;
    hand.tell(Heard{last, ServerId(3)});
    hand.tell(Served{false, "waits for a leader"});
    EXPECT_EQ(hand.join.stage(), JoinStage::run) << "the other has not answered";
    hand.tell(Heard{other, ServerId(1)});
    hand.tell(Tick{}, 1);
    hand.tell(Served{false, "waits for a leader"});
    EXPECT_EQ(hand.join.stage(), JoinStage::failed);
    EXPECT_NE(hand.join.report().words.find("data are lost"), std::string::npos);
    EXPECT_TRUE(hand.join.refused());
}

TEST(Join, WhoJoinedAndHasTheDataWaitsForALeader) {
    formation::Word last = word_that_remembers(3, 0);
    formation::Word other = last;
    other.sid = ServerId(1);
    other.nonce = "of 1";
    other.serving = other.has_data = false;
    Hand hand;
    hand.come_to_peers();
    hand.tell(Heard{other, ServerId(1)});
    hand.tell(Heard{last, ServerId(3)});
    hand.tell(Done{});
    hand.tell(Done{});
    hand.tell(Served{false, "waits for a leader", true});
    hand.tell(Tick{}, 1);
    ASSERT_NE(hand.only<LookAtServer>(), nullptr) << "nobody is asked";
    hand.tell(Served{false, "waits for a leader", true});
    EXPECT_EQ(hand.join.stage(), JoinStage::run);
}

// Data that it does not take for its own are no empty disk.
TEST(Join, WhoHasNotUnderstoodItsDisksSaysNothing) {
    Record record = record_of_two();
    record.generation = "g1";
    Looked looked = look_at_recorded(0, true);
    looked.facts.data.myid = ServerId(3);
    Hand hand(settings_of_three(), record);
    hand.tell(addresses_with({"192.0.2.2"}));
    hand.tell(looked);
    EXPECT_EQ(hand.join.stage(), JoinStage::failed);
    EXPECT_FALSE(hand.join.refused());
    EXPECT_FALSE(hand.join.word());
}

TEST(Join, ADiskOfAnotherIncarnationIsRefused) {
    Record record = record_of_two();
    record.generation = "g1";
    record.incarnation = agent_api::Incarnation{2, "then", WallMs(1)};
    Hand hand(settings_of_three(), record);
    Looked looked = look_at_recorded(2, true);
    looked.facts.data.owner = agent_api::DataOwner{"demo", ServerId(2), "g1"};
    hand.tell(addresses_with({"192.0.2.2"}));
    hand.tell(looked);
    EXPECT_EQ(hand.join.stage(), JoinStage::failed);
    EXPECT_NE(hand.join.report().words.find("a disk of another time"), std::string::npos);
}

TEST(Join, WhatANodeRemembersItSays) {
    Record record = record_of_two();
    record.generation = "g1";
    for (const char* const generation : {"g1", "g0"}) {
        Hand hand(settings_of_three(), record);
        Looked looked = look_at_recorded(0, true);
        looked.facts.memory = {"demo", generation, {{ServerId(3), {1, "new", WallMs(1)}}}};
        hand.come_to_peers(looked);
        const bool same = generation == record.generation;
        EXPECT_EQ(hand.join.word()->remembers.size(), same ? 1U : 0U);
    }
}

TEST(Join, ARecordedNodeStartsAlsoWhenNobodyAnswers) {
    for (const bool mark : {false, true}) {
        Record record = record_of_two();
        record.generation = "g1";
        Hand hand(settings_of_three(), record);
        Looked looked = clean_look();
        looked.facts.data.initialize = mark;
        hand.come_to_peers(looked);
        ASSERT_EQ(hand.effects.size(), 2U) << "all are asked, once";
        hand.tell(Unheard{ServerId(1)});
        EXPECT_TRUE(hand.effects.empty());
        hand.tell(Tick{}, 5);
        EXPECT_TRUE(hand.effects.empty()) << "nobody is asked again";
        hand.tell(Unheard{ServerId(3)});
        ASSERT_NE(hand.only<BringUp>(), nullptr);
        EXPECT_EQ(hand.only<BringUp>()->generation, "g1");
        EXPECT_EQ(hand.only<BringUp>()->formation, mark ? Formation::form : Formation::join);
        EXPECT_EQ(hand.join.report().way, mark ? JoinWay::formed : JoinWay::started);
    }
}

TEST(Join, TheHostsRecordStandsInForALostOne) {
    Hand hand;
    Looked looked = clean_look();
    looked.facts.identity.emplace();
    looked.facts.identity->cluster = "demo";
    looked.facts.identity->sid = ServerId(2);
    looked.facts.identity->generation = "g1";
    looked.facts.identity->formed = true;
    hand.tell(addresses_with({"192.0.2.2"}));
    hand.tell(looked);
    ASSERT_NE(hand.only<Store>(), nullptr);
    EXPECT_EQ(hand.only<Store>()->record.generation, "g1");

    Hand stranger;
    Looked another = looked;
    another.facts.identity->sid = ServerId(3);
    another.facts.identity->formed = false;
    stranger.tell(addresses_with({"192.0.2.2"}));
    stranger.tell(another);
    ASSERT_NE(stranger.only<Store>(), nullptr);
    EXPECT_EQ(stranger.only<Store>()->record.generation, "") << "it never became server 3";

    Record other = record_of_two();
    other.generation = "g2";
    Hand torn(settings_of_three(), other);
    torn.tell(addresses_with({"192.0.2.2"}));
    torn.tell(looked);
    EXPECT_EQ(torn.join.stage(), JoinStage::failed) << "two records, two ensembles";
}

TEST(Join, PatienceEnds) {
    Settings settings = settings_of_three();
    settings.patience = seconds(100);
    Hand hand(settings);
    hand.come_to_peers();
    hand.tell(Tick{}, 99);
    EXPECT_EQ(hand.join.stage(), JoinStage::wait_peers);
    hand.tell(Tick{}, 1);
    EXPECT_EQ(hand.join.stage(), JoinStage::failed);
    EXPECT_EQ(hand.join.report().words, "gave up after 100 s: servers 1, 3 have not answered");
    EXPECT_TRUE(hand.join.word()) << "others may still ask";
}

TEST(JoinReport, ComesBackFromJson) {
    JoinReport report;
    report.stage = JoinStage::wait_peers;
    report.cluster = "demo";
    report.sid = ServerId(2);
    report.generation = "g1";
    report.way = JoinWay::joined;
    report.words = "servers 1, 3 have not answered";
    report.warnings = {"servers 2 and 3 are of one image"};
    report.unheard = {ServerId(1), ServerId(3)};
    const std::string text = agent_api::to_json(report);
    EXPECT_NE(text.find("\"wait-peers\""), std::string::npos);
    EXPECT_EQ(agent_api::parse_join_report(text).value(), report);
    EXPECT_FALSE(agent_api::parse_join_report("{\"stage\":\"elsewhere\"}").has_value());
}

}  // namespace
}  // namespace zk::join
