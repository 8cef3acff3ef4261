// The same requests, the same txns: a recorded run of Apache's own server is prepared again by us,
// and every txn must be equal to the byte, digest included. Then its snapshot must be our tree.
// Skipped, with a word, where Apache's server is not installed.
#include <algorithm>
#include <cstdlib>
#include <deque>
#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>
#include <stdlib.h>

#include <gtest/gtest.h>
#include <sys/wait.h>

#include "prep/preparer.h"
#include "tree/data_tree.h"

namespace zk::prep {
namespace {

namespace fs = std::filesystem;

Bytes read_file(const fs::path& path) {
    std::ifstream file(path, std::ios::binary);
    std::ostringstream text;
    text << file.rdbuf();
    return text.str();
}

Bytes from_hex(std::string_view hex) {
    const auto digit = [](char c) { return c <= '9' ? c - '0' : c - 'a' + 10; };
    Bytes bytes;
    for (std::size_t i = 0; i + 1 < hex.size(); i += 2) {
        bytes.push_back(static_cast<char>(digit(hex[i]) * 16 + digit(hex[i + 1])));
    }
    return bytes;
}

// The payloads of a log file.
std::vector<Bytes> read_log(const Bytes& file) {
    std::vector<Bytes> records;
    jute::InputArchive archive(file);
    archive.get<std::int64_t>();
    archive.get<std::int64_t>();
    while (archive.ok()) {
        archive.get<std::int64_t>();  // checksum
        Bytes payload;
        archive.read(payload);
        if (!archive.ok() || payload.empty()) break;
        records.push_back(payload);
        archive.get<bool>();  // 'B'
    }
    return records;
}

struct Asked {
    SessionId session;
    Xid cxid;
    OpCode op{};
    Bytes body;
    std::vector<jute::AuthId> auth;
    std::int32_t timeout_ms = 0;
};

// What clients asked for, in order; sessions come as createSession.
std::deque<Asked> read_requests(const fs::path& path) {
    std::deque<Asked> requests;
    std::map<SessionId, std::vector<jute::AuthId>> auth;
    std::ifstream file(path);
    for (std::string kind, hex; file >> kind >> hex;) {
        const SessionId session(static_cast<std::int64_t>(std::stoull(hex, nullptr, 16)));
        if (kind == "auth") {
            std::string id;
            file >> id;
            auth[session].push_back({"digest", id});
        } else if (kind == "session") {
            std::int32_t timeout_ms = 0;
            file >> timeout_ms;
            auth[session].push_back({"ip", "127.0.0.1"});
            requests.push_back({session, Xid(0), OpCode::create_session, {}, {}, timeout_ms});
        } else {
            std::int32_t cxid = 0;
            std::int32_t op = 0;
            std::string body;
            file >> cxid >> op >> body;
            requests.push_back({session, Xid(cxid), OpCode{op}, from_hex(body), auth[session], 0});
        }
    }
    return requests;
}

jute::Txn prepare_again(Preparer& preparer, const Asked& asked, const jute::TxnHeader& header) {
    if (asked.op == OpCode::create_session) {
        return preparer.create_session(
            asked.session, asked.cxid, asked.timeout_ms, header.zxid, header.time);
    }
    return preparer.prepare(PrepareRequest{
        asked.session, asked.cxid, asked.op, asked.body, asked.auth, header.zxid, header.time});
}

// Java lists a closed session's nodes in hash order.
void sort_paths(jute::Txn& txn) {
    if (auto* body = std::get_if<jute::CloseSessionTxn>(&txn.body); body && body->paths) {
        std::sort(body->paths->begin(), body->paths->end());
    }
}

void load_snapshot(const Bytes& file, tree::DataTree& tree) {
    jute::InputArchive archive(file);
    archive.get<std::int64_t>();
    archive.get<std::int64_t>();  // magic, version, dbid
    for (auto count = archive.get<std::int32_t>(); count > 0; --count) {
        archive.get<std::int64_t>();
        archive.get<std::int32_t>();
    }
    tree.clear_for_load();
    for (auto count = archive.get<std::int32_t>(); count > 0; --count) {
        const auto id = archive.get<tree::AclId>();
        tree.acl().load(id, archive.get<jute::AclList>());
    }
    while (true) {
        const auto path = archive.get<std::string>();
        ASSERT_TRUE(archive.ok());
        if (path == "/") break;
        const auto data = archive.get<jute::Buffer>();
        const auto acl = archive.get<tree::AclId>();
        const auto stat = archive.get<tree::StatPersisted>();
        const Result<> loaded = tree.load_node(path, data, acl, stat);
        ASSERT_TRUE(loaded.has_value()) << loaded.error().message();
    }
    ASSERT_TRUE(tree.finish_load().has_value());
}

std::map<std::string, std::string> describe(const tree::DataTree& tree) {
    std::map<std::string, std::string> nodes;
    tree::Walk walk(tree);
    for (tree::Walk::VisitedNode node; walk.next(node);) {
        Bytes& text = nodes[node.path];
        text = node.data ? "data " + std::string(*node.data) : "null";
        text += jute::encode(tree.acl().find(node.acl));
        text += jute::encode(node.stat);
    }
    return nodes;
}

class ApacheTest : public testing::TestWithParam<int> {
  protected:
    void SetUp() override {
        char folder[] = "/tmp/zk-prep-apache-XXXXXX";
        ASSERT_NE(::mkdtemp(folder), nullptr);
        folder_ = folder;
        const std::string command = "python3 " RECORD_APACHE " " + folder_.string() + " " +
                                    std::to_string(GetParam()) + " 3000";
        const int status = std::system(command.c_str());  // NOLINT: a test's own fixed command
        ASSERT_TRUE(WIFEXITED(status));
        if (WEXITSTATUS(status) == 77) GTEST_SKIP() << "Apache ZooKeeper or java is not installed";
        ASSERT_EQ(WEXITSTATUS(status), 0) << "see " << folder_;
    }
    void TearDown() override {
        if (!HasFailure()) fs::remove_all(folder_);
    }
    fs::path folder_;
};

TEST_P(ApacheTest, SameRequestsGiveTheSameTxnsAndTheSameTree) {
    std::deque<Asked> requests = read_requests(folder_ / "requests");
    const std::vector<Bytes> records = read_log(read_file(folder_ / "log"));
    ASSERT_GT(records.size(), 3000U);
    tree::DataTree tree;
    Preparer preparer(tree, Policy{.extended_types = ExtendedTypes::on});
    std::deque<jute::Txn> outstanding;
    const auto apply_oldest = [&] {
        tree.apply(outstanding.front());
        if (outstanding.front().digest) {
            ASSERT_EQ(tree.digest(), outstanding.front().digest->tree_digest);
        }
        preparer.committed(outstanding.front().header.zxid);
        outstanding.pop_front();
    };
    std::map<OpCode, int> seen;
    for (const Bytes& record : records) {
        const Result<jute::Txn> decoded = jute::decode_txn(record);
        ASSERT_TRUE(decoded.has_value()) << decoded.error().message();
        jute::Txn theirs = *decoded;
        SCOPED_TRACE("zxid " + to_string(theirs.header.zxid) + " " +
                     std::string(to_string(theirs.header.type)));
        ASSERT_FALSE(requests.empty());
        const Asked asked = std::move(requests.front());
        requests.pop_front();
        ASSERT_EQ(asked.session, theirs.header.session);
        ASSERT_EQ(asked.cxid, theirs.header.cxid);
        jute::Txn ours = prepare_again(preparer, asked, theirs.header);
        sort_paths(theirs);
        sort_paths(ours);
        ASSERT_EQ(jute::encode_txn(ours), jute::encode_txn(theirs))
            << "asked for " << to_string(asked.op) << ", gave " << to_string(ours.header.type)
            << (std::holds_alternative<jute::ErrorTxn>(ours.body)
                    ? std::string(to_string(std::get<jute::ErrorTxn>(ours.body).error))
                    : "");
        seen[ours.header.type] += 1;
        outstanding.push_back(std::move(ours));
        while (outstanding.size() > 30) apply_oldest();
        if (HasFatalFailure()) return;
    }
    while (!outstanding.empty()) apply_oldest();
    EXPECT_TRUE(requests.empty());
    for (const OpCode op : {OpCode::error,
                            OpCode::create,
                            OpCode::create2,
                            OpCode::remove,
                            OpCode::set_data,
                            OpCode::set_acl,
                            OpCode::multi,
                            OpCode::create_container,
                            OpCode::create_ttl,
                            OpCode::close_session}) {
        EXPECT_GT(seen[op], 0) << to_string(op);
    }

    tree::DataTree theirs;
    for (const auto& entry : fs::directory_iterator(folder_)) {
        if (entry.path().filename().string().starts_with("snapshot.")) {
            load_snapshot(read_file(entry.path()), theirs);
        }
    }
    EXPECT_EQ(theirs.digest(), tree.digest());
    EXPECT_GT(tree.node_count(), 20U);
    theirs.set_last_zxid(tree.last_zxid());
    const auto our_nodes = describe(tree);
    const auto their_nodes = describe(theirs);
    EXPECT_EQ(our_nodes, their_nodes);
    EXPECT_EQ(tree.node_count(), theirs.node_count());
    EXPECT_EQ(tree.approximate_bytes(), theirs.approximate_bytes());
    EXPECT_EQ(tree.ephemeral_count(), theirs.ephemeral_count());
}

// ZK_APACHE_SEEDS=20 runs more of them.
int seed_count() {
    const char* text = std::getenv("ZK_APACHE_SEEDS");
    return text == nullptr ? 2 : std::max(1, std::atoi(text));
}
INSTANTIATE_TEST_SUITE_P(Seeds, ApacheTest, testing::Range(1, 1 + seed_count()));

}  // namespace
}  // namespace zk::prep
