// Who may stay on the election port. Of each pair of servers the one with the larger sid owns the
// connection; a member that is connected is not driven out by whoever says its sid from elsewhere; those
// who say nothing and those who are no members take no more than a small share of the memory.
// Pure. Source: ZooKeeper QuorumCnxManager.handleConnection; docs/decisions/0005 for the limits.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <utility>

#include "base/ids.h"
#include "base/time.h"
#include "election/mistrust.h"
#include "ensemble/membership.h"

namespace zk::election {

class Reception {
  public:
    /// Connections that have not said who they are. One more ends the oldest of them: a crowd that says nothing
    /// must not keep a server out, which says its name at once.
    static constexpr std::size_t kGreetingsMax = 128;
    /// Servers that are no members: each may ask, none may fill the memory. One more ends the oldest.
    static constexpr std::size_t kStrangersMax = 32;

    using GreetingId = std::uint64_t;

    enum class Welcome {
        own_id,     ///< refused: it says this server's id
        anonymous,  ///< refused: an observer without an id
        impostor,   ///< refused: a better one is connected
        stays,      ///< the connection is from now on the one with that server
        call_back,  ///< the smaller sid: its connection ends and it is dialled
    };
    struct Answer {
        Welcome welcome{};
        bool first_time = false;           ///< impostor: not told yet of this connection
        std::optional<ServerId> leaves{};  ///< this stranger makes room and is forgotten
    };

    Reception(ServerId my_id, ensemble::MembershipPtr members)
        : my_id_(my_id), members_(std::move(members)) {}

    /// A connection is there. The one that is to be closed for it, if any; it has ended then.
    std::optional<GreetingId> greets(GreetingId id);
    /// It has said who it is, or has ended.
    void greeting_ended(GreetingId id);

    /// Whoever says to be `sid` is answered. A stranger that may stay or is called back is remembered until forget().
    Answer welcome(ServerId sid, Origin origin, Instant now);
    void connected(ServerId sid, Origin origin, Instant now);
    void disconnected(ServerId sid);
    /// Members are not forgotten.
    void forget(ServerId sid);

    [[nodiscard]] bool is_member(ServerId sid) const { return members_->config().contains(sid); }

  private:
    struct Known {
        std::optional<Origin> connected{};
        Instant since{};
        bool impostor_told = false;  ///< once for each connection
    };
    std::optional<ServerId> make_room();

    const ServerId my_id_;
    const ensemble::MembershipPtr members_;
    std::map<ServerId, Known> known_;
    std::deque<GreetingId> greetings_;  ///< oldest first
};

}  // namespace zk::election
