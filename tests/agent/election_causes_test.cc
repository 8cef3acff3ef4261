// The table of docs/OPERATIONS.md, "Causes": evidence in, cause out.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "elections/causes.h"

namespace zk::elections {
namespace {

using agent_api::Cause;
using agent_api::ElectionEntry;
using agent_api::Role;

ElectionEntry entry(std::int64_t at, Role role, int epoch = 0, int leader = 0) {
    ElectionEntry entry;
    entry.at = WallMs(at);
    entry.role = role;
    if (epoch != 0) entry.epoch = Epoch(epoch);
    if (leader != 0) entry.leader = ServerId(leader);
    return entry;
}

/// A follower whose process 70 lives on and looks now.
Evidence lived_on() {
    Evidence evidence;
    evidence.before = entry(1000, Role::follower, 1, 3);
    evidence.cause_before = Cause::elected;
    evidence.now = entry(9000, Role::looking);
    evidence.process = true;
    evidence.pid = evidence.pid_seen = evidence.pid_before = 70;
    return evidence;
}
/// A follower whose process 70 is not there any more.
Evidence process_gone() {
    Evidence evidence = lived_on();
    evidence.now = entry(9000, Role::down);
    evidence.process = false;
    evidence.pid = 0;
    return evidence;
}
/// One that was down, and looks with process 71.
Evidence came_up() {
    Evidence evidence = lived_on();
    evidence.before = entry(1000, Role::down);
    evidence.cause_before = Cause::ended;
    evidence.pid = 71;
    evidence.pid_seen = 0;
    evidence.pid_before = 0;
    return evidence;
}
ProcessEnd end(ProcessEnd::Way way, std::int64_t number, std::int64_t pid = 70) {
    return {pid, way, number, "", WallMs(8800)};
}
Deed deed(Deed::Kind kind, std::int64_t pid, std::int64_t at = 8700) {
    return {kind, pid, WallMs(at)};
}
election::Search search(const std::string& why) {
    election::Search search;
    search.number = 2;
    search.began = WallMs(8900);
    search.why = why;
    return search;
}
Cause cause(const Evidence& evidence) { return cause_of(evidence).cause; }

TEST(Causes, NothingBefore) {
    Evidence evidence = process_gone();
    evidence.before.reset();
    evidence.deeds = {deed(Deed::Kind::restart, 70)};
    EXPECT_EQ(cause(evidence), Cause::first_look);
}

TEST(Causes, TheHostBooted) {
    Evidence evidence = process_gone();
    evidence.boot_changed = true;
    evidence.end = end(ProcessEnd::Way::killed, 9);
    EXPECT_EQ(cause(evidence), Cause::host_booted);
}

TEST(Causes, AnotherServerInItsPlace) {
    Evidence evidence = process_gone();
    evidence.conflict = true;
    EXPECT_EQ(cause(evidence), Cause::stranger);
}

TEST(Causes, TheProcessEnded) {
    Evidence evidence = process_gone();
    EXPECT_EQ(cause(evidence), Cause::ended);

    evidence.end = end(ProcessEnd::Way::killed, 9);
    const Found killed = cause_of(evidence);
    EXPECT_EQ(killed.cause, Cause::killed);
    EXPECT_EQ(killed.signal, 9);
    EXPECT_EQ(killed.exit_status, std::nullopt);
    EXPECT_EQ(killed.at, WallMs(8800));

    evidence.end = end(ProcessEnd::Way::exited, 14);
    const Found exited = cause_of(evidence);
    EXPECT_EQ(exited.cause, Cause::exited);
    EXPECT_EQ(exited.exit_status, 14);
    EXPECT_EQ(exited.signal, std::nullopt);

    evidence.end = end(ProcessEnd::Way::watchdog, 6);
    EXPECT_EQ(cause(evidence), Cause::watchdog);

    evidence.end = end(ProcessEnd::Way::unknown, 0);
    EXPECT_EQ(cause(evidence), Cause::ended);
}

TEST(Causes, TheEndOfAnotherProcessSaysNothingOfThisOne) {
    Evidence evidence = process_gone();
    evidence.end = end(ProcessEnd::Way::killed, 9, 69);
    evidence.deeds = {deed(Deed::Kind::restart, 69)};
    EXPECT_EQ(cause(evidence), Cause::ended);
}

TEST(Causes, ZkprovDidIt) {
    Evidence evidence = process_gone();
    evidence.end = end(ProcessEnd::Way::killed, 15);  // how zkprov ends it is no news
    evidence.deeds = {deed(Deed::Kind::restart, 70)};
    const Found restarted = cause_of(evidence);
    EXPECT_EQ(restarted.cause, Cause::restarted);
    EXPECT_EQ(restarted.at, WallMs(8700));
    EXPECT_EQ(restarted.signal, std::nullopt);

    evidence.deeds = {deed(Deed::Kind::stop, 70)};
    evidence.stopped_on_purpose = true;
    EXPECT_EQ(cause(evidence), Cause::stopped);

    // It was started again meanwhile.
    evidence.deeds.push_back(deed(Deed::Kind::start, 0, 8900));
    EXPECT_EQ(cause(evidence), Cause::stopped);

    // A start meets no process, whatever number it wrote down.
    evidence.deeds = {deed(Deed::Kind::start, 70)};
    evidence.stopped_on_purpose = false;
    EXPECT_EQ(cause(evidence), Cause::killed);
}

TEST(Causes, StoppedByHand) {
    Evidence evidence = process_gone();
    evidence.stopped_on_purpose = true;
    EXPECT_EQ(cause(evidence), Cause::stopped_else);
    evidence.end = end(ProcessEnd::Way::exited, 0);
    EXPECT_EQ(cause(evidence), Cause::stopped_else);
    evidence.end = end(ProcessEnd::Way::exited, 14);
    EXPECT_EQ(cause(evidence), Cause::exited);
    evidence.end = end(ProcessEnd::Way::killed, 9);
    EXPECT_EQ(cause(evidence), Cause::killed);
}

TEST(Causes, ReplacedBetweenTwoLooks) {
    Evidence evidence = process_gone();
    evidence.now = entry(9000, Role::looking);
    evidence.process = true;
    evidence.pid = 71;
    evidence.search = search("the server has started");
    EXPECT_EQ(cause(evidence), Cause::ended);
    evidence.end = end(ProcessEnd::Way::killed, 11);
    EXPECT_EQ(cause(evidence), Cause::killed);
    evidence.deeds = {deed(Deed::Kind::restart, 70)};
    EXPECT_EQ(cause(evidence), Cause::restarted);
    evidence.now = entry(9000, Role::follower, 2, 2);
    EXPECT_EQ(cause(evidence), Cause::restarted);
}

TEST(Causes, ItsLeaderWentAway) {
    Evidence evidence = lived_on();
    EXPECT_EQ(cause(evidence), Cause::leader_lost);
    evidence.search = search("lost the leader: end of stream");
    const Found lost = cause_of(evidence);
    EXPECT_EQ(lost.cause, Cause::leader_lost);
    EXPECT_EQ(lost.words, "lost the leader: end of stream");
    EXPECT_EQ(lost.at, WallMs(8900));
    evidence.before = entry(1000, Role::observer, 1, 3);
    EXPECT_EQ(cause(evidence), Cause::leader_lost);
    // It has another one already.
    evidence.now = entry(9000, Role::follower, 2, 2);
    EXPECT_EQ(cause(evidence), Cause::leader_lost);
}

TEST(Causes, ALeaderWithoutAQuorum) {
    Evidence evidence = lived_on();
    evidence.before = entry(1000, Role::leader, 1, 3);
    EXPECT_EQ(cause(evidence), Cause::role_left) << "Apache's server does not say why";
    evidence.search = search("followers are no quorum any more");
    EXPECT_EQ(cause(evidence), Cause::quorum_lost);
    evidence.search = search("the counter of epoch 1 is used up: a new epoch must start");
    EXPECT_EQ(cause(evidence), Cause::role_left);
}

TEST(Causes, WhereNobodyKnowsTheProcess) {
    Evidence evidence = lived_on();
    evidence.process = evidence.process_known = false;
    evidence.pid = 0;
    EXPECT_EQ(cause(evidence), Cause::unknown);
    evidence.search = search("lost the leader: end of stream");
    EXPECT_EQ(cause(evidence), Cause::leader_lost) << "only a process that lived on says that";
    evidence.search = search("the server has started");
    EXPECT_EQ(cause(evidence), Cause::started);
    evidence.now = entry(9000, Role::down);
    EXPECT_EQ(cause(evidence), Cause::unknown);
    evidence.before = entry(1000, Role::down);
    evidence.now = entry(9000, Role::looking);
    EXPECT_EQ(cause(evidence), Cause::unknown);
}

TEST(Causes, AProcessThatIsSilentAndSpeaksAgain) {
    Evidence evidence = lived_on();
    evidence.now = entry(9000, Role::down);
    evidence.silence = "state T";
    const Found silent = cause_of(evidence);
    EXPECT_EQ(silent.cause, Cause::silent);
    EXPECT_EQ(silent.words, "state T");

    evidence = lived_on();
    evidence.before = entry(1000, Role::down);
    evidence.cause_before = Cause::silent;
    EXPECT_EQ(cause(evidence), Cause::answers);
    evidence.pid = 71;
    EXPECT_EQ(cause(evidence), Cause::started);
    // It was ended while it was silent.
    evidence.end = end(ProcessEnd::Way::killed, 9);
    EXPECT_EQ(cause(evidence), Cause::killed);
    evidence.deeds = {deed(Deed::Kind::restart, 70)};
    EXPECT_EQ(cause(evidence), Cause::restarted);
}

TEST(Causes, ItsProcessWasStarted) {
    Evidence evidence = came_up();
    EXPECT_EQ(cause(evidence), Cause::started);
    EXPECT_EQ(cause_of(evidence).words, "");
    evidence.now = entry(9000, Role::leader, 2, 1);
    EXPECT_EQ(cause(evidence), Cause::started);
    evidence.deeds = {deed(Deed::Kind::start, 0)};
    EXPECT_EQ(cause_of(evidence).words, "by zkprov");
    EXPECT_EQ(cause_of(evidence).at, WallMs(8700));
    evidence.deeds = {deed(Deed::Kind::start, 0, 999)};
    EXPECT_EQ(cause_of(evidence).words, "") << "that was an earlier start";
    evidence.deeds = {deed(Deed::Kind::restart, 70)};
    EXPECT_EQ(cause_of(evidence).words, "");
    evidence.cause_before = Cause::restarted;
    EXPECT_EQ(cause_of(evidence).words, "by zkprov");
}

TEST(Causes, AProcessThatAnswersForTheFirstTime) {
    Evidence evidence = came_up();
    // It was there already when the end of the one before it was noted.
    evidence.cause_before = Cause::killed;
    evidence.pid_seen = evidence.pid_before = 71;
    EXPECT_EQ(cause(evidence), Cause::started);
    evidence.cause_before = Cause::stranger;
    EXPECT_EQ(cause(evidence), Cause::answers);
}

TEST(Causes, AnElection) {
    Evidence evidence = lived_on();
    evidence.before = entry(1000, Role::looking);
    evidence.now = entry(9000, Role::follower, 2, 2);
    EXPECT_EQ(cause(evidence), Cause::elected);
    EXPECT_EQ(cause_of(evidence).at, std::nullopt);
    evidence.search = search("lost the leader: end of stream");
    evidence.search->serving = election::Search::Reign{milliseconds(250), Epoch(2)};
    EXPECT_EQ(cause_of(evidence).at, WallMs(9150));
    evidence.before->at = WallMs(9151);
    EXPECT_EQ(cause_of(evidence).at, std::nullopt) << "it looked at that time";
    evidence.before->at = WallMs(1000);
    evidence.search->serving->epoch = Epoch(1);
    EXPECT_EQ(cause_of(evidence).at, std::nullopt) << "that is how an earlier one ended";
    evidence.now = entry(9000, Role::looking, 2);
    EXPECT_EQ(cause(evidence), Cause::unknown) << "only the epoch changed";
}

TEST(Causes, EachHasWordsAndUnknownHasNone) {
    agent_api::ElectionRecord record;
    EXPECT_EQ(words_of(record), "");
    record.words = "x";
    EXPECT_EQ(words_of(record), "x");
    record.cause = Cause::leader_lost;
    EXPECT_EQ(words_of(record), "its leader went away (x)");
    record.agent_away = true;
    EXPECT_EQ(words_of(record), "its leader went away (x); no agent looked for a while before");
    for (std::size_t i = 1; i < enum_words(Cause{}).size(); ++i) {
        agent_api::ElectionRecord each;
        each.cause = static_cast<Cause>(i);
        EXPECT_NE(words_of(each), "") << i;
    }
    record = {};
    record.cause = Cause::killed;
    record.signal = 9;
    EXPECT_EQ(words_of(record), "its process was killed by signal 9 (SIGKILL)");
    record.signal = 99;
    EXPECT_EQ(words_of(record), "its process was killed by signal 99");
}

TEST(ElectionRecord, HealthTellsTheCausesThatAreKnown) {
    std::vector<agent_api::ElectionRecord> records(3);
    for (int i = 0; i < 3; ++i) records[static_cast<std::size_t>(i)].entry.at = WallMs(100 + i);
    records[1].cause = Cause::leader_lost;
    records[1].words = "x";
    records[2].without_leader_ms = 1960;
    auto causes = causes_of(records);
    ASSERT_EQ(causes.size(), 2U);
    EXPECT_EQ(causes[0], (agent_api::RoleCause{WallMs(101), "its leader went away (x)"}));
    EXPECT_EQ(causes[1].words, "2.0 s without a leader");
    records[2].cause = Cause::elected;
    records[2].without_leader_ms = 999;
    EXPECT_EQ(causes_of(records).back().words,
              "the search for a leader came to its end; 999 ms without a leader");
}

}  // namespace
}  // namespace zk::elections
