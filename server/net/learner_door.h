// Who may keep a connection at the quorum port. A link is a stranger until it has said
// FOLLOWERINFO, which a learner does at once; strangers are few, and the oldest one makes room for
// the next, so a crowd that says nothing keeps nobody out. A link that has said a name from an
// address that is no member's takes one of few places, so that the members' own stay free. No I/O,
// no clock. Decides by numbers only; the caller closes what it is told to.
#pragma once

#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/time.h"
#include "zab/actions.h"

namespace zk::net {

struct DoorLimits {
    /// Each costs a descriptor and buffers; ensembles are far smaller.
    std::size_t links_max = 256;
    std::size_t strangers_max = 64;  ///< links without a name, of all addresses
    std::size_t strangers_per_address_max = 16;
    std::size_t foreign_max = 32;  ///< links with a name, of addresses that are no member's
    Duration name_within = std::chrono::seconds(5);
};

class LearnerDoor {
  public:
    explicit LearnerDoor(DoorLimits limits = {}) : limits_(limits) {}

    struct Admission {
        bool admitted = false;
        std::vector<zab::LinkId> close;  ///< these make room
    };
    /// Ids grow from call to call.
    Admission admit(zab::LinkId id, const std::string& address, bool of_member, Instant now);
    /// The link has said who it is. False: it must go.
    [[nodiscard]] bool named(zab::LinkId id);
    void gone(zab::LinkId id);
    /// Strangers whose time is up. They stay in the books until gone().
    [[nodiscard]] std::vector<zab::LinkId> overdue(Instant now) const;
    void clear() { links_.clear(); }

  private:
    struct Link {
        std::string address;
        bool of_member = false;
        bool has_name = false;
        Instant since;
    };
    template <class Predicate>
    std::optional<zab::LinkId> oldest(Predicate wanted, std::size_t& count) const;

    DoorLimits limits_;
    std::map<zab::LinkId, Link> links_;  // oldest first
};

}  // namespace zk::net
