// The core loop with its real disk threads: what it does around the core. The leader is played by hand.
#include "net/core_loop.h"

#include <algorithm>
#include <atomic>

#include <boost/asio/ip/tcp.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "../disk/temp_dir.h"
#include "disk/posix_disk.h"
#include "election/notification.h"
#include "storage/recovery.h"
#include "zab/packet.h"

namespace zk::net {
namespace {
using boost::asio::ip::tcp;
using disk::expect_ok;
using disk::value_of;
using testing::Contains;
using testing::Not;
using zab::PacketType;

constexpr Epoch kEpoch(1);

ensemble::EnsembleConfig two_on_loopback(std::uint16_t leader_port) {
    ensemble::EnsembleConfig config;
    for (const int sid : {1, 2}) {
        config.members[ServerId(sid)] = {
            ServerId(sid), "127.0.0.1", leader_port, 1, ensemble::Role::participant, {}};
    }
    return config;
}

/// Server 1 follows server 2, whose port takes what it is sent and says nothing: the test speaks for it.
class CoreLoopTest : public testing::Test,
                     public CorePort,
                     public disk::DiskPort,
                     public NotificationPort,
                     public ClientPort,
                     public ServerPort {
  protected:
    CoreLoopTest() {
        EXPECT_TRUE(run_until([&] { return core_.status().round > 0; }));
        election::Notification notification;
        notification.vote = {ServerId(2), Zxid(100), Round(core_.status().round), Epoch(0)};
        notification.config_text = to_string(settings_.config);
        loop_.post(core::NotificationReceived{ServerId(2), election::encode(notification)});
        EXPECT_TRUE(run_until([&] { return attempt_ != 0; }));
        Bytes version;
        append_be(version, zab::kProtocolVersion);
        say({PacketType::leader_info, Zxid(kEpoch, 0), version, {}});
        EXPECT_TRUE(run_until([&] { return core_.status().accepted_epoch == kEpoch; }));
        say({PacketType::diff, Zxid(0), {}, {}});
        say({PacketType::new_leader, Zxid(kEpoch, 0), Bytes(), {}});
        EXPECT_TRUE(run_until([&] { return core_.status().current_epoch == kEpoch; }));
        say({PacketType::up_to_date, Zxid(-1), {}, {}});
        EXPECT_TRUE(run_until([&] { return core_.serving(); }));
    }
    ~CoreLoopTest() override {
        loop_.stop();
        quorum_.stop();
    }
    /// The threads call this object, so they end before it begins to.
    void TearDown() override {
        log_.stop();
        snapshots_.stop();
    }

    void post(core::Event event) override {
        const auto* connected = std::get_if<core::LeaderConnected>(&event);
        if (connected != nullptr) attempt_ = connected->attempt;
        loop_.post(std::move(event));
    }
    void log_told(std::vector<storage::DiskEvent> events) override {
        if (!log_held_) loop_.log_told(std::move(events));
    }
    void snapshot_told(disk::SnapshotEvent event) override {
        loop_.snapshot_told(std::move(event));
    }
    void snapshot_has_room() override { loop_.snapshot_has_room(); }
    void notify(ServerId, Bytes) override {}
    void keep_out() override { kept_out_ = true; }
    void publish(const tree::DataTree*, std::span<request::ToFrontend>) override {}
    void hear(std::uint32_t) override {}
    void let_in() override { kept_out_ = false; }
    void flush() override { EXPECT_FALSE(kept_out_); }
    [[nodiscard]] std::uint32_t loop_count() const override { return 1; }
    [[nodiscard]] bool has_heard(std::uint32_t) const override { return true; }
    void cannot_go_on(const std::string& why) override { ADD_FAILURE() << why; }
    void peer_port_failed(const Error& error) override { ADD_FAILURE() << error.message(); }

    template <class Condition>
    bool run_until(const Condition& condition) {
        for (int i = 0; i < 10'000 && !condition(); ++i) io_.run_one_for(milliseconds(100));
        return condition();
    }
    void say(zab::Packet packet) { loop_.post(core::LeaderPacket{attempt_, std::move(packet)}); }
    /// A quorum of others has it. They are all heard in one turn.
    void commit(std::uint32_t first, std::uint32_t last) {
        for (std::uint32_t counter = first; counter <= last; ++counter) {
            jute::Txn txn;
            txn.header = {SessionId(counter),
                          Xid(0),
                          Zxid(kEpoch, counter),
                          WallMs(1),
                          OpCode::create_session};
            txn.body = jute::CreateSessionTxn{4000};
            say({PacketType::proposal, txn.header.zxid, jute::encode_txn(txn), {}});
            say({PacketType::commit, txn.header.zxid, {}, {}});
        }
    }
    std::vector<std::string> files() { return value_of(disk_.list(paths_.snapshots())); }

    disk::TempDir dir_;
    const storage::Paths paths_{dir_.path(), dir_.path()};
    disk::PosixDisk disk_;
    boost::asio::io_context io_{1};
    tcp::acceptor leader_{io_, {boost::asio::ip::address_v4::loopback(), 0}};
    const core::Settings settings_ = [this] {
        core::Settings settings;
        settings.my_id = ServerId(1);
        settings.config = two_on_loopback(leader_.local_endpoint().port());
        settings.snap_count = 2;
        return settings;
    }();
    core::Turn turn_{settings_, value_of(storage::recover(disk_, paths_, {})), Log()};
    const core::Core& core_ = turn_.core();
    core::Attempt attempt_ = 0;
    bool kept_out_ = false;
    std::atomic<bool> log_held_ = false;  ///< nobody hears that the log is durable
    CoreLoop loop_{io_, turn_, Log()};
    QuorumLinks quorum_{
        io_, {.my_id = settings_.my_id, .members = core_.members()}, *this, *this, Log()};
    disk::LogThread log_{disk_, paths_, {}, *this};
    disk::SnapshotThread snapshots_{disk_, paths_, *this};
    const bool started_ = [this] {
        loop_.start({.notifications = this,
                     .quorum = &quorum_,
                     .log = log_,
                     .snapshots = snapshots_,
                     .clients = *this,
                     .server = *this});
        return true;
    }();
};

// The second txn makes the snapshot begin, and it walks over the third one as well. Named now it would, after a power cut,
// be ahead of its log.
TEST_F(CoreLoopTest, ASnapshotGetsNoNameBeforeTheLogThatCoversItIsDurable) {
    log_held_ = true;
    commit(1, 3);
    EXPECT_TRUE(run_until([&] { return core_.status().last_zxid == Zxid(kEpoch, 3); }));
    while (io_.poll() > 0) {
    }
    snapshots_.stop();  // does first what it was told
    EXPECT_LT(core_.last_durable(), Zxid(kEpoch, 3));
    EXPECT_THAT(files(), Not(Contains("snapshot.100000002")));
}

TEST_F(CoreLoopTest, ASnapshotGetsItsNameWhenTheLogThatCoversItIsDurable) {
    commit(1, 3);
    EXPECT_TRUE(run_until([&] { return core_.last_durable() == Zxid(kEpoch, 3); }));
    EXPECT_TRUE(run_until([&] { return std::ranges::count(files(), "snapshot.100000002") == 1; }));
}

}  // namespace
}  // namespace zk::net
