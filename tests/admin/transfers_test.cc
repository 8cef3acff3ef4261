// Who may have a snapshot over the admin server, or restore one.
#include "admin/transfers.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace zk::admin {
namespace {

using ::testing::HasSubstr;

Transfer transfer_at(const std::string& target) {
    return transfer_of(read_target(target, "/commands"));
}

TEST(Transfers, HaveTwoNamesEach) {
    EXPECT_EQ(transfer_at("/commands/snapshot"), Transfer::snapshot);
    EXPECT_EQ(transfer_at("/commands/snap?streaming=false"), Transfer::snapshot);
    EXPECT_EQ(transfer_at("/commands/restore"), Transfer::restore);
    EXPECT_EQ(transfer_at("/commands/rest"), Transfer::restore);
    EXPECT_EQ(transfer_at("/commands/snapshots"), Transfer::none);
    EXPECT_EQ(transfer_at("/commands"), Transfer::none);
    EXPECT_EQ(transfer_at("/snapshot"), Transfer::none);
    for (const char* const name : {"snapshot", "restore"}) {
        const auto question =
            question_of(read_target("/commands/" + std::string(name), "/commands"));
        ASSERT_TRUE(question);
        EXPECT_TRUE(question->needs_rights) << name;
    }
}

class ProofTest : public testing::Test {
  protected:
    Proof proof(const std::string& authorization) {
        return proof_of(Transfer::snapshot, authorization, "10.0.0.7", config);
    }
    unsigned status(const std::string& authorization) {
        const Proof given = proof(authorization);
        return given.refusal ? given.refusal->status : 200;
    }
    ensemble::ServerConfig config;
    const std::string digest = tree::digest_id("u:p");
};

TEST_F(ProofTest, IsADigestOrAnAddress) {
    EXPECT_EQ(proof("digest u:p").ids, (std::vector<jute::AuthId>{{"digest", digest}}));
    EXPECT_EQ(proof("ip").ids, (std::vector<jute::AuthId>{{"ip", "10.0.0.7"}}));
    config.super_digest = digest;
    EXPECT_EQ(proof("digest u:p").ids,
              (std::vector<jute::AuthId>{{"super", ""}, {"digest", digest}}));
}

TEST_F(ProofTest, NothingAndWhatIsUnknownProveNothing) {
    EXPECT_EQ(status("digest u:p"), 200U);
    EXPECT_EQ(status(""), 401U);
    EXPECT_THAT(proof("").refusal->json, HasSubstr("Auth info is missing for the command"));
    for (const char* const unknown : {"Basic dTpw", "x509", "digest", "digest ", " "}) {
        EXPECT_EQ(status(unknown), 401U) << unknown;
        EXPECT_THAT(proof(unknown).refusal->json, HasSubstr("\"Not authenticated\"")) << unknown;
        EXPECT_TRUE(proof(unknown).ids.empty()) << unknown;
    }
    config.digest_enabled = false;
    EXPECT_EQ(status("digest u:p"), 401U);
}

TEST_F(ProofTest, HoldsTheRootWithEveryRight) {
    tree::DataTree tree;
    const std::vector<jute::AuthId> me{{"digest", digest}};
    EXPECT_TRUE(may_transfer(tree, me, {})) << "anybody may everything at first";
    const auto set_root = [&](std::int32_t perms) {
        jute::Txn txn;
        txn.header.zxid = tree.last_zxid().next();
        txn.header.type = OpCode::set_acl;
        txn.body = jute::SetAclTxn{"/",
                                   {{.perms = perms, .id = {"digest", digest}},
                                    {.perms = perms::kRead, .id = {"world", "anyone"}}},
                                   static_cast<std::int32_t>(txn.header.zxid.value())};
        EXPECT_EQ(tree.apply(txn).error, ErrorCode::ok);
    };
    set_root(perms::kAll);
    EXPECT_TRUE(may_transfer(tree, me, {}));
    EXPECT_FALSE(may_transfer(tree, {{"digest", "other"}}, {}));
    EXPECT_FALSE(may_transfer(tree, {}, {}));
    EXPECT_TRUE(may_transfer(tree, {{"super", ""}}, {}));
    EXPECT_TRUE(may_transfer(tree, {}, {.checks = false})) << "skipACL";
    for (const std::int32_t missing :
         {perms::kRead, perms::kWrite, perms::kCreate, perms::kDelete, perms::kAdmin}) {
        set_root(perms::kAll & ~missing);
        EXPECT_EQ(may_transfer(tree, me, {}), missing == perms::kRead) << missing;
    }
}

TEST(Transfers, WhatStandsInTheWayIsSaid) {
    Facts facts;
    facts.status.serving = true;
    facts.status.role = core::Role::standalone;
    const auto status = [&](Transfer transfer) {
        const auto refusal = transfer_refused(transfer, facts);
        return refusal ? refusal->status : 200;
    };
    EXPECT_EQ(status(Transfer::snapshot), 200U);
    EXPECT_EQ(status(Transfer::restore), 200U);
    facts.status.role = core::Role::following;
    EXPECT_EQ(status(Transfer::snapshot), 200U);
    EXPECT_EQ(status(Transfer::restore), 409U);
    facts.busy = true;
    EXPECT_EQ(status(Transfer::snapshot), 429U);
    facts.busy = false;
    facts.status.read_only = true;
    EXPECT_EQ(status(Transfer::snapshot), 503U);
    facts.status.serving = false;
    EXPECT_EQ(status(Transfer::snapshot), 503U);
    facts.authorized = false;
    EXPECT_EQ(status(Transfer::snapshot), 403U) << "a stranger is told nothing else";
    EXPECT_EQ(restored(Zxid(258)).json,
              "{\n  \"last_zxid\" : 258,\n  \"command\" : \"restore\",\n  \"error\" : null\n}");
}

TEST(Transfers, ComeOnceInAnInterval) {
    RateLimit limit(milliseconds(100));
    const Instant begin{milliseconds(5)};
    EXPECT_TRUE(limit.allows(begin));
    EXPECT_TRUE(limit.allows(begin)) << "one that failed does not count";
    limit.note(begin);
    EXPECT_FALSE(limit.allows(begin + milliseconds(99)));
    EXPECT_TRUE(limit.allows(begin + milliseconds(100)));
}

}  // namespace
}  // namespace zk::admin
