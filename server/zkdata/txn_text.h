// Transactions and nodes in words, for a person and as JSON. Pure.
#pragma once

#include <cstdint>
#include <string>

#include "base/time.h"
#include "jute/txn.h"
#include "tree/data_tree.h"

namespace zk::zkdata {

/// Whether the data of nodes are printed, or only how many bytes they have.
enum class Data { size, content };

/// "2026-11-28 19:20:11.042 UTC session 0x1 cxid 0x2 zxid 0x100000003 create /a acl world:anyone:cdrwa 5 bytes".
/// Names, session, cxid and zxid are those of Apache's TxnLogToolkit.
std::string txn_text(const jute::Txn& txn, Data data);
/// One object. `offset`: of the record in its file.
std::string txn_json(const jute::Txn& txn, std::uint64_t offset, Data data);

/// One line; counters as they are stored, so cversion is the number of creates below, as SnapshotFormatter prints it.
std::string node_text(const tree::Walk::VisitedNode& node, const jute::AclList& acl, Data data);
std::string node_json(const tree::Walk::VisitedNode& node, const jute::AclList& acl, Data data);

/// "/" for the root's "".
std::string shown_path(std::string_view path);
/// As it is, or quoted where it could be mistaken for something else.
std::string plain_text(std::string_view text);
/// "world:anyone:cdrwa,ip:10.0.0.1:r"
std::string acl_line(const jute::AclList& acl);
/// "ephemeral of 0x1", "container", "TTL of 1000 ms"; empty for ordinary nodes.
std::string owner_text(std::int64_t ephemeral_owner);

}  // namespace zk::zkdata
