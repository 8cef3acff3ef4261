#include "base/check.h"
#include "tree/acl.h"

namespace zk::tree {

const jute::AclList& open_acl_list() {
    static const jute::AclList list = {jute::Acl{perms::kAll, jute::AuthId{"world", "anyone"}}};
    return list;
}

const jute::AclList& read_only_acl_list() {
    static const jute::AclList list = {jute::Acl{perms::kRead, jute::AuthId{"world", "anyone"}}};
    return list;
}

AclCache::AclCache() {
    const AclId id = intern(read_only_acl_list());  // this use is never given back
    ZK_ASSERT(id == kReadOnlyAcl);
}

AclId AclCache::intern(const jute::AclList& list) {
    if (list == open_acl_list()) return kOpenAcl;
    if (const auto known = ids_.find(list); known != ids_.end()) {
        ++entries_.at(known->second).users;
        return AclId(known->second);
    }
    const std::int64_t id = next_id_++;
    ids_.emplace(list, id);
    entries_.emplace(id, Entry{std::make_shared<const jute::AclList>(list), 1});
    return AclId(id);
}

void AclCache::release(AclId id) {
    if (id == kOpenAcl) return;
    const auto entry = entries_.find(id.value());
    ZK_ASSERT(entry != entries_.end() && entry->second.users > 0);
    if (--entry->second.users > 0) return;
    ZK_ASSERT(id != kReadOnlyAcl);
    ids_.erase(*entry->second.list);
    entries_.erase(entry);
}

const jute::AclList& AclCache::find(AclId id) const {
    if (id == kOpenAcl) return open_acl_list();
    const auto entry = entries_.find(id.value());
    ZK_ASSERT(entry != entries_.end());
    return *entry->second.list;
}

AclRef AclCache::share(AclId id) const {
    if (id == kOpenAcl) return nullptr;
    const auto entry = entries_.find(id.value());
    ZK_ASSERT(entry != entries_.end());
    return entry->second.list;
}

bool AclCache::contains(AclId id) const { return id == kOpenAcl || entries_.contains(id.value()); }

std::vector<std::pair<AclId, jute::AclList>> AclCache::all() const {
    std::vector<std::pair<AclId, jute::AclList>> lists;
    lists.reserve(entries_.size());
    for (const auto& [id, entry] : entries_) lists.emplace_back(AclId(id), *entry.list);
    return lists;
}

void AclCache::load(AclId snapshot_id, const jute::AclList& list) {
    const AclId id = intern(list);
    const auto [place, is_new] = loaded_.emplace(snapshot_id.value(), id);
    if (!is_new) {  // the last one of two equal ids counts, as in ZooKeeper
        release(place->second);
        place->second = id;
    }
}

std::optional<AclId> AclCache::use_loaded(AclId snapshot_id) {
    if (snapshot_id == kOpenAcl) return kOpenAcl;
    const auto place = loaded_.find(snapshot_id.value());
    if (place == loaded_.end()) return std::nullopt;
    if (place->second != kOpenAcl) ++entries_.at(place->second.value()).users;
    return place->second;
}

void AclCache::finish_load() {
    for (const auto& [snapshot_id, id] : loaded_) release(id);
    loaded_.clear();
}

}  // namespace zk::tree
