// Short ways to write txns in tests.
#pragma once

#include <string>
#include <utility>

#include "jute/txn.h"
#include "tree/acl.h"

namespace zk::tree::testing {

inline jute::TxnHeader header(OpCode type, std::int64_t zxid, std::int64_t session = 7) {
    return {SessionId(session), Xid(1), Zxid(zxid), WallMs(1000 + zxid), type};
}
inline jute::Txn create(std::int64_t zxid,
                        std::string path,
                        std::int32_t parent_cversion,
                        jute::Buffer data = Bytes("d"),
                        jute::AclList acl = open_acl_list()) {
    return {
        header(OpCode::create2, zxid),
        jute::CreateTxn{std::move(path), std::move(data), std::move(acl), false, parent_cversion},
        {}};
}
inline jute::Txn ephemeral(std::int64_t zxid,
                           std::int64_t session,
                           std::string path,
                           std::int32_t parent_cversion) {
    return {header(OpCode::create, zxid, session),
            jute::CreateTxn{std::move(path), Bytes(), open_acl_list(), true, parent_cversion},
            {}};
}
inline jute::Txn remove(std::int64_t zxid, std::string path) {
    return {header(OpCode::remove, zxid), jute::DeleteTxn{std::move(path)}, {}};
}
inline jute::Txn set_data(std::int64_t zxid,
                          std::string path,
                          jute::Buffer data,
                          std::int32_t version) {
    return {header(OpCode::set_data, zxid),
            jute::SetDataTxn{std::move(path), std::move(data), version},
            {}};
}
inline jute::Txn set_acl(std::int64_t zxid,
                         std::string path,
                         jute::AclList acl,
                         std::int32_t version) {
    return {header(OpCode::set_acl, zxid),
            jute::SetAclTxn{std::move(path), std::move(acl), version},
            {}};
}
inline jute::AclList digest_acl(const std::string& id) {
    return {jute::Acl{perms::kAll, jute::AuthId{"digest", id}}};
}

}  // namespace zk::tree::testing
