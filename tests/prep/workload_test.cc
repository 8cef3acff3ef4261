// A random workload of several sessions, pipelined, against a model that knows no txns, no
// projection and no digest: a map of paths that each request changes at once. Txns are applied late
// and in bursts. Meanwhile a fuzzy snapshot is taken, loaded elsewhere and brought up to date by
// replay.
#include <algorithm>
#include <map>
#include <memory>
#include <random>

#include <gtest/gtest.h>

#include "requests.h"
#include "tree/path.h"

namespace zk::prep {
namespace {

using namespace zk::prep::testing;

struct ModelNode {
    jute::Buffer data;
    jute::AclList acl;
    jute::Stat stat;
    int creates = 0;
};

struct Model {
    std::map<std::string, ModelNode> nodes;
    Zxid zxid;
    WallMs time;
    SessionId session;
    std::vector<jute::AuthId> auth;

    Model() {
        const tree::DataTree fresh;
        for (const char* path : {"/", "/zookeeper", "/zookeeper/quota", "/zookeeper/config"}) {
            const tree::Node& node = *fresh.find(path);
            nodes[path] = {Bytes(), fresh.acl_of(node), fresh.stat_of(node), 0};
        }
    }
    bool has(const std::string& path) const { return nodes.contains(path); }
    static std::string parent(const std::string& path) {
        const std::size_t slash = path.rfind('/');
        return slash == 0 ? "/" : path.substr(0, slash);
    }
    bool may(const std::string& path, std::int32_t perm) const {
        for (const jute::Acl& entry : nodes.at(path).acl) {
            if ((entry.perms & perm) == 0) continue;
            if (entry.id.scheme == "world") return true;
            if (std::find(auth.begin(), auth.end(), entry.id) != auth.end()) return true;
        }
        return false;
    }
    static bool matches(std::int32_t expected, std::int32_t actual) {
        return expected == -1 || expected == actual;
    }

    ErrorCode create(const jute::CreateRequest& request) {
        std::string path = request.path;
        const std::string above = parent(path);
        if (!has(above)) return ErrorCode::no_node;
        if (!may(above, perms::kCreate)) return ErrorCode::no_auth;
        ModelNode& father = nodes.at(above);
        if (is_sequential(request.flags)) path += tree::sequence_suffix(father.creates);
        if (has(path)) return ErrorCode::node_exists;
        if (father.stat.ephemeral_owner != 0) return ErrorCode::no_children_for_ephemerals;
        father.creates += 1;
        father.stat.cversion += 1;
        father.stat.children_count += 1;
        father.stat.pzxid = zxid;
        ModelNode node{request.data, request.acl, {}, 0};
        node.stat.czxid = node.stat.mzxid = node.stat.pzxid = zxid;
        node.stat.ctime = node.stat.mtime = time;
        if (is_ephemeral(request.flags)) node.stat.ephemeral_owner = session.value();
        node.stat.data_length = request.data ? static_cast<std::int32_t>(request.data->size()) : 0;
        nodes[path] = node;
        return ErrorCode::ok;
    }
    void erase(const std::string& path) {
        nodes.erase(path);
        ModelNode& father = nodes.at(parent(path));
        father.stat.cversion += 1;
        father.stat.children_count -= 1;
        father.stat.pzxid = zxid;
    }
    ErrorCode remove(const jute::DeleteRequest& request) {
        if (request.path == "/zookeeper/config") return ErrorCode::bad_arguments;
        const std::string above = parent(request.path);
        if (!has(above)) return ErrorCode::no_node;
        if (!may(above, perms::kDelete)) return ErrorCode::no_auth;
        if (!has(request.path)) return ErrorCode::no_node;
        const ModelNode& node = nodes.at(request.path);
        if (!matches(request.version, node.stat.version)) return ErrorCode::bad_version;
        if (node.stat.children_count > 0) return ErrorCode::not_empty;
        erase(request.path);
        return ErrorCode::ok;
    }
    ErrorCode set_data(const jute::SetDataRequest& request) {
        if (!has(request.path)) return ErrorCode::no_node;
        if (!may(request.path, perms::kWrite)) return ErrorCode::no_auth;
        ModelNode& node = nodes.at(request.path);
        if (!matches(request.version, node.stat.version)) return ErrorCode::bad_version;
        node.data = request.data;
        node.stat.data_length = request.data ? static_cast<std::int32_t>(request.data->size()) : 0;
        node.stat.version += 1;
        node.stat.mzxid = zxid;
        node.stat.mtime = time;
        return ErrorCode::ok;
    }
    ErrorCode set_acl(const jute::SetAclRequest& request) {
        if (!has(request.path)) return ErrorCode::no_node;
        if (!may(request.path, perms::kAdmin)) return ErrorCode::no_auth;
        ModelNode& node = nodes.at(request.path);
        if (!matches(request.version, node.stat.aversion)) return ErrorCode::bad_version;
        node.acl = request.acl;
        node.stat.aversion += 1;
        return ErrorCode::ok;
    }
    ErrorCode check(const jute::CheckVersionRequest& request) {
        if (!has(request.path)) return ErrorCode::no_node;
        if (!may(request.path, perms::kRead)) return ErrorCode::no_auth;
        return matches(request.version, nodes.at(request.path).stat.version)
                   ? ErrorCode::ok
                   : ErrorCode::bad_version;
    }
    void close(SessionId closed) {
        std::vector<std::string> paths;
        for (const auto& [path, node] : nodes) {
            if (node.stat.ephemeral_owner == closed.value()) paths.push_back(path);
        }
        for (const std::string& path : paths) erase(path);
    }
};

std::map<std::string, std::string> describe(const tree::DataTree& tree) {
    std::map<std::string, std::string> all;
    tree::Walk walk(tree);
    for (tree::Walk::VisitedNode visited; walk.next(visited);) {
        const tree::Node& node = *tree.find(visited.path);
        Bytes& text = all[visited.path.empty() ? "/" : visited.path];
        text = visited.data ? "=" + std::string(*visited.data) : "null";
        text += jute::encode(tree.acl_of(node)) + jute::encode(tree.stat_of(node));
    }
    return all;
}

std::map<std::string, std::string> describe(const Model& model) {
    std::map<std::string, std::string> all;
    for (const auto& [path, node] : model.nodes) {
        all[path] = (node.data ? "=" + *node.data : "null") + jute::encode(node.acl) +
                    jute::encode(node.stat);
    }
    return all;
}

/// A snapshot being taken step by step, as the snapshot thread does between the core's batches.
struct Snapshot {
    struct Stored {
        std::string path;
        jute::Buffer data;
        tree::AclId acl;
        tree::StatPersisted stat;
    };
    explicit Snapshot(const tree::DataTree& tree) : acls(tree.acl().all()), walk(tree) {}
    bool step() {
        tree::Walk::VisitedNode node;
        if (!walk.next(node)) return false;
        jute::Buffer data;
        if (node.data) data.emplace(*node.data);
        nodes.push_back({node.path, data, node.acl, node.stat});
        return true;
    }
    std::vector<std::pair<tree::AclId, jute::AclList>> acls;
    tree::Walk walk;
    std::vector<Stored> nodes;
};

class Workload : public ::testing::TestWithParam<unsigned> {
  protected:
    std::string path() {
        std::string text;
        for (auto depth = 1 + random_() % 3; depth > 0; --depth) {
            text += '/';
            text += static_cast<char>('a' + random_() % 5);
        }
        return random_() % 50 == 0   ? "/zookeeper/config"
               : random_() % 50 == 0 ? "/zookeeper/x"
                                     : text;
    }
    std::int32_t version() {
        constexpr std::int32_t kVersions[] = {-1, -1, -1, 0, 1, 2};
        return kVersions[random_() % std::size(kVersions)];
    }
    jute::Buffer data() {
        if (random_() % 5 == 0) return std::nullopt;
        return Bytes(random_() % 40, static_cast<char>('a' + random_() % 26));
    }
    jute::AclList some_acl() {
        switch (random_() % 8) {
            case 0:
                return acl(perms::kRead, "world", "anyone");
            case 1:
                return acl(perms::kAll, "digest", "u:x");
            case 2:
                return acl(perms::kAll & ~perms::kDelete, "world", "anyone");
            default:
                return tree::open_acl_list();
        }
    }
    jute::CreateRequest create_request() {
        return create(
            path(), CreateMode(static_cast<std::int32_t>(random_() % 4)), some_acl(), data());
    }

    void ask_single() {
        switch (random_() % 9) {
            case 0:
            case 1:
            case 2:
            case 3: {
                const auto request = create_request();
                compare(bench_.ask(OpCode::create, request), model_.create(request));
                break;
            }
            case 4:
            case 5: {
                const jute::DeleteRequest request{path(), version()};
                compare(bench_.ask(OpCode::remove, request), model_.remove(request));
                break;
            }
            case 6: {
                const jute::SetAclRequest request{path(), some_acl(), version()};
                if (request.path == "/zookeeper/config") break;
                compare(bench_.ask(OpCode::set_acl, request), model_.set_acl(request));
                break;
            }
            default: {
                const jute::SetDataRequest request{path(), data(), version()};
                compare(bench_.ask(OpCode::set_data, request), model_.set_data(request));
                break;
            }
        }
    }

    void ask_multi() {
        const Model before = model_;
        MultiBody body;
        std::vector<ErrorCode> expected;
        bool failed = false;
        const auto add = [&](OpCode op, const auto& request, const auto& run) {
            body.add(op, request);
            const ErrorCode error = failed ? ErrorCode::runtime_inconsistency : run(request);
            failed = failed || error != ErrorCode::ok;
            expected.push_back(error);
        };
        for (auto count = random_() % 5; count > 0; --count) {
            switch (random_() % 4) {
                case 0:
                    add(OpCode::create, create_request(), [&](auto& r) {
                        return model_.create(r);
                    });
                    break;
                case 1:
                    add(OpCode::remove, jute::DeleteRequest{path(), version()}, [&](auto& r) {
                        return model_.remove(r);
                    });
                    break;
                case 2:
                    add(OpCode::set_data,
                        jute::SetDataRequest{path(), data(), version()},
                        [&](auto& r) { return model_.set_data(r); });
                    break;
                default:
                    add(OpCode::check, jute::CheckVersionRequest{path(), version()}, [&](auto& r) {
                        return model_.check(r);
                    });
                    break;
            }
        }
        if (failed) model_ = before;
        const jute::Txn txn = bench_.ask_raw(OpCode::multi, body.end());
        const auto& parts = std::get<jute::MultiTxn>(txn.body).parts;
        ASSERT_EQ(parts.size(), expected.size());
        for (std::size_t i = 0; i < parts.size(); ++i) {
            const ErrorCode error = parts[i].type == OpCode::error
                                        ? jute::decode<jute::ErrorTxn>(parts[i].body)->error
                                        : ErrorCode::ok;
            ASSERT_EQ(error, expected[i]) << "part " << i << " of zxid " << bench_.zxid;
        }
    }

    void ask() {
        // Sessions 1 to 3; the second has proven who it is.
        const auto number = static_cast<std::int64_t>(1 + random_() % 3);
        bench_.session = model_.session = SessionId(number);
        bench_.auth = {{"ip", "127.0.0.1"}};
        if (number == 2) bench_.auth.push_back({"digest", "u:x"});
        model_.auth = bench_.auth;
        model_.zxid = Zxid(bench_.zxid + 1);
        model_.time = WallMs(1000 + bench_.zxid + 1);
        if (random_() % 40 == 0) {
            bench_.ask_raw(OpCode::close_session, "");
            model_.close(model_.session);
        } else if (random_() % 4 == 0) {
            ask_multi();
        } else {
            ask_single();
        }
    }

    void compare(const jute::Txn& txn, ErrorCode expected) {
        ASSERT_EQ(to_string(Bench::error_of(txn)), to_string(expected)) << "zxid " << bench_.zxid;
    }

    void apply_some() {
        std::size_t count = random_() % (bench_.outstanding.size() + 1);
        for (std::size_t i = 0; i < count; ++i) {
            const jute::Txn& txn = bench_.outstanding[i];
            const tree::ApplyResult result = bench_.tree.apply(txn);
            ASSERT_TRUE(result.type == OpCode::error || result.error == ErrorCode::ok);
            if (txn.digest) {
                ASSERT_EQ(bench_.tree.digest(), txn.digest->tree_digest);
            }
            log_.push_back(txn);
        }
        bench_.outstanding.erase(bench_.outstanding.begin(),
                                 bench_.outstanding.begin() + static_cast<std::ptrdiff_t>(count));
        if (random_() % 2 == 0) bench_.preparer.committed(bench_.tree.last_zxid());
    }

    // Loads the snapshot elsewhere and replays the log over it.
    void check_snapshot(const Snapshot& snapshot) {
        tree::DataTree copy;
        copy.clear_for_load();
        for (const auto& [id, list] : snapshot.acls) copy.acl().load(id, list);
        for (const Snapshot::Stored& node : snapshot.nodes) {
            const Result<> loaded = copy.load_node(node.path, node.data, node.acl, node.stat);
            ASSERT_TRUE(loaded.has_value()) << loaded.error().message();
        }
        ASSERT_TRUE(copy.finish_load().has_value());
        copy.set_last_zxid(snapshot.walk.start_zxid());
        for (const jute::Txn& txn : log_) {
            if (txn.header.zxid > snapshot.walk.start_zxid()) copy.apply(txn);
        }
        ASSERT_EQ(copy.digest(), bench_.tree.digest());
        ASSERT_EQ(describe(copy), describe(bench_.tree));
        ASSERT_EQ(copy.node_count(), bench_.tree.node_count());
        ASSERT_EQ(copy.approximate_bytes(), bench_.tree.approximate_bytes());
        ASSERT_EQ(copy.ephemeral_count(), bench_.tree.ephemeral_count());
        for (const SessionId session : bench_.tree.ephemeral_sessions()) {
            ASSERT_EQ(copy.ephemerals(session), bench_.tree.ephemerals(session));
        }
        ASSERT_EQ(copy.acl().size(), bench_.tree.acl().size());
    }

    std::mt19937 random_{GetParam()};
    Bench bench_;
    Model model_;
    std::vector<jute::Txn> log_;
};

TEST_P(Workload, TreeEqualsModelAndReplayedSnapshot) {
    std::unique_ptr<Snapshot> snapshot;
    int snapshots = 0;
    for (int step = 0; step < 6000 && !HasFatalFailure(); ++step) {
        ask();
        if (random_() % 8 == 0) apply_some();
        if (!snapshot && random_() % 50 == 0) snapshot = std::make_unique<Snapshot>(bench_.tree);
        if (snapshot && random_() % 3 == 0 && !snapshot->step()) {
            check_snapshot(*snapshot);
            snapshot.reset();
            ++snapshots;
        }
        if (step % 500 == 499) {
            log_.insert(log_.end(), bench_.outstanding.begin(), bench_.outstanding.end());
            for (const tree::ApplyResult& result : bench_.apply()) {
                ASSERT_TRUE(result.type == OpCode::error || result.error == ErrorCode::ok);
            }
            ASSERT_EQ(bench_.preparer.outstanding(), 0U);
            ASSERT_EQ(describe(bench_.tree), describe(model_));
        }
    }
    EXPECT_GT(snapshots, 5);
}

INSTANTIATE_TEST_SUITE_P(Seeds, Workload, ::testing::Range(1U, 9U));

}  // namespace
}  // namespace zk::prep
