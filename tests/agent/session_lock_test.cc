// The run lock on one node: whole sessions, one of them with a short patience.
#include <algorithm>
#include <chrono>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "agent_host/posix.h"
#include "agent_serve/session.h"
#include "node_fixture.h"

namespace zk::agent_serve {
namespace {

using agent_api::AgentErrc;
using agent_api::ControlAction;
using agent_api::LockAction;
using agent_api::LockState;
using agent_api::Message;
using agent_api::MessageType;
using std::chrono::milliseconds;
using testing::HasSubstr;

class RunLocked : public NodeFixture {
  protected:
    static Message control_in(AgentSession& session, ControlAction action) {
        agent_api::Control request;
        request.action = action;
        return session.ask(MessageType::control, agent_api::to_json(request));
    }
    static agent_api::AgentError error_of(const Message& message) {
        EXPECT_EQ(message.type, MessageType::error) << message.payload;
        return *agent_api::parse_payload<agent_api::AgentError>(message.payload);
    }
    std::string apply_text(bool dry = false) {
        agent_api::Apply request;
        request.spec = spec_;
        request.dry = dry;
        return agent_api::to_json(request);
    }
    std::string changes() {
        const auto text = agent_host::read_file(state_.changes_file());
        return text.has_value() ? *text : std::string();
    }
};

TEST_F(RunLocked, WithoutTheLockNothingChanges) {
    AgentSession session(state_.path());
    agent_api::BlobBegin begin;
    begin.sha256 = spec_.release.sha256;
    begin.size = spec_.release.size;
    EXPECT_EQ(error_of(session.ask(MessageType::blob_begin, agent_api::to_json(begin))).code,
              AgentErrc::lock_lost);
    const auto answer = session.ask(MessageType::apply, apply_text());
    const auto done = agent_api::parse_payload<agent_api::ApplyDone>(answer.payload);
    ASSERT_TRUE(done->error);
    EXPECT_EQ(done->error->code, AgentErrc::lock_lost);
    EXPECT_FALSE(agent_host::exists(spec_.install_dir));
    EXPECT_FALSE(agent_api::parse_payload<agent_api::ApplyDone>(
                     session.ask(MessageType::apply, apply_text(true)).payload)
                     ->error);

    ASSERT_FALSE(apply(spec_).error);
    EXPECT_EQ(error_of(control_in(session, ControlAction::stop)).code, AgentErrc::lock_lost);
    EXPECT_NE(server_pid(), 0);
}

TEST_F(RunLocked, WhatItIsToldOfTheOthersANodeKeeps) {
    const agent_api::MemberMemory told{
        spec_.cluster, spec_.generation, {{ServerId(2), {1, "new", WallMs(1)}}}};
    AgentSession session(state_.path());
    EXPECT_EQ(error_of(session.ask(MessageType::remember, to_json(told))).code,
              AgentErrc::lock_lost);
    EXPECT_FALSE(facts(spec_).memory);
    ASSERT_FALSE(apply(spec_).error);
    session.take_run_lock();
    EXPECT_EQ(session.ask(MessageType::remember, to_json(told)).type, MessageType::done);
    EXPECT_EQ(facts(spec_).memory, told);
    EXPECT_THAT(changes(), HasSubstr("remembers server 2 as incarnation 1"));
    agent_api::MemberMemory older = told;
    older.members[ServerId(2)].number = 0;
    EXPECT_EQ(error_of(session.ask(MessageType::remember, to_json(older))).code,
              AgentErrc::invalid);
    agent_api::MemberMemory strange = told;
    strange.generation = "another";
    (void)session.lock(LockAction::check);
    EXPECT_EQ(error_of(session.ask(MessageType::remember, to_json(strange))).code,
              AgentErrc::identity_conflict);
    EXPECT_EQ(facts(spec_).memory, told);
}

TEST_F(RunLocked, IsOneSessionsAndEndsWithIt) {
    auto first = std::make_unique<AgentSession>(state_.path());
    AgentSession second(state_.path());
    ASSERT_TRUE(first->lock(LockAction::take).yours);
    LockState seen = second.lock(LockAction::take);
    EXPECT_FALSE(seen.yours);
    ASSERT_TRUE(seen.holder);
    EXPECT_EQ(seen.holder->user, "ana");
    EXPECT_EQ(seen.holder->command, "apply");
    EXPECT_GT(seen.holder->since.value(), 0);
    EXPECT_EQ(second.lock(LockAction::show).holder->pid, 4711);

    EXPECT_FALSE(first->lock(LockAction::release).yours);
    EXPECT_FALSE(second.lock(LockAction::show).holder);
    ASSERT_TRUE(first->lock(LockAction::take).yours);
    EXPECT_EQ(first->end(), 0);  // the end of its input
    EXPECT_TRUE(second.lock(LockAction::take).yours);
    second.lock(LockAction::release);

    first = std::make_unique<AgentSession>(state_.path());
    ASSERT_TRUE(first->lock(LockAction::take).yours);
    first->kill();
    EXPECT_TRUE(second.lock(LockAction::take).yours);
}

TEST_F(RunLocked, AChangeThatWasBegunKeepsItToItsEnd) {
    AgentSession first(state_.path());
    first.take_run_lock();
    send_release(first, spec_);
    first.send(MessageType::apply, apply_text());
    first.close_input();
    AgentSession second(state_.path());
    second.take_run_lock();
    EXPECT_THAT(changes(), HasSubstr("apply ends (apply by ana@ops1 pid 4711)"));
    EXPECT_NE(server_pid(), 0);
}

TEST_F(RunLocked, WhoLostItChangesNothingMore) {
    ASSERT_FALSE(apply(spec_).error);
    AgentSession first(state_.path());
    first.take_run_lock();
    AgentSession second(state_.path());
    const LockState revoked = second.lock(LockAction::revoke);
    EXPECT_GT(revoked.number, 2U);
    // What was on its way arrives now.
    const auto refused = error_of(control_in(first, ControlAction::stop));
    EXPECT_EQ(refused.code, AgentErrc::lock_lost);
    EXPECT_THAT(refused.words, HasSubstr("zkprov lock break"));
    EXPECT_NE(server_pid(), 0);
    EXPECT_THAT(first.lock(LockAction::check).lost, HasSubstr("zkprov lock break"));

    second.take_run_lock();
    EXPECT_EQ(control_in(second, ControlAction::restart).type, MessageType::done);
    EXPECT_THAT(changes(),
                HasSubstr("run " + std::to_string(revoked.number + 1) + " restart ends"));
    // A number must be above all before.
    EXPECT_THROW(second.lock(LockAction::number, revoked.number), std::runtime_error);
}

TEST_F(RunLocked, ASessionThatLostItMidPushIsNotInTheWay) {
    AgentSession first(state_.path());
    first.take_run_lock();
    agent_api::BlobBegin begin;
    begin.sha256 = spec_.release.sha256;
    begin.size = spec_.release.size;
    ASSERT_EQ(first.ask(MessageType::blob_begin, agent_api::to_json(begin)).type,
              MessageType::blob_want);
    AgentSession second(state_.path());
    second.lock(LockAction::revoke);
    send_release(second, spec_);
    // What the first one still sends goes nowhere.
    first.send(MessageType::blob_chunk, "evil");
    EXPECT_EQ(first.receive().type, MessageType::error);
}

TEST_F(RunLocked, IsTakenAwayFromTheRunThatIsMeant) {
    AgentSession first(state_.path());
    first.take_run_lock();
    AgentSession second(state_.path());
    agent_api::LockRequest request;
    request.action = LockAction::revoke;
    request.holder = {"demo", "apply", "bob", "ops2", 815, "", WallMs(0)};
    second.ask(MessageType::lock, agent_api::to_json(request));
    EXPECT_TRUE(first.lock(LockAction::check).yours);
}

TEST_F(RunLocked, NumbersThatAreWrittenAtOnceAreAllDifferent) {
    ASSERT_TRUE(state_.prepare().has_value());
    std::vector<std::jthread> threads;
    for (int i = 0; i < 4; ++i) {
        threads.emplace_back([&] {
            for (int turn = 0; turn < 25; ++turn) {
                const auto alone = state_.lock_fence();
                ASSERT_TRUE(alone.has_value());
                const auto number = state_.load_fence();
                ASSERT_TRUE(number.has_value());
                ASSERT_TRUE(state_.save_fence(*number + 1).has_value());
            }
        });
    }
    threads.clear();
    EXPECT_EQ(*state_.load_fence(), 100U);
}

TEST_F(RunLocked, AnIdleSessionLetsGoOfWhatWasTakenFromIt) {
    AgentSession first(state_.path());
    first.take_run_lock();
    AgentSession second(state_.path());
    second.lock(LockAction::revoke);
    second.take_run_lock();  // waits until the first one has looked
}

TEST_F(RunLocked, ADamagedNumberIsNotTakenForNone) {
    ASSERT_TRUE(state_.prepare().has_value());
    ASSERT_TRUE(agent_host::write_new_file(state_.file("fence"), "x1\n", {}).has_value());
    AgentSession session(state_.path());
    EXPECT_THROW(session.lock(LockAction::take), std::runtime_error);
    EXPECT_THROW(session.lock(LockAction::revoke), std::runtime_error);
}

/// A session within this process, with limits that a test can wait for.
class ImpatientSession : public RunLocked {
  protected:
    ImpatientSession() {
        limits_.silence = milliseconds(400);
        limits_.proof = milliseconds(200);
    }
    Message ask(MessageType type, const std::string& payload) {
        Message message;
        message.type = type;
        message.payload = payload;
        EXPECT_TRUE(session().handle(message).has_value());
        return answers_.back();
    }
    LockState lock(LockAction action, std::uint64_t number = 0) {
        agent_api::LockRequest request;
        request.action = action;
        request.number = number;
        return *agent_api::parse_payload<LockState>(
            ask(MessageType::lock, agent_api::to_json(request)).payload);
    }
    Session& session() {
        if (!session_) {
            session_.emplace(
                state_,
                [this](ByteView frame) -> Result<> {
                    agent_api::FrameDecoder decoder;
                    decoder.feed(frame);
                    answers_.push_back(**decoder.next());
                    return ok();
                },
                limits_);
        }
        return *session_;
    }

    run_lock::LockLimits limits_;
    std::vector<Message> answers_;
    std::optional<Session> session_;
};

TEST_F(ImpatientSession, ASilentControllerLosesIt) {
    ASSERT_TRUE(lock(LockAction::take).yours);
    AgentSession other(state_.path());
    for (int beats = 0; beats < 5; ++beats) {
        std::this_thread::sleep_for(milliseconds(50));
        session().heard();
        session().idle();
    }
    EXPECT_TRUE(session().is_watching());
    EXPECT_FALSE(other.lock(LockAction::take).yours);
    std::this_thread::sleep_for(milliseconds(420));
    session().idle();
    EXPECT_FALSE(session().is_watching());
    EXPECT_TRUE(other.lock(LockAction::take).yours);
    // It comes back, and is told.
    EXPECT_THAT(lock(LockAction::check).lost, HasSubstr("nothing was heard"));
}

TEST_F(ImpatientSession, AWordThatComesTooLateSavesNothing) {
    ASSERT_TRUE(lock(LockAction::take).yours);
    std::this_thread::sleep_for(milliseconds(420));
    session().heard();
    EXPECT_FALSE(session().is_watching());
}

TEST_F(ImpatientSession, AChangeNeedsAFreshCheck) {
    ASSERT_FALSE(apply(spec_).error);
    LockState state;
    for (int tries = 0; tries < 500 && !state.yours; ++tries) {
        std::this_thread::sleep_for(milliseconds(10));
        state = lock(LockAction::take);
    }
    agent_api::Control stop;
    stop.action = ControlAction::stop;
    const std::string text = agent_api::to_json(stop);
    EXPECT_THAT(error_of(ask(MessageType::control, text)).words, HasSubstr("its number"));
    lock(LockAction::number, state.number + 1);
    std::this_thread::sleep_for(milliseconds(220));
    session().heard();
    EXPECT_THAT(error_of(ask(MessageType::control, text)).words, HasSubstr("too late"));
    EXPECT_NE(server_pid(), 0);
    lock(LockAction::check);
    EXPECT_EQ(ask(MessageType::control, text).type, MessageType::done) << answers_.back().payload;
    session_.reset();
}

}  // namespace
}  // namespace zk::agent_serve
