// Access control lists: stored once, checked against the ids of a connection, and put right when a
// client sets them. Pure. The cache belongs to the data tree and is written only by the tree's
// writer. Source: ZooKeeper ReferenceCountedACLCache, ZooKeeperServer.checkACL,
// PrepRequestProcessor.fixupACL, IPAuthenticationProvider, DigestAuthenticationProvider.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/ids.h"
#include "jute/protocol.h"

namespace zk::tree {

/// Number of an ACL list in the cache and in snapshots. kOpenAcl is not stored: it means
/// world:anyone, everything.
using AclId = Id<struct AclIdTag, std::int64_t>;
inline constexpr AclId kOpenAcl{-1};
/// Always in the cache: world:anyone may read. The ACL of /zookeeper/config, and the harmless
/// stand-in that a walk gives for a list that came into being after the walk began.
inline constexpr AclId kReadOnlyAcl{1};

/// A list that outlives its place in the cache (a deleted node's last ACL travels with the event).
/// Null: kOpenAcl.
using AclRef = std::shared_ptr<const jute::AclList>;

/// world:anyone with all permissions.
const jute::AclList& open_acl_list();
/// world:anyone with READ.
const jute::AclList& read_only_acl_list();

/// Every different list once, counted by its users. Ids are never used again for another list, so
/// that an id written into a fuzzy snapshot keeps its meaning.
class AclCache {
  public:
    AclCache();

    /// The id of `list`, with one more user. world:anyone:all is always kOpenAcl.
    AclId intern(const jute::AclList& list);
    /// One user less; the last one drops the list.
    void release(AclId id);
    /// REQUIRES: contains(id).
    [[nodiscard]] const jute::AclList& find(AclId id) const;
    /// The list, to be kept; null for kOpenAcl. REQUIRES: contains(id).
    [[nodiscard]] AclRef share(AclId id) const;
    [[nodiscard]] bool contains(AclId id) const;

    /// All stored lists by id, as a snapshot's ACL map holds them (kOpenAcl is not among them).
    [[nodiscard]] std::vector<std::pair<AclId, jute::AclList>> all() const;
    [[nodiscard]] std::size_t size() const { return entries_.size(); }
    /// No list has this id or a greater one yet.
    [[nodiscard]] AclId next_id() const { return AclId(next_id_); }

    /// Puts an entry of a snapshot's ACL map. Only between DataTree::clear_for_load and
    /// finish_load; ids are the snapshot's own and are translated when nodes are loaded.
    void load(AclId snapshot_id, const jute::AclList& list);

  private:
    friend class DataTree;
    struct Entry {
        AclRef list;
        std::int64_t users = 0;
    };
    /// The cache's id of a snapshot's id, with one more user; nullopt when the snapshot has no such
    /// list.
    std::optional<AclId> use_loaded(AclId snapshot_id);
    void finish_load();

    std::map<std::int64_t, Entry> entries_;
    std::map<jute::AclList, std::int64_t> ids_;
    std::int64_t next_id_ = 1;
    std::map<std::int64_t, AclId> loaded_;  ///< snapshot's id -> own id, while loading
};

/// What a server's settings say of identities and lists.
struct AccessRules {
    bool checks = true;  ///< skipACL=no
    /// DigestAuthenticationProvider.enabled. Else nobody is anybody by a digest: no list may name one, those that do give
    /// them nothing.
    bool digest = true;
};

/// True if `list` gives one of the `needed` permission bits to one of the ids `auth`, or one of
/// them is super, or the list is empty.
bool check_acl(const jute::AclList& list,
               std::int32_t needed,
               const std::vector<jute::AuthId>& auth,
               const AccessRules& rules = {});
/// The same for a list that travels; null grants everything.
bool check_acl(const AclRef& list,
               std::int32_t needed,
               const std::vector<jute::AuthId>& auth,
               const AccessRules& rules = {});

/// The list as it is stored: duplicates removed, `auth` expanded to the ids of the connection.
/// nullopt is the client's mistake ErrorCode::invalid_acl, also for a list that no txn could carry.
/// Known schemes: world, auth, digest, ip.
std::optional<jute::AclList> fix_up_acl(const jute::AclList& list,
                                        const std::vector<jute::AuthId>& auth,
                                        const AccessRules& rules = {});

/// "user:<base64 of sha1>" for "user:password", as the digest scheme names identities. `algorithm` is one of those that
/// ensemble::digest_algorithm gives.
std::string digest_id(std::string_view user_and_password, std::string_view algorithm = "SHA1");

/// The id of scheme ip that an address has: an IPv6 one with all its zeros, as Java writes it, and what only wraps an IPv4
/// one as that.
std::string ip_id(std::string_view address);

}  // namespace zk::tree
