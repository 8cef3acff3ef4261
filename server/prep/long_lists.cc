#include "prep/long_lists.h"

#include <utility>

namespace zk::prep {

bool LongLists::check(const tree::AclRef& list,
                      std::int32_t needed,
                      const std::vector<jute::AuthId>& auth,
                      const tree::AccessRules& rules) {
    if (!list || list->size() < kLong) return tree::check_acl(list, needed, auth, rules);
    for (const Kept& kept : kept_) {
        if (kept.list == list && kept.needed == needed && kept.auth == auth) return kept.allowed;
    }
    Kept kept{list, needed, auth, tree::check_acl(list, needed, auth, rules)};
    const bool allowed = kept.allowed;
    if (kept_.size() < kKeptMax) {
        kept_.push_back(std::move(kept));
    } else {
        kept_[looked_at_ % kKeptMax] = std::move(kept);
    }
    ++looked_at_;
    return allowed;
}

}  // namespace zk::prep
