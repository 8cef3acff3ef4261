// The run lock on the link: one run at a time changes an ensemble. How it keeps its promise is in
// docs/decisions/0008; the rules of each side are the room run_lock.
// Pure. Travels as JSON in the messages `lock` and `lock_state`.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "agent_api/names.h"
#include "base/time.h"

namespace zk::agent_api {

/// A run of zkprov, as other people are told of it. The agent adds `from` and `since`.
struct LockHolder {
    std::string cluster;
    std::string command;  ///< "apply"
    std::string user;     ///< who runs zkprov
    std::string host;     ///< where
    std::int64_t pid = 0;
    std::string from;  ///< the address that sshd saw; empty: not known, or no SSH
    WallMs since;      ///< by the node's clock

    friend bool operator==(const LockHolder&, const LockHolder&) = default;
    static void fields(auto& archive, auto& self) {
        archive("cluster", self.cluster);
        archive("command", self.command);
        archive("user", self.user);
        archive("host", self.host);
        archive("pid", self.pid);
        archive("from", self.from);
        archive("since", self.since);
    }
};

/// On all nodes the same run of zkprov.
inline bool is_same_run(const LockHolder& one, const LockHolder& other) {
    return one.cluster == other.cluster && one.command == other.command && one.user == other.user &&
           one.host == other.host && one.pid == other.pid;
}

enum class LockAction {
    show,    ///< changes nothing
    take,    ///< for the life of this session; answered with another holder when there is one
    number,  ///< records the fencing number of the run; also a check
    check,   ///< whether this session still holds it; changes are taken for a while from then on
    release,
    revoke,  ///< takes it from the run `holder`, by a higher number
};
constexpr std::array<std::string_view, 6> enum_words(LockAction) {
    return {"show", "take", "number", "check", "release", "revoke"};
}

struct LockRequest {
    LockAction action = LockAction::show;
    LockHolder holder;         ///< take: who asks; revoke: whose it is
    std::uint64_t number = 0;  ///< number: above all that any node of the run has recorded
    static void fields(auto& archive, auto& self) {
        archive("action", self.action);
        archive("holder", self.holder);
        archive("number", self.number);
    }
};

struct LockState {
    bool yours = false;                ///< this session holds it
    std::string lost;                  ///< why it does no more, when it did
    std::uint64_t number = 0;          ///< the highest that this node has recorded
    std::optional<LockHolder> holder;  ///< none: free
    std::int64_t held_ms = 0;          ///< since `holder->since`, by the node's clock

    static void fields(auto& archive, auto& self) {
        archive("yours", self.yours);
        archive("lost", self.lost);
        archive("number", self.number);
        archive("holder", self.holder);
        archive("held_ms", self.held_ms);
    }
};

}  // namespace zk::agent_api
