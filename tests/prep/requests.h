// Short ways to ask a preparer in tests.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "prep/node_ops.h"
#include "prep/preparer.h"
#include "tree/acl.h"
#include "tree/data_tree.h"

namespace zk::prep::testing {

inline jute::CreateRequest create(std::string path,
                                  CreateMode mode = CreateMode::persistent,
                                  jute::AclList acl = tree::open_acl_list(),
                                  jute::Buffer data = Bytes("d")) {
    return {std::move(path), std::move(data), std::move(acl), mode};
}

inline jute::AclList acl(std::int32_t perms, std::string scheme, std::string id) {
    return {jute::Acl{perms, jute::AuthId{std::move(scheme), std::move(id)}}};
}

/// Writes a multi's body part by part.
class MultiBody {
  public:
    template <class Record>
    MultiBody& add(OpCode op, const Record& record) {
        jute::OutputArchive archive(body_);
        archive(jute::MultiHeader{op, false, ErrorCode(-1)}, record);
        return *this;
    }
    [[nodiscard]] Bytes end() const {
        Bytes body = body_;
        jute::OutputArchive archive(body);
        archive(jute::MultiHeader{OpCode::error, true, ErrorCode(-1)});
        return body;
    }

  private:
    Bytes body_;
};

/// A tree with its preparer and a session that asks. Txns stay outstanding until apply().
struct Bench {
    explicit Bench(ExtendedTypes extended_types = ExtendedTypes::off)
        : Bench(Policy{.extended_types = extended_types}) {}
    explicit Bench(Policy policy) : preparer(tree, policy) {}

    tree::DataTree tree;
    Preparer preparer;
    std::vector<jute::AuthId> auth = {{"ip", "127.0.0.1"}};
    SessionId session{0x100};
    ErrorCode session_check = ErrorCode::ok;
    std::int64_t zxid = 0;
    std::vector<jute::Txn> outstanding;

    jute::Txn ask_raw(OpCode op, ByteView body) {
        ++zxid;
        outstanding.push_back(preparer.prepare(PrepareRequest{session,
                                                              Xid(static_cast<std::int32_t>(zxid)),
                                                              op,
                                                              body,
                                                              auth,
                                                              Zxid(zxid),
                                                              WallMs(1000 + zxid),
                                                              session_check}));
        return outstanding.back();
    }
    template <class Record>
    jute::Txn ask(OpCode op, const Record& record) {
        return ask_raw(op, jute::encode(record));
    }
    /// The error of the txn that the request becomes; ok for a real one.
    template <class Record>
    ErrorCode error(OpCode op, const Record& record) {
        return error_of(ask(op, record));
    }
    static ErrorCode error_of(const jute::Txn& txn) {
        const auto* body = std::get_if<jute::ErrorTxn>(&txn.body);
        return body == nullptr ? ErrorCode::ok : body->error;
    }
    std::vector<tree::ApplyResult> apply() {
        std::vector<tree::ApplyResult> results;
        for (const jute::Txn& txn : outstanding) results.push_back(tree.apply(txn));
        outstanding.clear();
        preparer.committed(tree.last_zxid());
        return results;
    }
};

}  // namespace zk::prep::testing
