// Quorum links over loopback: a leader and a learner in one process, and raw sockets that
// misbehave. Every wait has a bound.
#include "net/quorum_links.h"

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <boost/asio/buffer.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/write.hpp>
#include <gtest/gtest.h>

#include "jute/txn.h"
#include "tree/acl.h"

namespace zk::net {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using namespace std::chrono_literals;
using boost::system::error_code;

tcp::endpoint loopback(std::uint16_t port = 0) { return {asio::ip::address_v4::loopback(), port}; }

class QuorumLinksTest : public testing::Test {
  protected:
    /// The members can still be changed.
    struct Setup : QuorumLinkSettings {
        ensemble::EnsembleConfig config;
    };
    /// One server's links, and what they told.
    struct Server final : CorePort, ServerPort {
        void post(core::Event event) override { events.push_back(std::move(event)); }
        void peer_port_failed(const Error& error) override { failures.push_back(error.message()); }
        void cannot_go_on(const std::string& why) override { ADD_FAILURE() << why; }

        std::vector<core::Event> events;
        std::vector<std::string> failures;
        std::unique_ptr<QuorumLinks> links;

        template <class E>
        [[nodiscard]] int count() const {
            int n = 0;
            for (const core::Event& event : events) n += std::holds_alternative<E>(event) ? 1 : 0;
            return n;
        }
        template <class E>
        [[nodiscard]] const E* last() const {
            const E* found = nullptr;
            for (const core::Event& event : events) {
                if (const E* one = std::get_if<E>(&event)) found = one;
            }
            return found;
        }
        [[nodiscard]] zab::LinkId link() const { return last<core::LearnerConnected>()->link; }
    };

    QuorumLinksTest() {
        tcp::acceptor one(io_, loopback());
        tcp::acceptor two(io_, loopback());
        ports_ = {one.local_endpoint().port(), two.local_endpoint().port()};
    }

    Server& start(int sid, std::function<void(Setup&)> change = {}) {
        auto server = std::make_unique<Server>();
        Setup settings;
        settings.my_id = ServerId(sid);
        for (const int member : {1, 2}) {
            settings.config.members[ServerId(member)] = {
                ServerId(member),
                "127.0.0.1",
                ports_[static_cast<std::size_t>(member - 1)],
                1,
                ensemble::Role::participant,
                {}};
        }
        if (change) change(settings);
        settings.members = std::make_shared<ensemble::Membership>(settings.config);
        Server* raw = server.get();
        server->links = std::make_unique<QuorumLinks>(io_, settings, *raw, *raw, Log());
        servers_.push_back(std::move(server));
        return *raw;
    }

    /// Runs the loop until `done` or the bound.
    bool run_until(const std::function<bool()>& done, std::chrono::milliseconds bound = 10s) {
        const auto end = std::chrono::steady_clock::now() + bound;
        while (!done() && std::chrono::steady_clock::now() < end) {
            io_.restart();
            io_.run_for(2ms);
        }
        return done();
    }
    void run_for(std::chrono::milliseconds duration) {
        run_until([] { return false; }, duration);
    }

    /// A leader and a learner with a link between them.
    std::pair<Server*, Server*> linked(std::function<void(Setup&)> change = {}) {
        Server& leader = start(1, change);
        Server& learner = start(2, change);
        leader.links->open_port();
        for (int i = 0; i < 50 && learner.count<core::LeaderConnected>() == 0; ++i) {
            learner.links->dial(7, ServerId(1));  // a name may be resolved later than dialled
            run_until([&] {
                return learner.count<core::LeaderConnected>() +
                           learner.count<core::LeaderDialFailed>() >
                       i;
            });
        }
        run_until([&] { return leader.count<core::LearnerConnected>() > 0; });
        return {&leader, &learner};
    }
    tcp::socket connect_to_leader() {
        tcp::socket socket(io_);
        socket.connect(loopback(ports_[0]));
        return socket;
    }

    static zab::Packet packet(zab::PacketType type, std::int64_t zxid, std::size_t bytes = 0) {
        return {type, Zxid(zxid), Bytes(bytes, 'd'), {}};
    }

    asio::io_context io_;
    std::vector<std::uint16_t> ports_;
    std::vector<std::unique_ptr<Server>> servers_;
};

TEST_F(QuorumLinksTest, PacketsGoBothWaysInOrder) {
    const auto [leader, learner] = linked();
    ASSERT_EQ(leader->count<core::LearnerConnected>(), 1);
    for (int i = 1; i <= 100; ++i) {
        leader->links->send_to_learner(leader->link(), packet(zab::PacketType::proposal, i, 1000));
        learner->links->send_to_leader(packet(zab::PacketType::ack, i));
    }
    ASSERT_TRUE(run_until([&, leader = leader, learner = learner] {
        return leader->count<core::LearnerPacket>() == 100 &&
               learner->count<core::LeaderPacket>() == 100;
    }));
    std::int64_t next = 1;
    for (const core::Event& event : learner->events) {
        const auto* heard = std::get_if<core::LeaderPacket>(&event);
        if (heard == nullptr) continue;
        EXPECT_EQ(heard->attempt, 7U);
        EXPECT_EQ(heard->packet, packet(zab::PacketType::proposal, next++, 1000));
    }
}

TEST_F(QuorumLinksTest, ASnapshotTravelsBetweenPackets) {
    const auto [leader, learner] = linked();
    tree::DataTree tree;
    jute::Txn txn;
    txn.header = {SessionId(0), Xid(0), Zxid(1), WallMs(1), OpCode::create};
    txn.body = jute::CreateTxn{"/big", Bytes(900'000, 'd'), tree::open_acl_list(), false, -1};
    tree.apply(txn);
    leader->links->send_to_learner(leader->link(), {zab::PacketType::snap, Zxid(1), {}, {}});
    leader->links->send_snapshot(
        leader->link(),
        storage::SnapshotSerializer(tree, {{SessionId(5), 4000}}, storage::Form::wire));
    leader->links->send_to_learner(leader->link(), packet(zab::PacketType::new_leader, 2));
    ASSERT_TRUE(
        run_until([&, learner = learner] { return learner->count<core::LeaderPacket>() == 2; }));
    ASSERT_EQ(learner->count<core::LeaderSnapshot>(), 1);
    const auto* snapshot = learner->last<core::LeaderSnapshot>();
    EXPECT_EQ(snapshot->tree->node_count(), tree.node_count());
    EXPECT_EQ(snapshot->sessions.at(SessionId(5)), 4000);
    EXPECT_EQ(learner->last<core::LeaderPacket>()->packet.type, zab::PacketType::new_leader);
}

TEST_F(QuorumLinksTest, WhatWaitedIsCountedForEachMember) {
    const auto [leader, learner] = linked();
    const auto counted = [leader = leader](metrics::SummarySet set) {
        const metrics::Metrics counts = leader->links->counts();
        std::map<std::string, std::int64_t> by_sid;
        for (const auto& [sid, values] : counts.value(set).by_key()) by_sid[sid] = values.count();
        return by_sid;
    };
    using Counted = std::map<std::string, std::int64_t>;
    learner->links->send_to_leader({zab::PacketType::follower_info,
                                    Zxid(0),
                                    encode(zab::LearnerInfo{ServerId(2), zab::kProtocolVersion, 0}),
                                    {}});
    ASSERT_TRUE(
        run_until([&, leader = leader] { return leader->count<core::LearnerPacket>() == 1; }));
    for (int i = 1; i <= 10; ++i)
        leader->links->send_to_learner(leader->link(), packet(zab::PacketType::commit, i));
    leader->links->send_proposal(
        leader->link(), Zxid(11), std::make_shared<const std::string>(5000, 'b'));
    ASSERT_TRUE(
        run_until([&, learner = learner] { return learner->count<core::LeaderPacket>() == 11; }));
    EXPECT_EQ(counted(metrics::SummarySet::learner_handler_qp_size), (Counted{{"2", 11}}));
    EXPECT_EQ(counted(metrics::SummarySet::learner_handler_qp_time_ms), (Counted{{"2", 1}}));
    leader->links->close_port();
    EXPECT_EQ(counted(metrics::SummarySet::learner_handler_qp_size), (Counted{{"2", 11}}))
        << "what has been counted stays";
    leader->links->reset_counts();
    EXPECT_EQ(counted(metrics::SummarySet::learner_handler_qp_size), Counted());
}

TEST_F(QuorumLinksTest, ALearnerThatNeverReadsIsDropped) {
    Server& leader = start(1);
    leader.links->open_port();
    tcp::socket stalled = connect_to_leader();
    ASSERT_TRUE(run_until([&] { return leader.count<core::LearnerConnected>() == 1; }));
    leader.links->send_to_learner(leader.link(), packet(zab::PacketType::up_to_date, -1));
    int sent = 0;
    for (; sent < 200 && leader.count<core::LearnerClosed>() == 0; ++sent) {
        leader.links->send_to_learner(leader.link(),
                                      packet(zab::PacketType::proposal, sent, 1'000'000));
        run_for(1ms);
    }
    EXPECT_LT(sent, 100) << "its memory is bounded";
    leader.links->send_to_learner(leader.link(), packet(zab::PacketType::ping, 1));
    EXPECT_EQ(leader.count<core::LearnerClosed>(), 1);
}

TEST_F(QuorumLinksTest, ProposalsAreSharedAndKeepTheirPlace) {
    const auto [leader, learner] = linked();
    const auto big = std::make_shared<const std::string>(300'000, 'b');
    const auto small = std::make_shared<const std::string>("small");
    for (int i = 1; i <= 40; ++i) {
        leader->links->send_proposal(leader->link(), Zxid(i), i % 3 == 0 ? small : big);
        leader->links->send_to_learner(leader->link(), packet(zab::PacketType::commit, i));
    }
    EXPECT_GT(big.use_count(), 20) << "the queue shares them";
    ASSERT_TRUE(
        run_until([&, learner = learner] { return learner->count<core::LeaderPacket>() == 80; }));
    int next = 0;
    for (const core::Event& event : learner->events) {
        const auto* heard = std::get_if<core::LeaderPacket>(&event);
        if (heard == nullptr) continue;
        const int i = next / 2 + 1;
        if (next++ % 2 == 0) {
            const Bytes& txn = i % 3 == 0 ? *small : *big;
            EXPECT_EQ(heard->packet, (zab::Packet{zab::PacketType::proposal, Zxid(i), txn, {}}));
        } else {
            EXPECT_EQ(heard->packet, packet(zab::PacketType::commit, i));
        }
    }
    EXPECT_EQ(big.use_count(), 1);
}

TEST_F(QuorumLinksTest, BeforeUpToDateNobodyIsDroppedForBeingSlow) {
    Server& leader = start(1, [](Setup& settings) { settings.queue.owed_max = 1000; });
    leader.links->open_port();
    tcp::socket stalled = connect_to_leader();
    ASSERT_TRUE(run_until([&] { return leader.count<core::LearnerConnected>() == 1; }));
    const auto txn = std::make_shared<const std::string>(1'000'000, 'd');
    for (int i = 0; i < 100; ++i) leader.links->send_proposal(leader.link(), Zxid(i), txn);
    run_for(50ms);
    EXPECT_EQ(leader.count<core::LearnerClosed>(), 0);
    leader.links->send_to_learner(leader.link(), {zab::PacketType::up_to_date, Zxid(-1), {}, {}});
    run_for(50ms);
    EXPECT_EQ(leader.count<core::LearnerClosed>(), 0);
    leader.links->send_proposal(leader.link(), Zxid(101), txn);
    EXPECT_TRUE(run_until([&] { return leader.count<core::LearnerClosed>() == 1; }));
}

TEST_F(QuorumLinksTest, RoomIsToldWhenTheLearnerHasReadOn) {
    Server& leader = start(1);
    leader.links->open_port();
    tcp::socket slow = connect_to_leader();
    ASSERT_TRUE(run_until([&] { return leader.count<core::LearnerConnected>() == 1; }));
    leader.links->await_room(leader.link());
    ASSERT_TRUE(run_until([&] { return leader.count<core::LearnerRoom>() == 1; })) << "at once";
    const auto txn = std::make_shared<const std::string>(1'000'000, 'd');
    for (int i = 0; i < 50; ++i) leader.links->send_proposal(leader.link(), Zxid(i), txn);
    leader.links->await_room(leader.link());
    run_for(300ms);
    EXPECT_EQ(leader.count<core::LearnerRoom>(), 1) << "nothing is read";
    const int before = leader.count<core::LearnerProgress>();
    std::vector<char> buffer(1'000'000);
    slow.non_blocking(true);
    ASSERT_TRUE(run_until([&] {
        error_code ignored;
        slow.read_some(asio::buffer(buffer), ignored);
        return leader.count<core::LearnerProgress>() > before;
    }));
    EXPECT_EQ(leader.count<core::LearnerRoom>(), 1);
    ASSERT_TRUE(run_until([&] {
        error_code ignored;
        slow.read_some(asio::buffer(buffer), ignored);
        return leader.count<core::LearnerRoom>() == 2;
    }));
    run_for(150ms);
    EXPECT_EQ(leader.count<core::LearnerRoom>(), 2) << "one answer to each question";
}

TEST_F(QuorumLinksTest, ALeaderThatIsNotReadWaits) {
    const auto [leader, learner] = linked();
    leader->links->send_to_learner(leader->link(), packet(zab::PacketType::ping, 1));
    ASSERT_TRUE(
        run_until([&, learner = learner] { return learner->count<core::LeaderPacket>() == 1; }));
    learner->links->read_leader(false);
    leader->links->send_to_learner(leader->link(),
                                   packet(zab::PacketType::ping, 2));  // of the last read
    run_until([&, learner = learner] { return learner->count<core::LeaderPacket>() == 2; });
    const auto txn = std::make_shared<const std::string>(1'000'000, 'd');
    for (int i = 0; i < 20; ++i) leader->links->send_proposal(leader->link(), Zxid(i), txn);
    leader->links->await_room(leader->link());
    run_for(200ms);
    EXPECT_EQ(learner->count<core::LeaderPacket>(), 2);
    EXPECT_EQ(leader->count<core::LearnerRoom>(), 0);
    learner->links->read_leader(true);
    ASSERT_TRUE(
        run_until([&, learner = learner] { return learner->count<core::LeaderPacket>() == 22; }));
    EXPECT_EQ(leader->count<core::LearnerRoom>(), 1);
}

TEST_F(QuorumLinksTest, GarbageEndsItsOwnLinkOnly) {
    const auto [leader, learner] = linked();
    tcp::socket garbage = connect_to_leader();
    asio::write(garbage, asio::buffer(std::string("GET / HTTP/1.1\r\nHost: quorum\r\n\r\n")));
    EXPECT_TRUE(
        run_until([&, leader = leader] { return leader->count<core::LearnerClosed>() == 1; }));
    learner->links->send_to_leader(packet(zab::PacketType::ack, 1));
    EXPECT_TRUE(
        run_until([&, leader = leader] { return leader->count<core::LearnerPacket>() == 1; }));
    EXPECT_EQ(learner->count<core::LeaderClosed>(), 0);
}

TEST_F(QuorumLinksTest, ASilentCrowdKeepsNoLearnerOut) {
    Server& leader = start(1);
    Server& learner = start(2);
    leader.links->open_port();
    std::vector<tcp::socket> silent;
    for (int i = 0; i < 300; ++i) {
        silent.push_back(connect_to_leader());
        if (i % 20 == 0) run_for(5ms);
    }
    run_for(50ms);
    const int connected = leader.count<core::LearnerConnected>();
    EXPECT_LE(connected - leader.count<core::LearnerClosed>(), 64);
    learner.links->dial(1, ServerId(1));
    ASSERT_TRUE(run_until([&] { return learner.count<core::LeaderConnected>() == 1; }));
    learner.links->send_to_leader(packet(zab::PacketType::follower_info, 0, 20));
    ASSERT_TRUE(run_until([&] { return leader.count<core::LearnerPacket>() == 1; }));
    const zab::LinkId link = leader.last<core::LearnerPacket>()->link;
    for (int i = 0; i < 300; ++i) {
        silent.push_back(connect_to_leader());
        if (i % 20 == 0) run_for(5ms);
    }
    run_for(50ms);
    learner.links->send_to_leader(packet(zab::PacketType::ack, 1));
    ASSERT_TRUE(run_until([&] { return leader.count<core::LearnerPacket>() == 2; }));
    EXPECT_EQ(leader.last<core::LearnerPacket>()->link, link);
}

TEST_F(QuorumLinksTest, WhoDoesNotSayItsNameGoes) {
    Server& leader = start(1, [](Setup& settings) {
        settings.door.name_within = 100ms;
        settings.config.members[ServerId(3)] = settings.config.members[ServerId(2)];
        settings.config.members[ServerId(3)].host = "192.0.2.3";
    });
    leader.links->open_port();
    const tcp::socket silent = connect_to_leader();
    tcp::socket named = connect_to_leader();
    asio::write(named, asio::buffer(zab::encode(packet(zab::PacketType::follower_info, 0, 20))));
    ASSERT_TRUE(run_until([&] { return leader.count<core::LearnerConnected>() == 2; }));
    EXPECT_EQ(leader.last<core::LearnerConnected>()->members_there,
              (std::vector{ServerId(1), ServerId(2)}));
    ASSERT_TRUE(run_until([&] { return leader.count<core::LearnerClosed>() == 1; }));
    run_for(400ms);
    EXPECT_EQ(leader.count<core::LearnerClosed>(), 1);
    EXPECT_NE(leader.last<core::LearnerClosed>()->link, leader.last<core::LearnerPacket>()->link);
}

TEST_F(QuorumLinksTest, ClosedPortAndStalledPortFailTheDial) {
    Server& learner = start(2, [](Setup& settings) { settings.connect_timeout = 200ms; });
    learner.links->dial(1, ServerId(1));
    ASSERT_TRUE(run_until([&] { return learner.count<core::LeaderDialFailed>() == 1; }));
    // A port whose queue is full takes no more callers, and answers nothing.
    tcp::acceptor stalled(io_);
    stalled.open(tcp::v4());
    stalled.bind(loopback(ports_[0]));
    stalled.listen(1);
    std::vector<tcp::socket> queue;
    for (int i = 0; i < 4; ++i) {
        queue.emplace_back(io_).async_connect(loopback(ports_[0]), [](error_code) {});
    }
    run_for(20ms);
    learner.links->dial(2, ServerId(1));
    ASSERT_TRUE(run_until([&] { return learner.count<core::LeaderDialFailed>() == 2; }));
    EXPECT_EQ(learner.last<core::LeaderDialFailed>()->attempt, 2U);
    EXPECT_EQ(learner.count<core::LeaderConnected>(), 0);
}

TEST_F(QuorumLinksTest, ANewDialReplacesTheOldOneSilently) {
    const auto [leader, learner] = linked();
    learner->links->dial(8, ServerId(1));
    ASSERT_TRUE(
        run_until([&, learner = learner] { return learner->count<core::LeaderConnected>() == 2; }));
    ASSERT_TRUE(
        run_until([&, leader = leader] { return leader->count<core::LearnerClosed>() == 1; }));
    EXPECT_EQ(learner->count<core::LeaderClosed>(), 0);
    leader->links->close_port();
    EXPECT_TRUE(
        run_until([&, learner = learner] { return learner->count<core::LeaderClosed>() == 1; }));
    EXPECT_EQ(learner->last<core::LeaderClosed>()->attempt, 8U);
}

TEST_F(QuorumLinksTest, LinksMayGoWhileAnEndIsOnItsWay) {
    Server& leader = start(1);
    leader.links->open_port();
    tcp::socket stalled = connect_to_leader();
    ASSERT_TRUE(run_until([&] { return leader.count<core::LearnerConnected>() == 1; }));
    leader.links->send_to_learner(leader.link(), packet(zab::PacketType::up_to_date, -1));
    for (int i = 0; i < 70; ++i) {
        leader.links->send_to_learner(leader.link(),
                                      packet(zab::PacketType::proposal, i, 1'000'000));
    }
    leader.links.reset();
    run_for(20ms);
    EXPECT_EQ(leader.count<core::LearnerClosed>(), 0) << "nobody is told any more";
}

TEST_F(QuorumLinksTest, NamesAndAllAddressesWork) {
    const auto by_name = [](Setup& settings) {
        for (auto& [sid, member] : settings.config.members) member.host = "localhost";
    };
    const auto [leader, learner] = linked(by_name);
    EXPECT_EQ(learner->count<core::LeaderConnected>(), 1);
    // A Java learner dials the first address of the name only, and that is the IPv4 one.
    EXPECT_NO_THROW(connect_to_leader());
    leader->links->stop();
    learner->links->stop();
    const auto everywhere = [&](Setup& settings) {
        by_name(settings);
        settings.listen_on_all_addresses = true;
    };
    const auto [all, other] = linked(everywhere);
    EXPECT_EQ(other->count<core::LeaderConnected>(), 1);
    EXPECT_EQ(all->count<core::LearnerConnected>(), 1);
}

TEST_F(QuorumLinksTest, ATakenPortShowsAtTheStart) {
    Server& server = start(1);
    server.links->check_port();
    run_for(50ms);
    EXPECT_TRUE(server.failures.empty());
    const tcp::acceptor taken(io_, loopback(ports_[0]));  // it was let go again
    server.links->check_port();
    ASSERT_TRUE(run_until([&] { return !server.failures.empty(); }));
    EXPECT_NE(server.failures[0].find("quorum port 127.0.0.1:"), std::string::npos)
        << server.failures[0];
}

TEST_F(QuorumLinksTest, AnOwnOpenPortIsNoFailureOfTheCheck) {
    Server& server = start(1);
    server.links->open_port();
    server.links->check_port();
    run_for(50ms);
    EXPECT_TRUE(server.failures.empty());
    EXPECT_NO_THROW(connect_to_leader()) << "and stays open";
}

}  // namespace
}  // namespace zk::net
