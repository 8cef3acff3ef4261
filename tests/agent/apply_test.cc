// Apply, facts, control and blobs through the real agent program, with a small program in the
// server's place.
#include <filesystem>
#include <fstream>
#include <unistd.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "agent_api/digest.h"
#include "agent_host/posix.h"
#include "agent_host/process.h"
#include "node_fixture.h"

namespace zk::agent_serve {
namespace {

using agent_api::AgentErrc;
using agent_api::ApplyDone;
using agent_api::ControlAction;
using agent_api::MessageType;
using agent_api::NodeSpec;
using agent_api::NodeVerdict;
using agent_api::Role;

class Applying : public NodeFixture {};

TEST_F(Applying, BareNodeComesUpAndSecondApplyChangesNothing) {
    const ApplyDone planned = apply(spec_, true);
    EXPECT_FALSE(planned.error);
    EXPECT_TRUE(planned.changed);
    EXPECT_FALSE(agent_host::exists(spec_.install_dir));

    const ApplyDone first = apply(spec_);
    ASSERT_FALSE(first.error) << first.error->words;
    EXPECT_TRUE(first.starts_server);
    EXPECT_EQ(first.steps.size(), planned.steps.size());
    for (const auto& step : first.steps) EXPECT_TRUE(step.done) << step.words;
    EXPECT_EQ(starts(), 1u);
    EXPECT_FALSE(agent_host::exists(spec_.log_dir + "/initialize"));  // the server took it

    ASSERT_TRUE(await_verdict(NodeVerdict::serving));
    const auto health = this->health();
    EXPECT_EQ(health.role, Role::leader);
    EXPECT_EQ(health.zxid, Zxid(0x100000002));
    EXPECT_EQ(health.source, agent_api::HealthSource::agent);
    EXPECT_EQ(health.agent_pid, agent_pid());
    EXPECT_EQ(health.pid, server_pid());

    const std::int64_t server = server_pid();
    const std::int64_t agent = agent_pid();
    const ApplyDone second = apply(spec_);
    EXPECT_FALSE(second.error);
    EXPECT_FALSE(second.changed) << text_of(second);
    EXPECT_TRUE(second.steps.empty()) << text_of(second);
    EXPECT_EQ(server_pid(), server);
    EXPECT_EQ(agent_pid(), agent);
    EXPECT_EQ(starts(), 1u);
    EXPECT_TRUE(leftovers().empty());
}

TEST_F(Applying, ChangedConfigurationRestartsOnceAndPlainFileNever) {
    ASSERT_FALSE(apply(spec_).error);
    NodeSpec changed = spec_;
    changed.files[0].content += "fake.state=follower\n";
    const ApplyDone done = apply(changed);
    ASSERT_FALSE(done.error);
    EXPECT_TRUE(done.restarts_server);
    EXPECT_EQ(starts(), 2u);
    EXPECT_EQ(*agent_host::read_file(spec_.conf_path), changed.files[0].content);

    changed.files.push_back({dir_ + "/node/note", 0600, "", "hi", agent_api::FileKind::plain});
    const ApplyDone plain = apply(changed);
    ASSERT_FALSE(plain.error);
    EXPECT_TRUE(plain.changed);
    EXPECT_FALSE(plain.restarts_server);
    EXPECT_EQ(starts(), 2u);
    EXPECT_TRUE(apply(changed).steps.empty());
}

TEST_F(Applying, FactsTellWhoAndWhat) {
    ASSERT_FALSE(apply(spec_).error);
    const auto facts = this->facts(spec_);
    EXPECT_EQ(facts.data.state, agent_api::DataState::data);
    EXPECT_EQ(facts.data.myid, ServerId(1));
    ASSERT_TRUE(facts.identity);
    EXPECT_TRUE(facts.identity->formed);
    EXPECT_EQ(facts.identity->spec_hash, hash_of(spec_));
    EXPECT_EQ(facts.release_sha256, spec_.release.sha256);
    EXPECT_EQ(facts.running_sha256, spec_.release.sha256);
    EXPECT_EQ(facts.release_target, "releases/0.1.0");
    EXPECT_EQ(facts.server_role, "leader");
    EXPECT_TRUE(facts.resident_agent);
    EXPECT_FALSE(facts.interrupted);
    ASSERT_EQ(facts.ports.size(), 1u);
    EXPECT_TRUE(facts.ports[0].ours);
    EXPECT_GT(facts.space_at(spec_.data_dir)->free_bytes, 0u);
}

TEST_F(Applying, ServerThatEndsAtOnceIsAClearError) {
    NodeSpec broken = spec_;
    broken.files[0].content += "fake.exit=3\n";
    const ApplyDone done = apply(broken);
    ASSERT_TRUE(done.error);
    EXPECT_EQ(done.error->code, AgentErrc::start_failed);
    EXPECT_NE(done.error->words.find("fake.exit says so"), std::string::npos) << done.error->words;
    // The next apply, with a good configuration, goes on from there.
    const ApplyDone repaired = apply(spec_);
    ASSERT_FALSE(repaired.error) << repaired.error->words;
    EXPECT_TRUE(await_verdict(NodeVerdict::serving));
    EXPECT_TRUE(apply(spec_).steps.empty());
}

TEST_F(Applying, TakenPortChangesNothing) {
    const agent_host::Fd socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    ASSERT_EQ(::listen(socket.get(), 1),
              0);  // bound to a port of the system's choice, on any address
    sockaddr_in address{};
    socklen_t size = sizeof address;
    ASSERT_EQ(::getsockname(socket.get(), reinterpret_cast<sockaddr*>(&address), &size), 0);
    spec_.peer_port = ntohs(address.sin_port);
    const ApplyDone done = apply(spec_);
    ASSERT_TRUE(done.error);
    EXPECT_EQ(done.error->code, AgentErrc::port_taken);
    EXPECT_NE(done.error->words.find(std::to_string(::getpid())), std::string::npos);
    EXPECT_FALSE(agent_host::exists(spec_.install_dir));
    EXPECT_EQ(agent_pid(), 0);
}

TEST_F(Applying, MissingReleaseIsSaidBeforeAnyChange) {
    AgentSession session(state_.path());
    session.take_run_lock();
    agent_api::Apply request;
    request.spec = spec_;
    const auto answer = session.ask(MessageType::apply, agent_api::to_json(request));
    const auto done = agent_api::parse_payload<ApplyDone>(answer.payload);
    ASSERT_TRUE(done.has_value() && done->error);
    EXPECT_EQ(done->error->code, AgentErrc::not_found);
    EXPECT_FALSE(agent_host::exists(spec_.install_dir));
}

TEST_F(Applying, FailureWhileStagingTakesEverythingBack) {
    // A file where a directory has to be: staging fails after directories and release were staged.
    std::ofstream(dir_ + "/wall") << "x";
    spec_.files.push_back({dir_ + "/wall/inside", 0600, "", "x", agent_api::FileKind::plain});
    const ApplyDone done = apply(spec_);
    ASSERT_TRUE(done.error);
    EXPECT_FALSE(done.changed);
    EXPECT_FALSE(agent_host::exists(spec_.install_dir));
    EXPECT_FALSE(*state_.load_spec());
    EXPECT_TRUE(leftovers().empty());
}

TEST_F(Applying, MissingRightIsSaidAndTakenBack) {
    if (::geteuid() == 0) {
        // Root may do everything but write to /proc.
        spec_.files.push_back({"/proc/zkprov/x", 0600, "", "x", agent_api::FileKind::plain});
    } else {
        spec_.files.push_back({"/etc/zkprov-test/x", 0600, "", "x", agent_api::FileKind::plain});
    }
    const ApplyDone done = apply(spec_);
    ASSERT_TRUE(done.error);
    EXPECT_FALSE(done.error->words.empty());
    EXPECT_FALSE(agent_host::exists(spec_.install_dir));
}

TEST_F(Applying, AnotherServersDataIsAConflict) {
    ASSERT_FALSE(apply(spec_).error);
    NodeSpec other = spec_;
    other.sid = ServerId(2);
    other.files[1].content = "2\n";
    const ApplyDone done = apply(other);
    ASSERT_TRUE(done.error);
    EXPECT_EQ(done.error->code, AgentErrc::identity_conflict);
    EXPECT_EQ(*agent_host::read_file(spec_.data_dir + "/myid"), "1\n");
    EXPECT_NE(server_pid(), 0);
}

/// The record is all that keeps a wiped host from forming an empty ensemble: damaged, it must not
/// pass for absent.
TEST_F(Applying, DataAndRecordNameTheNodeAndOneRepairsTheOther) {
    const std::string named = spec_.data_dir + "/" + std::string(agent_api::kDataOwnerFile);
    spec_.files.push_back(
        {named,
         0640,
         "",
         agent_api::to_json(agent_api::DataOwner{spec_.cluster, spec_.sid, spec_.generation}),
         agent_api::FileKind::plain});
    ASSERT_FALSE(apply(spec_).error);
    const std::int64_t server = server_pid();

    ASSERT_EQ(::unlink(state_.file("identity.json").c_str()), 0);
    const auto told = facts(spec_);
    ASSERT_TRUE(told.identity);
    EXPECT_EQ(told.identity->generation, spec_.generation);
    EXPECT_TRUE(told.identity->formed);
    ApplyDone done = apply(spec_);
    ASSERT_FALSE(done.error) << done.error->words;
    EXPECT_TRUE((*state_.load_identity())->formed);
    EXPECT_FALSE(apply(spec_).changed);

    ASSERT_EQ(::unlink(named.c_str()), 0);
    done = apply(spec_);
    ASSERT_FALSE(done.error) << done.error->words;
    EXPECT_TRUE(agent_host::exists(named));
    EXPECT_EQ(server_pid(), server) << "neither restarts the server";

    // Data of another formation under a host that remembers nothing.
    ASSERT_EQ(::unlink(state_.file("identity.json").c_str()), 0);
    spec_.generation = "another";
    done = apply(spec_);
    ASSERT_TRUE(done.error);
    EXPECT_EQ(done.error->code, AgentErrc::identity_conflict);
}

TEST_F(Applying, DamagedRecordIsRefusedAndNotForgotten) {
    ASSERT_FALSE(apply(spec_).error);
    ASSERT_EQ(control(ControlAction::wipe).type, MessageType::done);
    const std::string record = state_.file("identity.json");
    ASSERT_TRUE(agent_host::replace_file(record, "{\"clus", {}).has_value());
    const ApplyDone done = apply(spec_);
    ASSERT_TRUE(done.error);
    EXPECT_NE(done.error->words.find(record), std::string::npos) << done.error->words;
    EXPECT_FALSE(agent_host::exists(spec_.data_dir));
}

/// A forming that was cut short between marker and start: the next apply may form or join, and a
/// joiner must not keep the right to vote for an empty database.
TEST_F(Applying, MarkerOfAnInterruptedFormingDoesNotOutliveAJoin) {
    ASSERT_FALSE(apply(spec_).error);
    ASSERT_EQ(control(ControlAction::wipe).type, MessageType::done);
    std::filesystem::create_directories(spec_.log_dir);
    std::ofstream(spec_.log_dir + "/initialize");
    const auto facts = this->facts(spec_);
    ASSERT_TRUE(facts.identity);
    EXPECT_FALSE(facts.identity->formed);  // the marker was not used: nothing ever began
    NodeSpec join = spec_;
    join.formation = agent_api::Formation::join;
    const ApplyDone joined = apply(join);
    ASSERT_FALSE(joined.error) << joined.error->words;
    bool removed = false;
    for (const auto& step : joined.steps) removed = removed || step.step == "remove-marker";
    EXPECT_TRUE(removed) << text_of(joined);
    EXPECT_TRUE((*state_.load_identity())->formed);
}

TEST_F(Applying, WipedNodeMayJoinButNotForm) {
    ASSERT_FALSE(apply(spec_).error);
    const auto wiped = control(ControlAction::wipe);
    ASSERT_EQ(wiped.type, MessageType::done) << wiped.payload;
    EXPECT_FALSE(agent_host::exists(spec_.data_dir));
    EXPECT_EQ(server_pid(), 0);
    std::size_t quarantined = 0;
    for (const auto& entry : std::filesystem::directory_iterator(spec_.install_dir)) {
        if (entry.path().string().find(".quarantine-") != std::string::npos) ++quarantined;
    }
    EXPECT_EQ(quarantined, 2u);

    const ApplyDone form = apply(spec_);
    ASSERT_TRUE(form.error);
    EXPECT_EQ(form.error->code, AgentErrc::unsafe);
    NodeSpec join = spec_;
    join.formation = agent_api::Formation::join;
    const ApplyDone joined = apply(join);
    ASSERT_FALSE(joined.error) << joined.error->words;
    for (const auto& step : joined.steps) EXPECT_NE(step.step, "write-marker");
}

/// A link leads to the disk that is meant for the data: what is on it moves aside, the link stays.
TEST_F(Applying, WipeOfALinkedDirectoryMovesWhatIsBehindIt) {
    std::filesystem::create_directories(dir_ + "/disk");
    std::filesystem::create_directories(spec_.install_dir);
    std::filesystem::create_directory_symlink(dir_ + "/disk", spec_.data_dir);
    ASSERT_FALSE(apply(spec_).error);
    const auto wiped = control(ControlAction::wipe);
    ASSERT_EQ(wiped.type, MessageType::done) << wiped.payload;
    EXPECT_TRUE(std::filesystem::is_symlink(spec_.data_dir));
    EXPECT_EQ(this->facts(spec_).data.state, agent_api::DataState::empty);
    std::size_t quarantined = 0;
    for (const auto& entry : std::filesystem::directory_iterator(dir_ + "/disk")) {
        EXPECT_TRUE(entry.path().filename().string().starts_with("quarantine-")) << entry.path();
        EXPECT_TRUE(agent_host::exists(entry.path().string() + "/version-2/snapshot.0"));
        ++quarantined;
    }
    EXPECT_EQ(quarantined, 1u);
}

TEST_F(Applying, WipeThatWouldMoveTheProgramsIsRefused) {
    spec_.data_dir = spec_.install_dir;
    spec_.files[0].content = "dataDir=" + spec_.data_dir + "\ndataLogDir=" + spec_.log_dir +
                             "\nclientPort=" + std::to_string(spec_.client_port) + "\n";
    spec_.files[1].path = spec_.data_dir + "/myid";
    spec_.directories[1].path = spec_.data_dir;
    spec_.directories[1].mode = 0755;
    ASSERT_FALSE(apply(spec_).error);
    const std::int64_t server = server_pid();
    EXPECT_EQ(control(ControlAction::wipe).type, MessageType::error);
    EXPECT_EQ(server_pid(), server);
    EXPECT_TRUE(agent_host::exists(spec_.server_path()));
}

TEST_F(Applying, StopEndsServerAndAgentAndStartBringsThemBack) {
    EXPECT_EQ(control(ControlAction::start).type, MessageType::error);
    ASSERT_FALSE(apply(spec_).error);
    ASSERT_EQ(control(ControlAction::stop).type, MessageType::done);
    EXPECT_EQ(server_pid(), 0);
    EXPECT_EQ(agent_pid(), 0);
    const auto health = this->health();
    EXPECT_EQ(health.verdict, NodeVerdict::down);
    EXPECT_EQ(health.source, agent_api::HealthSource::fourlw);
    EXPECT_FALSE(health.history.empty());
    ASSERT_EQ(control(ControlAction::start).type, MessageType::done);
    EXPECT_NE(server_pid(), 0);
    EXPECT_NE(agent_pid(), 0);
    const std::int64_t before = server_pid();
    ASSERT_EQ(control(ControlAction::restart).type, MessageType::done);
    EXPECT_NE(server_pid(), before);
    EXPECT_EQ(starts(), 3u);
}

TEST_F(Applying, BrokenOffBlobGoesOnWhereItStopped) {
    const auto content = agent_host::read_file(FAKE_SERVER, 1UL << 30);
    agent_api::BlobBegin begin;
    begin.sha256 = spec_.release.sha256;
    begin.size = spec_.release.size;
    {
        AgentSession session(state_.path());
        session.take_run_lock();
        ASSERT_EQ(session.ask(MessageType::blob_begin, agent_api::to_json(begin)).type,
                  MessageType::blob_want);
        session.send(MessageType::blob_chunk, ByteView(*content).substr(0, 5000));
        session.ask(MessageType::hello, agent_api::to_json(agent_api::Hello()));
        session.kill();
    }
    AgentSession session(state_.path());
    session.take_run_lock();
    const auto answer = session.ask(MessageType::blob_begin, agent_api::to_json(begin));
    EXPECT_EQ(agent_api::parse_payload<agent_api::BlobWant>(answer.payload)->offset, 5000u);
    session.send(MessageType::blob_chunk, ByteView(*content).substr(5000, 100));
    // Too short: refused, and the next attempt starts anew.
    EXPECT_EQ(session.ask(MessageType::blob_end, ByteView()).type, MessageType::error);
    send_release(session, spec_);
    EXPECT_EQ(session.ask(MessageType::blob_begin, agent_api::to_json(begin)).type,
              MessageType::blob_ok);
}

TEST_F(Applying, DamagedBlobIsRefused) {
    AgentSession session(state_.path());
    session.take_run_lock();
    agent_api::BlobBegin begin;
    begin.sha256 = agent_api::sha256_hex("good");
    begin.size = 4;
    ASSERT_EQ(session.ask(MessageType::blob_begin, agent_api::to_json(begin)).type,
              MessageType::blob_want);
    session.send(MessageType::blob_chunk, "evil");
    EXPECT_EQ(session.ask(MessageType::blob_end, ByteView()).type, MessageType::error);
    EXPECT_TRUE(std::filesystem::is_empty(state_.blob_dir()));

    begin.size =
        1ULL << 29;  // more than any disk here keeps free, or refused when the bytes never come
    begin.sha256 = "../../etc/passwd";
    EXPECT_EQ(session.ask(MessageType::blob_begin, agent_api::to_json(begin)).type,
              MessageType::error);
}

TEST_F(Applying, NonsenseIsAnsweredAndBrokenFramesEndTheSession) {
    AgentSession session(state_.path());
    EXPECT_EQ(session.ask(MessageType::apply, "{").type, MessageType::error);
    EXPECT_EQ(session.ask(MessageType::apply, "{}").type, MessageType::error);
    EXPECT_EQ(session.ask(MessageType::facts, "{}").type, MessageType::error);
    agent_api::Hello hello;
    hello.link_version = 99;
    EXPECT_EQ(session.ask(MessageType::hello, agent_api::to_json(hello)).type, MessageType::error);
    EXPECT_EQ(session.ask(MessageType::hello, agent_api::to_json(agent_api::Hello())).type,
              MessageType::hello_ok);
    session.send_raw(Bytes(8, '\xff'));
    EXPECT_THROW(session.receive(), std::runtime_error);
    EXPECT_EQ(session.end(), 1);
}

TEST_F(Applying, StateDirectoryThatOthersMayWriteIsRefused) {
    ASSERT_TRUE(state_.prepare().has_value());
    ASSERT_EQ(::chmod(state_.path().c_str(), 0777), 0);
    EXPECT_FALSE(state_.prepare().has_value());
    ASSERT_EQ(::chmod(state_.path().c_str(), 0755), 0);
    EXPECT_TRUE(state_.prepare().has_value());
    if (::geteuid() == 0) {
        ASSERT_EQ(::chown(state_.path().c_str(), 4711, 4711), 0);
        EXPECT_FALSE(state_.prepare().has_value());
    }
}

TEST_F(Applying, SecondSessionIsToldToWait) {
    ASSERT_TRUE(state_.prepare().has_value());
    const auto lock = state_.lock();
    ASSERT_TRUE(lock.has_value());
    const ApplyDone done = apply(spec_);
    ASSERT_TRUE(done.error);
    EXPECT_EQ(done.error->code, AgentErrc::busy);
    EXPECT_FALSE(agent_host::exists(spec_.install_dir));
}

}  // namespace
}  // namespace zk::agent_serve
