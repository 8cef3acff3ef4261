// Whatever bytes a client sends, the preparer gives one well-formed txn, and the tree stays what
// the txns say.
#include <random>

#include <gtest/gtest.h>

#include "requests.h"

namespace zk::prep {
namespace {

using namespace zk::prep::testing;

constexpr OpCode kOps[] = {OpCode::create,
                           OpCode::create2,
                           OpCode::create_container,
                           OpCode::create_ttl,
                           OpCode::remove,
                           OpCode::set_data,
                           OpCode::set_acl,
                           OpCode::multi,
                           OpCode::check,
                           OpCode::delete_container,
                           OpCode::create_session,
                           OpCode::close_session,
                           OpCode::reconfig,
                           OpCode(0),
                           OpCode(77)};

Bytes valid_body(OpCode op, std::mt19937& random) {
    const std::string path = "/" + std::string(1, static_cast<char>('a' + random() % 4));
    const auto mode = CreateMode(static_cast<std::int32_t>(random() % 5));
    switch (op) {
        case OpCode::create_ttl:
            return jute::encode(CreateTtlRequest{create(path, CreateMode(5)), 100});
        case OpCode::remove:
            return jute::encode(jute::DeleteRequest{path, -1});
        case OpCode::set_data:
            return jute::encode(jute::SetDataRequest{path, Bytes("x"), -1});
        case OpCode::set_acl:
            return jute::encode(jute::SetAclRequest{path, acl(31, "ip", "127.0.0.1/8"), -1});
        case OpCode::multi:
            return MultiBody()
                .add(OpCode::create, create(path + "/m", mode))
                .add(OpCode::set_data, jute::SetDataRequest{path, Bytes(), -1})
                .add(OpCode::remove, jute::DeleteRequest{path + "/m", -1})
                .end();
        case OpCode::create_session:
            return jute::encode(jute::CreateSessionTxn{1000});
        default:
            return jute::encode(create(path, mode));
    }
}

// Flips, cuts, doubles and inserts length-like words: what breaks decoders.
void damage(Bytes& body, std::mt19937& random) {
    for (auto count = random() % 4; count > 0 && !body.empty(); --count) {
        const std::size_t at = random() % body.size();
        switch (random() % 5) {
            case 0:
                body[at] = static_cast<char>(random());
                break;
            case 1:
                body.resize(at);
                break;
            case 2:
                body.insert(at, body.substr(at / 2));
                break;
            case 3:
                for (std::size_t i = at; i < std::min(at + 4, body.size()); ++i) body[i] = '\xff';
                break;
            default:
                for (std::size_t i = at; i < std::min(at + 4, body.size()); ++i) body[i] = '\x7f';
                break;
        }
    }
}

class Bodies : public ::testing::TestWithParam<unsigned> {};

TEST_P(Bodies, AnyBytesGiveAWellFormedTxn) {
    std::mt19937 random(GetParam());
    Bench bench;
    for (int step = 0; step < 6000; ++step) {
        const OpCode op = kOps[random() % std::size(kOps)];
        Bytes body;
        if (random() % 3 == 0) {
            body.resize(random() % 60);
            for (char& byte : body) byte = static_cast<char>(random());
        } else {
            body = valid_body(op, random);
            damage(body, random);
        }
        const jute::Txn txn = bench.ask_raw(op, body);
        ASSERT_EQ(txn.header.zxid, Zxid(bench.zxid));
        ASSERT_EQ(txn.header.session, bench.session);
        ASSERT_EQ(txn.digest.has_value(), txn.header.type != OpCode::error);
        const Bytes bytes = jute::encode_txn(txn);
        const Result<jute::Txn> again = jute::decode_txn(bytes);
        ASSERT_TRUE(again.has_value()) << again.error().message();
        ASSERT_EQ(jute::encode_txn(*again), bytes);
        if (random() % 10 != 0) continue;
        const std::vector<jute::Txn> waiting = bench.outstanding;
        const auto results = bench.apply();
        for (std::size_t i = 0; i < results.size(); ++i) {
            ASSERT_TRUE(results[i].type == OpCode::error || results[i].error == ErrorCode::ok);
        }
        ASSERT_EQ(bench.preparer.outstanding(), 0U);
        for (auto last = waiting.rbegin(); last != waiting.rend(); ++last) {
            if (!last->digest) continue;
            ASSERT_EQ(last->digest->tree_digest, bench.tree.digest());
            break;
        }
    }
}

INSTANTIATE_TEST_SUITE_P(Seeds, Bodies, ::testing::Range(1U, 5U));

}  // namespace
}  // namespace zk::prep
