// A core that is an ensemble of its own, over a simulated disk: what one server does with requests,
// without elections and links in the way. Ensembles of several cores are the simulator's.
#include "core/core.h"

#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "sim_disk/sim_disk.h"
#include "storage/disk_command.h"

namespace zk::core {
namespace {

const storage::Paths kPaths{"/data", "/data"};

storage::ExecutorOptions executor_options() {
    storage::ExecutorOptions options;
    options.log.preallocate_bytes = 4096;
    return options;
}

class OneServer {
  public:
    OneServer() : executor_(disk_, kPaths, executor_options()) {
        auto recovered = storage::recover(disk_, kPaths, {});
        Settings settings;
        settings.my_id = ServerId(1);
        settings.config.members[ServerId(1)] = {
            ServerId(1), "h", 1, 2, ensemble::Role::participant, {}};
        core_.emplace(settings, *std::move(recovered), Log());
        Actions out;
        core_->start(WallMs(1), now_, out);
        carry_out(out);
        for (int i = 0; i < 50 && !core_->serving(); ++i) {
            now_ += Core::kTickPeriod;
            step(Tick{WallMs(1)});
        }
    }

    Core& core() { return *core_; }
    [[nodiscard]] std::size_t longest_txn() const { return longest_txn_; }

    SessionId open() {
        step(request::ToCore(request::OpenSession{{}, 4000}));
        return opened_;
    }
    request::Reply ask(request::ClientRequest request) {
        step(request::ToCore(std::move(request)));
        return std::exchange(reply_, {});
    }

    void hold_disk() { disk_held_ = true; }
    /// The session that was waiting for it, if one was.
    SessionId release_disk() {
        disk_held_ = false;
        run_disk();
        return opened_;
    }

  private:
    void step(Event event) {
        Actions out;
        core_->step(std::move(event), now_, out);
        while (core_->more()) core_->proceed(now_, out);
        carry_out(out);
    }
    void carry_out(Actions& actions) {
        for (Action& action : actions) {
            if (auto* command = std::get_if<storage::DiskCommand>(&action)) {
                if (const auto* append = std::get_if<storage::AppendTxn>(command)) {
                    longest_txn_ = std::max(longest_txn_, append->payload->size());
                }
                commands_.push_back(std::move(*command));
            } else if (const auto* told = std::get_if<request::ToFrontend>(&action)) {
                if (const auto* reply = std::get_if<request::Reply>(told)) reply_ = *reply;
                if (const auto* open = std::get_if<request::SessionOpened>(told)) {
                    opened_ = open->session;
                }
            }
        }
        if (!disk_held_) run_disk();
    }
    void run_disk() {
        std::vector<storage::DiskCommand> commands = std::exchange(commands_, {});
        std::vector<storage::DiskEvent> events;
        executor_.execute(commands, events);
        for (storage::DiskEvent& event : events) step(std::move(event));
    }

    sim::SimDisk disk_;
    storage::DiskExecutor executor_;
    std::optional<Core> core_;
    Instant now_{milliseconds(10'000)};
    SessionId opened_;
    request::Reply reply_;
    std::size_t longest_txn_ = 0;
    bool disk_held_ = false;
    std::vector<storage::DiskCommand> commands_;
};

/// A multi of that length: it creates nodes for "auth".
Bytes long_multi(std::size_t bytes) {
    Bytes body;
    jute::OutputArchive archive(body);
    for (int i = 0; body.size() < bytes; ++i) {
        archive.write(jute::MultiHeader{
            .type = OpCode::create, .done = false, .error = static_cast<ErrorCode>(-1)});
        archive.write(jute::CreateRequest{"/n" + std::to_string(i),
                                          Bytes(),
                                          {{.perms = perms::kAll, .id = {"auth", ""}}},
                                          CreateMode::persistent});
    }
    archive.write(jute::MultiHeader{
        .type = OpCode::error, .done = true, .error = static_cast<ErrorCode>(-1)});
    return body;
}

// Longer records are damage to whoever reads the log, and end a follower's link again and again.
TEST(Core, RefusesARequestWhoseTxnNoServerCouldRead) {
    OneServer server;
    ASSERT_TRUE(server.core().serving());
    const SessionId session = server.open();
    ASSERT_NE(session, SessionId(0));
    request::ClientRequest request;
    request.session = session;
    request.xid = Xid(1);
    request.op = OpCode::multi;
    request.body = long_multi(1'000'000);
    for (int i = 0; i < 5; ++i) {
        request.auth.push_back({"digest", "user" + std::to_string(i) + ":" + Bytes(28, 'x')});
    }
    request::Reply reply = server.ask(request);
    EXPECT_EQ(reply.xid, Xid(1));
    EXPECT_EQ(reply.error, ErrorCode::marshalling_error);
    EXPECT_LE(server.longest_txn(), static_cast<std::size_t>(storage::kLogPayloadMax));
    EXPECT_EQ(server.core().tree().find("/n0"), nullptr);

    // A fifth of it for one identity is not too long.
    request.auth.resize(1);
    request.xid = Xid(2);
    request.body = long_multi(200'000);
    reply = server.ask(request);
    EXPECT_EQ(reply.xid, Xid(2));
    EXPECT_EQ(reply.error, ErrorCode::ok);
    EXPECT_NE(server.core().tree().find("/n0"), nullptr);
}

// A snapshot written meanwhile must not know a session that may be cut off again.
TEST(Core, ASessionIsPartOfTheStateOnceItsTxnIsApplied) {
    OneServer server;
    server.hold_disk();
    EXPECT_EQ(server.open(), SessionId(0));
    EXPECT_TRUE(server.core().session_timeouts().empty());
    const SessionId session = server.release_disk();
    EXPECT_NE(session, SessionId(0));
    EXPECT_TRUE(server.core().session_timeouts().contains(session));
}

}  // namespace
}  // namespace zk::core
