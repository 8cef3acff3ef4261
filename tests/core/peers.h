// What the two other members of an ensemble of three say to OneServer, played by hand.
#pragma once

#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "election/notification.h"
#include "one_server.h"

namespace zk::core {

/// Server `from` tells its vote in this server's round.
inline void vote_comes(OneServer& server, int from, election::Vote vote) {
    vote.round = Round(server.core().status().round);
    election::Notification notification;
    notification.vote = vote;
    notification.config_text = to_string(settings_of({1, 2, 3}).config);
    server.step(NotificationReceived{ServerId(from), election::encode(notification)});
}

/// Server 2 agrees to what this server proposes, itself.
inline void is_elected(OneServer& server) {
    const StatusPage page = server.core().status();
    vote_comes(server, 2, {page.vote_leader, page.vote_zxid, {}, page.vote_epoch});
    server.wait(milliseconds(400));
    ASSERT_EQ(server.core().status().role, Role::leading);
}

/// Server `leader` has a newer history. It is elected, and its reign is to be `epoch`.
inline void begins_to_follow(OneServer& server, int leader, Epoch epoch) {
    const Epoch before(epoch.value() - 1);
    vote_comes(server, leader, {ServerId(leader), Zxid(before, 100), {}, before});
    server.wait(milliseconds(400));
    ASSERT_EQ(server.core().status().role, Role::following);
    server.leader_connects();
    Bytes version;
    append_be(version, zab::kProtocolVersion);
    server.from_leader({zab::PacketType::leader_info, Zxid(epoch, 0), version, {}});
}

inline void is_up_to_date(OneServer& server, Epoch epoch) {
    server.from_leader({zab::PacketType::new_leader, Zxid(epoch, 0), Bytes(), {}});
    server.from_leader({zab::PacketType::up_to_date, Zxid(-1), {}, {}});
    ASSERT_TRUE(server.core().serving());
}

inline void proposal_comes(OneServer& server, const jute::Txn& txn) {
    server.from_leader({zab::PacketType::proposal, txn.header.zxid, jute::encode_txn(txn), {}});
}
inline void txn_commits(OneServer& server, const jute::Txn& txn) {
    proposal_comes(server, txn);
    server.from_leader({zab::PacketType::commit, txn.header.zxid, {}, {}});
}

inline jute::Txn session_txn(OpCode type, Zxid zxid, SessionId session) {
    jute::Txn txn;
    txn.header = {session, Xid(0), zxid, WallMs(1), type};
    if (type == OpCode::create_session) txn.body = jute::CreateSessionTxn{OneServer::kTimeoutMs};
    if (type == OpCode::close_session) txn.body = jute::CloseSessionTxn{std::vector<std::string>{}};
    return txn;
}
inline jute::Txn node_txn(Zxid zxid, const std::string& path, std::int32_t parent_cversion) {
    return {{SessionId(7), Xid(1), zxid, WallMs(1), OpCode::create},
            jute::CreateTxn{path,
                            Bytes(),
                            {{.perms = perms::kAll, .id = {"world", "anyone"}}},
                            false,
                            parent_cversion},
            {}};
}

}  // namespace zk::core
