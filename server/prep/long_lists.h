// What long ACLs gave to whoever asked: one with tens of thousands of entries is looked at once, and not for each of
// thousands of writes below it, which would hold up everybody's.
// Pure; part of a preparer.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "jute/protocol.h"
#include "tree/acl.h"

namespace zk::prep {

class LongLists {
  public:
    static constexpr std::size_t kLong = 64;  ///< entries; shorter ones are looked at each time
    /// Answers that are kept; further ones take the place of the oldest.
    static constexpr std::size_t kKeptMax = 32;

    /// tree::check_acl. `rules`: always the same.
    bool check(const tree::AclRef& list,
               std::int32_t needed,
               const std::vector<jute::AuthId>& auth,
               const tree::AccessRules& rules);
    /// How many long lists were looked at.
    [[nodiscard]] std::size_t looked_at() const { return looked_at_; }

  private:
    struct Kept {
        tree::AclRef list;  ///< held, so that no other list gets its address
        std::int32_t needed = 0;
        std::vector<jute::AuthId> auth;
        bool allowed = false;
    };
    std::vector<Kept> kept_;
    std::size_t looked_at_ = 0;
};

}  // namespace zk::prep
