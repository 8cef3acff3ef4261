// What a real agent keeps of elections, with a small program in the server's place.
#include "agent_serve/election_keeper.h"

#include <chrono>
#include <csignal>
#include <fstream>
#include <thread>
#include <unistd.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include "agent_host/deeds.h"
#include "agent_host/process.h"
#include "node_fixture.h"

namespace zk::agent_serve {
namespace {

using agent_api::Cause;
using agent_api::ControlAction;
using agent_api::ElectionRecord;
using agent_api::ElectionsKept;
using agent_api::MessageType;
using agent_api::NodeVerdict;
using agent_api::Role;
using std::chrono::milliseconds;

class KeptElections : public NodeFixture {
  protected:
    void SetUp() override {
        spec_.files[0].content +=
            "fake.elec=elections form=1 server=1 uptime_ms=5\\n" + std::string(kSearch) + "\n";
        const auto done = apply(spec_);
        ASSERT_FALSE(done.error) << done.error->words;
        ASSERT_TRUE(await_verdict(NodeVerdict::serving));
        ASSERT_TRUE(await_record(Role::leader, Cause::unknown, true));
    }
    /// It says nothing from now on, nor does the one that is started after it.
    void mute() { std::ofstream(spec_.data_dir + "/mute") << "x"; }
    void unmute() { ::unlink((spec_.data_dir + "/mute").c_str()); }

    ElectionsKept kept() { return elections_on_disk(state_, spec_); }
    /// Waits for such a record behind the one that was waited for before. A busy machine may write others in between.
    bool await_record(Role role, Cause cause, bool any_cause = false) {
        for (int tries = 0; tries < 400; ++tries) {
            const auto records = kept().records;
            for (std::size_t i = past_; i < records.size(); ++i) {
                if (records[i].entry.role != role || (!any_cause && records[i].cause != cause))
                    continue;
                found_ = records[i];
                past_ = i + 1;
                return true;
            }
            std::this_thread::sleep_for(milliseconds(25));
        }
        for (const ElectionRecord& record : kept().records) {
            ADD_FAILURE() << words_of(record.entry) << ": " << to_string(record.cause);
        }
        return false;
    }
    void kill_agent() {
        ASSERT_EQ(::kill(static_cast<pid_t>(agent_pid()), SIGKILL), 0);
        for (int tries = 0; tries < 400 && agent_pid() != 0; ++tries) {
            std::this_thread::sleep_for(milliseconds(25));
        }
        ASSERT_EQ(agent_pid(), 0);
    }
    ElectionRecord found_;  ///< by await_record
    std::size_t past_ = 0;
    static constexpr const char* kSearch =
        R"(search number=1 began_ms=1000 epoch=0 zxid=0x0 votes=yes left_out=0 why="x"\n)"
        R"(cast after_us=0 reason=own leader=1 epoch=0 zxid=0x0 round=1\n)"
        R"(decided after_us=20 state=LEADING leader=1 epoch=0 zxid=0x0 round=1\n)"
        R"(serving after_us=30 epoch=1)";
};

TEST_F(KeptElections, KilledByASignal) {
    mute();
    ASSERT_EQ(::kill(static_cast<pid_t>(server_pid()), SIGKILL), 0);
    ASSERT_TRUE(await_record(Role::down, Cause::killed));
    EXPECT_EQ(found_.signal, SIGKILL);
    EXPECT_EQ(words_of(found_), "its process was killed by signal 9 (SIGKILL)");
    unmute();
    ASSERT_TRUE(await_record(Role::leader, Cause::started));
    EXPECT_TRUE(found_.without_leader_ms);
}

TEST_F(KeptElections, EndedByItself) {
    mute();
    std::ofstream(spec_.data_dir + "/end") << "14";
    unmute();
    // Only a moment passes until it is started again: the new one says nothing for a while.
    for (int tries = 0; tries < 400 && ::access((spec_.data_dir + "/end").c_str(), F_OK) == 0;
         ++tries) {
        std::this_thread::sleep_for(milliseconds(5));
    }
    mute();
    ASSERT_TRUE(await_record(Role::down, Cause::exited));
    EXPECT_EQ(found_.exit_status, 14);
    unmute();
    ASSERT_TRUE(await_record(Role::leader, Cause::started));
}

TEST_F(KeptElections, StoppedAndStartedByZkprov) {
    const std::int64_t stopped = server_pid();
    ASSERT_EQ(control(ControlAction::stop).type, MessageType::done);
    ASSERT_FALSE(agent_host::last_deeds(state_).empty());
    EXPECT_EQ(agent_host::last_deeds(state_).back().kind, elections::Deed::Kind::stop);
    EXPECT_EQ(agent_host::last_deeds(state_).back().pid, stopped);
    // The agent went with it; the next one knows why the server was down.
    mute();
    const auto done = apply(spec_);
    EXPECT_FALSE(done.error) << done.error->words;
    ASSERT_TRUE(await_record(Role::down, Cause::stopped));
    EXPECT_TRUE(found_.agent_away);
    unmute();
    ASSERT_TRUE(await_record(Role::leader, Cause::started));
}

TEST_F(KeptElections, RestartedByControl) {
    mute();
    std::thread loud([&] {
        std::this_thread::sleep_for(milliseconds(4000));
        unmute();
    });
    EXPECT_EQ(control(ControlAction::restart).type, MessageType::done);
    loud.join();
    bool told = false;
    for (int tries = 0; tries < 400 && !told; ++tries) {
        for (const ElectionRecord& record : kept().records) {
            told = told || record.cause == Cause::restarted;
        }
        std::this_thread::sleep_for(milliseconds(25));
    }
    EXPECT_TRUE(told);
    ASSERT_TRUE(await_record(Role::leader, Cause::started));
}

TEST_F(KeptElections, OutliveTheAgent) {
    mute();
    ASSERT_EQ(::kill(static_cast<pid_t>(server_pid()), SIGTERM), 0);
    ASSERT_TRUE(await_record(Role::down, Cause::killed));
    kill_agent();
    const auto before = kept();
    ASSERT_FALSE(before.records.empty());
    unmute();
    ASSERT_FALSE(apply(spec_).error);
    ASSERT_TRUE(await_record(Role::leader, Cause::unknown, true));
    // The first agent may have started the next server, and found it silent, before it was killed itself.
    EXPECT_TRUE(found_.cause == Cause::started || found_.cause == Cause::answers);
    EXPECT_EQ(found_.without_leader_ms, std::nullopt);
    const auto after = kept();
    ASSERT_GT(after.records.size(), before.records.size());
    for (std::size_t i = 0; i < before.records.size(); ++i) {
        EXPECT_EQ(after.records[i], before.records[i]) << i;
    }
    EXPECT_TRUE(after.records[before.records.size()].agent_away);
}

TEST_F(KeptElections, TheServerDiedWhileNoAgentLooked) {
    kill_agent();
    mute();
    const auto server = static_cast<pid_t>(server_pid());
    ASSERT_EQ(::kill(server, SIGKILL), 0);
    for (int tries = 0; tries < 400 && agent_host::process_info(server) &&
                        !agent_host::process_info(server)->zombie;
         ++tries) {
        std::this_thread::sleep_for(milliseconds(5));
    }
    std::thread loud([&] {
        std::this_thread::sleep_for(milliseconds(3000));
        unmute();
    });
    (void)apply(spec_);
    loud.join();
    bool told = false;
    for (int tries = 0; tries < 400 && !told; ++tries) {
        for (const ElectionRecord& record : kept().records) {
            told = told || (record.cause == Cause::ended && record.agent_away);
        }
        std::this_thread::sleep_for(milliseconds(25));
    }
    EXPECT_TRUE(told) << "that it ended is known, and nothing more";
}

TEST_F(KeptElections, VotesAreThereWhenTheServerIsNot) {
    ASSERT_EQ(kept().searches.size(), 1u);
    ASSERT_EQ(control(ControlAction::stop).type, MessageType::done);
    AgentSession session(state_.path());
    const auto answer = session.ask(MessageType::elections_request, ByteView());
    const auto said = *agent_api::parse_payload<agent_api::Elections>(answer.payload);
    EXPECT_EQ(said.told, "");
    EXPECT_THAT(said.kept, testing::HasSubstr("cast after_us=0 reason=own leader=1"));
    EXPECT_FALSE(said.changes.empty());
}

TEST_F(KeptElections, ADamagedFileIsKeptAsideAndTold) {
    kill_agent();
    const std::string file = state_.file("elections.json");
    std::ofstream(file) << "{\"format\":1,\"records\":7}";
    ASSERT_FALSE(apply(spec_).error);
    ASSERT_TRUE(await_verdict(NodeVerdict::serving));
    EXPECT_TRUE(agent_host::exists(file + ".damaged"));
    bool told = false;
    for (const agent_api::Finding& finding : health().findings) {
        told = told || finding.id == "agent.elections";
    }
    EXPECT_TRUE(told);
    // What happens from now on is kept again.
    mute();
    ASSERT_EQ(::kill(static_cast<pid_t>(server_pid()), SIGKILL), 0);
    // This agent is not the one that started the server: it was not told how it ended.
    ASSERT_TRUE(await_record(Role::down, Cause::ended));
    unmute();
    ASSERT_TRUE(await_record(Role::leader, Cause::started));
    mute();
    ASSERT_EQ(::kill(static_cast<pid_t>(server_pid()), SIGKILL), 0);
    ASSERT_TRUE(await_record(Role::down, Cause::killed));
    unmute();
}

TEST_F(KeptElections, WhatCannotBeSavedIsToldAndSavedLater) {
    const std::string file = state_.file("elections.json");
    ASSERT_EQ(::unlink(file.c_str()), 0);
    ASSERT_EQ(::mkdir(file.c_str(), 0700), 0);  // which no file can replace
    mute();
    ASSERT_EQ(::kill(static_cast<pid_t>(server_pid()), SIGKILL), 0);
    bool told = false;
    for (int tries = 0; tries < 400 && !told; ++tries) {
        for (const agent_api::Finding& finding : health().findings) {
            told = told || finding.id == "agent.unsaved";
        }
        std::this_thread::sleep_for(milliseconds(25));
    }
    EXPECT_TRUE(told);
    ASSERT_EQ(::rmdir(file.c_str()), 0);
    EXPECT_TRUE(await_record(Role::down, Cause::killed));
    unmute();
}

/// A keeper alone, told what systemd said of process 70, which was there and is not any more.
ElectionRecord by_systemd(std::int64_t code, std::int64_t status, const std::string& result) {
    char name[] = "/tmp/zk-keeper-XXXXXX";
    const agent_host::StateDir state(::mkdtemp(name));
    agent_api::NodeSpec spec;
    spec.cluster = "demo";
    spec.sid = ServerId(1);
    ElectionKeeper keeper(state, Log());
    keeper.open(spec, {});
    agent_api::NodeHealth health;
    node_judge::Probe probe;
    health.history = {{WallMs(1000), Role::leader, Epoch(1), ServerId(1)}};
    probe.answered = probe.process = true;
    probe.pid = 70;
    keeper.step(health, probe, true);
    agent_host::UnitState unit;
    unit.last_pid = 70;
    unit.exit_code = code;
    unit.exit_status = status;
    unit.result = result;
    keeper.take_unit(unit);
    health.history.push_back({WallMs(2000), Role::down, {}, {}});
    probe.answered = probe.process = false;
    probe.pid = 0;
    keeper.step(health, probe, true);
    EXPECT_EQ(elections_on_disk(state, spec), keeper.kept());
    spec.sid = ServerId(2);
    EXPECT_TRUE(elections_on_disk(state, spec).records.empty()) << "of another node";
    (void)agent_host::run_command({"rm", "-r", state.path()}, std::chrono::seconds(10));
    return keeper.kept().records.back();
}

TEST(KeeperAndSystemd, SaysHowTheProcessEnded) {
    EXPECT_EQ(by_systemd(2, 11, "signal").cause, Cause::killed);
    EXPECT_EQ(by_systemd(3, 6, "core-dump").signal, 6);
    EXPECT_EQ(by_systemd(1, 14, "exit-code").exit_status, 14);
    EXPECT_EQ(by_systemd(2, 6, "watchdog").cause, Cause::watchdog);
    EXPECT_EQ(by_systemd(2, 9, "oom-kill").words, "the host had no memory left");
    EXPECT_EQ(by_systemd(0, 0, "success").cause, Cause::ended)
        << "it had started another one already";
}

TEST(Deeds, ComeBackAndNothingElseDoes) {
    using agent_host::parse_deeds;
    using elections::Deed;
    const std::string text = agent_host::to_text(
        {{Deed::Kind::start, 0, WallMs(1)}, {Deed::Kind::restart, 231, WallMs(1750)}});
    EXPECT_EQ(text, "start 0 1\nrestart 231 1750\n");
    EXPECT_EQ(agent_host::to_text(parse_deeds(text)), text);
    EXPECT_EQ(parse_deeds(text.substr(0, text.size() - 1)).size(), 1u) << "a torn line";
    EXPECT_EQ(agent_host::to_text(parse_deeds(
                  "burn 2 3\n\nstop -1 4\nstop 1 9223372036854775807\n" + text + "stop\n")),
              text);
    std::string many;
    for (int i = 0; i < 50; ++i) many += "stop 1 " + std::to_string(i) + "\n";
    ASSERT_EQ(parse_deeds(many).size(), agent_host::kDeedsMax);
    EXPECT_EQ(parse_deeds(many).back().at, WallMs(49));
}

}  // namespace
}  // namespace zk::agent_serve
