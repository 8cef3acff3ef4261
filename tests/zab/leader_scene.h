// A leader as scripted scenarios with their golden minutes.
// Server 1 leads; tick 1000 ms, initLimit 10, syncLimit 5; link 10 is server 2, link 20 server 3 unless said otherwise.
#pragma once

#include <gtest/gtest.h>

#include "scene.h"
#include "zab/leader.h"

namespace zk::zab {

class LeaderScene {
  public:
    explicit LeaderScene(const std::vector<int>& voters = {1, 2, 3},
                         std::uint32_t counter_limit = 0xffffffff,
                         Bounds bounds = {},
                         std::size_t window = 500)
        : committed_(window), leader_(settings(voters, counter_limit, bounds), Log()) {}

    std::string play(const std::string& text) {
        return zab::play(text, [&](const Line& line) { return run(line); });
    }
    Leader& leader() { return leader_; }
    CommittedLog& committed() { return committed_; }

  private:
    static Settings settings(const std::vector<int>& voters,
                             std::uint32_t counter_limit,
                             Bounds bounds) {
        Settings made = make_settings(1, voters, counter_limit);
        made.bounds = bounds;
        return made;
    }
    Actions run(const Line& line) {
        Actions out;
        const std::string& what = line.word(0);
        if (what == "history") {
            committed_.reset(parse_zxid(line.word(1)));
            for (std::size_t i = 2; i < line.words.size(); ++i) add(parse_zxid(line.word(i)));
        } else if (what == "start") {
            const Zxid last = committed_.max();
            leader_.start(Epoch(line.number("accepted", 1)),
                          Epoch(line.number("current", 1)),
                          last,
                          last,
                          committed_,
                          now_,
                          out);
        } else if (what == "connect") {
            // "connect 10 home=2": from the address of server 2; without a word, from everybody's.
            const std::int64_t home = line.number("home", 0);
            std::set<ServerId> claims{ServerId(2), ServerId(3), ServerId(4), ServerId(5)};
            if (home != 0) claims = {ServerId(home)};
            leader_.on_learner_connected(link(line), claims, now_, out);
        } else if (what == "room") {
            leader_.on_learner_room(link(line), now_, out);
        } else if (what == "progress") {
            leader_.on_learner_progress(link(line), now_);
        } else if (what == "read") {
            // "read 10 after=1.1 1.2 1.3" or "read 10 after=1.1 none"
            std::vector<CommittedTxn> txns;
            const bool found = line.words.back() != "none";
            for (std::size_t i = 2; found && i < line.words.size(); ++i) {
                const Zxid zxid = parse_zxid(line.word(i));
                txns.push_back({zxid, std::make_shared<const Bytes>(make_txn(zxid))});
            }
            leader_.on_history_read(
                link(line), parse_zxid(line.options.at("after")), found, txns, now_, out);
        } else if (what == "sync_of") {
            leader_.request_sync_of(link(line), out);
        } else if (what == "closed") {
            leader_.on_link_closed(link(line), now_, out);
        } else if (what == "packet") {
            leader_.on_packet(link(line), packet(line), now_, out);
        } else if (what == "accepted_saved") {
            leader_.on_accepted_epoch_saved(Epoch(std::stol(line.word(1))), now_, out);
        } else if (what == "current_saved") {
            leader_.on_current_epoch_saved(Epoch(std::stol(line.word(1))), now_, out);
        } else if (what == "durable") {
            leader_.on_log_durable(parse_zxid(line.word(1)), now_, out);
        } else if (what == "propose") {
            const Zxid zxid = leader_.next_zxid();
            leader_.propose(zxid, std::make_shared<const Bytes>(make_txn(zxid)), now_, out);
        } else if (what == "sync") {
            leader_.request_sync(std::stoull(line.word(1)), out);
        } else if (what == "revalidated") {
            leader_.revalidated(
                link(line), SessionId(std::stol(line.word(2))), line.word(3) == "yes", out);
        } else if (what == "after") {
            wait(milliseconds(std::stol(line.word(1))), out);
        } else {
            ADD_FAILURE() << what;
        }
        carry_out(out);
        return out;
    }
    void wait(Duration duration, Actions& out) {
        const Instant end = now_ + duration;
        while (now_ < end) {
            now_ += milliseconds(50);
            leader_.on_tick(now_, out);
        }
    }
    void carry_out(const Actions& actions) {
        for (const Action& action : actions) {
            if (const auto* committed = std::get_if<Committed>(&action)) add(committed->zxid);
            if (const auto* reign = std::get_if<Established>(&action)) {
                committed_.begin_epoch(reign->epoch);
            }
        }
    }
    void add(Zxid zxid) { committed_.add(zxid, std::make_shared<const Bytes>(make_txn(zxid))); }
    static LinkId link(const Line& line) { return std::stoull(line.word(1)); }

    static Packet packet(const Line& line) {
        const std::string& type = line.word(2);
        Bytes data;
        jute::OutputArchive archive(data);
        if (type == "FOLLOWERINFO" || type == "OBSERVERINFO") {
            const LearnerInfo info{ServerId(line.number("sid", 0)),
                                   static_cast<std::int32_t>(line.number("version", 0x10000)),
                                   line.number("config", 0)};
            return {type[0] == 'F' ? PacketType::follower_info : PacketType::observer_info,
                    Zxid(Epoch(line.number("accepted", 1)), 0),
                    encode(info),
                    {}};
        }
        if (type == "ACKEPOCH") {
            archive(static_cast<std::int32_t>(line.number("current", 1)));
            if (line.number("snapshot", 0) != 0) data.push_back(kSnapshotWanted);
            return {PacketType::ack_epoch, parse_zxid(line.options.at("last")), data, {}};
        }
        if (type == "ACK") return {PacketType::ack, parse_zxid(line.word(3)), {}, {}};
        if (type == "PING") {
            for (std::size_t i = 3; i + 1 < line.words.size(); i += 2) {
                archive(std::int64_t{std::stol(line.word(i))}, std::stoi(line.word(i + 1)));
            }
            return {PacketType::ping, Zxid(0), data, {}};
        }
        if (type == "REVALIDATE") {
            archive(std::int64_t{std::stol(line.word(3))}, std::int32_t{4000});
            return {PacketType::revalidate, Zxid(-1), data, {}};
        }
        if (type == "REQUEST") {
            archive(std::int64_t{7}, std::int32_t{3}, std::stoi(line.word(3)));
            return {PacketType::request,
                    Zxid(-1),
                    data + "body",
                    std::vector<jute::AuthId>{{"ip", "::1"}}};
        }
        if (type == "SHORT") return {PacketType::request, Zxid(-1), Bytes(15, ' '), {}};
        ADD_FAILURE() << type;
        return {};
    }

    Instant now_{};
    CommittedLog committed_;
    Leader leader_;
};

/// What every reign begins with: server 2 follows, all are at 1.2.
inline constexpr const char* kEstablish = R"(
history 0.0 1.1 1.2
start accepted=1 current=1
connect 10
packet 10 FOLLOWERINFO sid=2
accepted_saved 2
packet 10 ACKEPOCH last=1.2
current_saved 2
packet 10 ACK 2.0
packet 10 ACK 2.0
)";

}  // namespace zk::zab
