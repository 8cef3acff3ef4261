#include "prep/preparer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "requests.h"

namespace zk::prep {
namespace {

using namespace zk::prep::testing;
using ::testing::ElementsAre;

std::string path_of(const jute::Txn& txn) { return std::get<jute::CreateTxn>(txn.body).path; }

std::vector<ErrorCode> part_errors(const jute::Txn& txn) {
    std::vector<ErrorCode> errors;
    for (const jute::SubTxn& part : std::get<jute::MultiTxn>(txn.body).parts) {
        errors.push_back(part.type == OpCode::error ? jute::decode<jute::ErrorTxn>(part.body)->error
                                                    : ErrorCode::ok);
    }
    return errors;
}

TEST(Preparer, CreateTxnCarriesEverything) {
    Bench bench;
    const jute::Txn txn = bench.ask(OpCode::create2, create("/a"));
    EXPECT_EQ(txn.header.type, OpCode::create2);
    EXPECT_EQ(txn.header.session, bench.session);
    EXPECT_EQ(txn.header.zxid, Zxid(1));
    EXPECT_EQ(txn.header.time, WallMs(1001));
    const auto& body = std::get<jute::CreateTxn>(txn.body);
    EXPECT_EQ(body.path, "/a");
    EXPECT_EQ(body.data, Bytes("d"));
    EXPECT_EQ(body.parent_cversion, 1);
    EXPECT_FALSE(body.ephemeral);
    ASSERT_TRUE(txn.digest);
    bench.apply();
    EXPECT_EQ(txn.digest->tree_digest, bench.tree.digest());
}

TEST(Preparer, CreateErrorsInTheirOrder) {
    Bench bench;
    bench.ask(OpCode::create, create("/p"));
    bench.ask(OpCode::create, create("/e", CreateMode::ephemeral));
    bench.ask(OpCode::create, create("/closed", CreateMode::persistent, acl(1, "world", "anyone")));
    const jute::AclList bad = acl(31, "digest", "nocolon");
    const auto error = [&bench](const jute::CreateRequest& request, OpCode op = OpCode::create) {
        return bench.error(op, request);
    };
    EXPECT_EQ(error(create("nonsense", CreateMode(7), bad)), ErrorCode::bad_arguments);
    EXPECT_EQ(error(create("nonsense", CreateMode(-1), bad)), ErrorCode::bad_arguments);
    EXPECT_EQ(error(create("nonsense", CreateMode::persistent_with_ttl, bad)),
              ErrorCode::unimplemented);
    bench.session_check = ErrorCode::session_expired;
    EXPECT_EQ(error(create("nonsense", CreateMode::persistent_with_ttl)), ErrorCode::unimplemented);
    EXPECT_EQ(error(create("nonsense")), ErrorCode::session_expired);
    bench.session_check = ErrorCode::ok;
    EXPECT_EQ(error(create("nonsense", CreateMode::persistent, bad)), ErrorCode::bad_arguments);
    EXPECT_EQ(error(create(std::string("/p/a\0b", 6), CreateMode::persistent, bad)),
              ErrorCode::bad_arguments);
    EXPECT_EQ(error(create("/none/x", CreateMode::persistent, bad)), ErrorCode::invalid_acl);
    EXPECT_EQ(error(create("/none/x", CreateMode::persistent, {})), ErrorCode::invalid_acl);
    EXPECT_EQ(error(create("/none/x")), ErrorCode::no_node);
    EXPECT_EQ(error(create("foo/bar")), ErrorCode::no_node);
    EXPECT_EQ(error(create("/closed/..")), ErrorCode::no_auth);
    EXPECT_EQ(error(create("/zookeeper/config/x")), ErrorCode::no_auth);
    EXPECT_EQ(error(create("/e/")), ErrorCode::bad_arguments);
    EXPECT_EQ(error(create("/p/.")), ErrorCode::bad_arguments);
    EXPECT_EQ(error(create("//")), ErrorCode::bad_arguments);
    EXPECT_EQ(error(create("/p")), ErrorCode::node_exists);
    EXPECT_EQ(error(create("/")), ErrorCode::node_exists);
    EXPECT_EQ(error(create("/e/x")), ErrorCode::no_children_for_ephemerals);
    EXPECT_EQ(error(create("/zookeeper/x")), ErrorCode::ok);
    EXPECT_EQ(error(create("/c"), OpCode::create_container), ErrorCode::ok);
}

TEST(Preparer, WithoutAclChecksEverythingIsAllowedAndListsAreStillListed) {
    Bench bench(Policy{.access = {.checks = false}});
    bench.ask(OpCode::create, create("/a", CreateMode::persistent, acl(1, "digest", "a:b")));
    EXPECT_EQ(bench.error(OpCode::create, create("/a/x")), ErrorCode::ok);
    EXPECT_EQ(bench.error(OpCode::set_data, jute::SetDataRequest{"/a", "d", -1}), ErrorCode::ok);
    EXPECT_EQ(bench.error(OpCode::set_acl, jute::SetAclRequest{"/a", acl(1, "digest", "a:b"), -1}),
              ErrorCode::ok);
    EXPECT_EQ(bench.error(OpCode::remove, jute::DeleteRequest{"/a/x", -1}), ErrorCode::ok);
    EXPECT_EQ(bench.error(OpCode::create, create("/b", CreateMode::persistent, acl(1, "auth", ""))),
              ErrorCode::invalid_acl);
}

TEST(Preparer, ALongListIsLookedAtOnceHoweverManyWriteBelowIt) {
    Bench bench;
    jute::AclList list;
    for (int i = 0; i < 200; ++i)
        list.push_back({perms::kAll, {"ip", "10.0.0." + std::to_string(i)}});
    list.push_back({perms::kCreate | perms::kAdmin, {"ip", "127.0.0.1"}});
    bench.ask(OpCode::create, create("/long", CreateMode::persistent, list));
    for (int i = 0; i < 100; ++i)
        EXPECT_EQ(bench.error(OpCode::create, create("/long/" + std::to_string(i))), ErrorCode::ok);
    EXPECT_EQ(bench.preparer.long_lists().looked_at(), 1U);
    MultiBody multi;
    for (int i = 100; i < 200; ++i) multi.add(OpCode::create, create("/long/" + std::to_string(i)));
    EXPECT_EQ(Bench::error_of(bench.ask_raw(OpCode::multi, multi.end())), ErrorCode::ok);
    EXPECT_EQ(bench.preparer.long_lists().looked_at(), 1U);
    EXPECT_EQ(bench.error(OpCode::set_data, jute::SetDataRequest{"/long", "d", -1}),
              ErrorCode::no_auth)
        << "other rights are asked for";
    list.back().perms = perms::kRead;
    EXPECT_EQ(bench.error(OpCode::set_acl, jute::SetAclRequest{"/long", list, -1}), ErrorCode::ok);
    EXPECT_EQ(bench.error(OpCode::create, create("/long/x")), ErrorCode::no_auth)
        << "it is another list now";
}

TEST(Preparer, WithoutDigestsNoListMayNameOne) {
    Bench bench(Policy{.access = {.digest = false}});
    bench.auth.push_back({"digest", "a:b"});
    EXPECT_EQ(
        bench.error(OpCode::create, create("/a", CreateMode::persistent, acl(1, "digest", "a:b"))),
        ErrorCode::invalid_acl);
}

// closeSessionTxn.enabled=false: servers before 3.6 write it so. What goes is the same.
TEST(Preparer, TheOldFormOfCloseSessionNamesNoNodes) {
    Bench bench(Policy{.close_session_names_nodes = false});
    bench.ask(OpCode::create, create("/e", CreateMode::ephemeral));
    const jute::Txn txn = bench.ask_raw(OpCode::close_session, {});
    EXPECT_FALSE(std::get<jute::CloseSessionTxn>(txn.body).paths);
    EXPECT_FALSE(txn.digest) << "it would be taken for a list";
    const auto read = jute::decode_txn(jute::encode_txn(txn));
    ASSERT_TRUE(read.has_value());
    EXPECT_FALSE(std::get<jute::CloseSessionTxn>(read->body).paths);
    bench.apply();
    EXPECT_EQ(bench.tree.find("/e"), nullptr);
    const jute::Txn after = bench.ask(OpCode::create, create("/after"));
    bench.apply();
    EXPECT_EQ(after.digest->tree_digest, bench.tree.digest());
}

jute::CreateRequest ttl_create(std::string path,
                               CreateMode mode = CreateMode::persistent_with_ttl) {
    return create(std::move(path), mode);
}

TEST(Preparer, TtlNodesNeedExtendedTypes) {
    EXPECT_EQ(Bench().error(OpCode::create_ttl, CreateTtlRequest{ttl_create("/t"), 1000}),
              ErrorCode::unimplemented);
    Bench bench(ExtendedTypes::on);
    const jute::Txn txn = bench.ask(OpCode::create_ttl, CreateTtlRequest{ttl_create("/t"), 1000});
    EXPECT_EQ(txn.header.type, OpCode::create_ttl);
    const auto& body = std::get<jute::CreateTtlTxn>(txn.body);
    EXPECT_EQ(body.path, "/t");
    EXPECT_EQ(body.ttl_ms, 1000);
    EXPECT_EQ(body.parent_cversion, 1);
    bench.ask(OpCode::create_ttl,
              CreateTtlRequest{ttl_create("/t/s-", CreateMode::persistent_sequential_with_ttl),
                               tree::kTtlMax});
    bench.ask(OpCode::create, create("/t/s-0000000000/below"));
    const auto results = bench.apply();
    EXPECT_EQ(results.back().error, ErrorCode::ok) << "unlike an ephemeral it may have children";
    EXPECT_EQ(bench.tree.find("/t")->stat().ephemeral_owner, tree::kTtlMark | 1000);
    EXPECT_EQ(bench.tree.find("/t/s-0000000000")->stat().ephemeral_owner, -1 & ~(0xffffLL << 40));
    EXPECT_THAT(bench.tree.ttl_nodes(), ElementsAre("/t", "/t/s-0000000000"));
    const jute::Txn after = bench.ask(OpCode::create, create("/after"));
    bench.apply();
    EXPECT_EQ(after.digest->tree_digest, bench.tree.digest());
}

// docs/PROTOCOL.md 1.2: kind of node, then the session, then the path.
TEST(Preparer, TtlErrorsInTheirOrder) {
    Bench bench(ExtendedTypes::on);
    const auto error = [&bench](CreateMode mode, std::int64_t ttl_ms) {
        return bench.error(OpCode::create_ttl, CreateTtlRequest{create("nonsense", mode), ttl_ms});
    };
    bench.session_check = ErrorCode::session_expired;
    for (const CreateMode mode :
         {CreateMode::persistent_with_ttl, CreateMode::persistent_sequential_with_ttl}) {
        for (const std::int64_t ttl_ms : {std::int64_t{0}, std::int64_t{-1}, tree::kTtlMax + 1}) {
            EXPECT_EQ(error(mode, ttl_ms), ErrorCode::bad_arguments) << ttl_ms;
        }
        EXPECT_EQ(error(mode, 1), ErrorCode::session_expired);
        for (const OpCode op : {OpCode::create, OpCode::create2, OpCode::create_container}) {
            EXPECT_EQ(bench.error(op, create("/a", mode)), ErrorCode::bad_arguments)
                << "no time to live comes with it";
        }
    }
    for (const std::int64_t ttl_ms : {-1, 5}) {
        EXPECT_EQ(error(CreateMode::persistent, ttl_ms), ErrorCode::bad_arguments);
        EXPECT_EQ(error(CreateMode::container, ttl_ms), ErrorCode::bad_arguments);
    }
    bench.session_check = ErrorCode::ok;
    EXPECT_EQ(bench.error(OpCode::create_ttl, CreateTtlRequest{ttl_create("/none/x"), 1}),
              ErrorCode::no_node);
}

TEST(Preparer, OtherOpsErrorsInTheirOrder) {
    Bench bench;
    bench.ask(OpCode::create, create("/p"));
    bench.ask(OpCode::create, create("/p/c"));
    bench.ask(OpCode::create, create("/closed"));
    bench.ask(OpCode::create, create("/closed/x"));
    bench.ask(OpCode::set_acl, jute::SetAclRequest{"/closed", acl(1, "world", "anyone"), 0});
    const auto remove = [&bench](std::string path, std::int32_t version = -1) {
        return bench.error(OpCode::remove, jute::DeleteRequest{std::move(path), version});
    };
    for (const char* path :
         {"nonsense", "", "/", "/zookeeper", "/zookeeper/quota", "/zookeeper/config"}) {
        EXPECT_EQ(remove(path), ErrorCode::bad_arguments) << path;
    }
    EXPECT_EQ(remove("/none/x"), ErrorCode::no_node);
    EXPECT_EQ(remove("/closed/missing"), ErrorCode::no_auth) << "before the node is looked for";
    EXPECT_EQ(remove("/p/missing"), ErrorCode::no_node);
    EXPECT_EQ(remove("/p/"), ErrorCode::no_node);
    EXPECT_EQ(remove("/p", 5), ErrorCode::bad_version) << "before its children are counted";
    EXPECT_EQ(remove("/p", -2), ErrorCode::bad_version);
    EXPECT_EQ(remove("/p", 0), ErrorCode::not_empty);
    EXPECT_EQ(remove("/p/c", 0), ErrorCode::ok);
    EXPECT_EQ(remove("/p"), ErrorCode::ok);

    const auto set = [&bench](std::string path, std::int32_t version = -1) {
        return bench.error(OpCode::set_data,
                           jute::SetDataRequest{std::move(path), Bytes(), version});
    };
    EXPECT_EQ(set("/p/"), ErrorCode::bad_arguments);
    EXPECT_EQ(set("/p"), ErrorCode::no_node);
    EXPECT_EQ(set("/closed", 9), ErrorCode::no_auth);
    EXPECT_EQ(set("/closed/x", 9), ErrorCode::bad_version);
    EXPECT_EQ(set("/closed/x", 0), ErrorCode::ok);
    EXPECT_EQ(set("/closed/x", 0), ErrorCode::bad_version);
    EXPECT_EQ(set("/"), ErrorCode::ok);
    EXPECT_EQ(set("/zookeeper/config"), ErrorCode::no_auth);

    const auto set_acl = [&bench](std::string path, jute::AclList list, std::int32_t version = -1) {
        return bench.error(OpCode::set_acl,
                           jute::SetAclRequest{std::move(path), std::move(list), version});
    };
    EXPECT_EQ(set_acl("x", {}), ErrorCode::bad_arguments);
    EXPECT_EQ(set_acl("/none", {}), ErrorCode::invalid_acl);
    EXPECT_EQ(set_acl("/none", tree::open_acl_list()), ErrorCode::no_node);
    EXPECT_EQ(set_acl("/closed", tree::open_acl_list(), 7), ErrorCode::no_auth);
    EXPECT_EQ(set_acl("/closed/x", tree::open_acl_list(), 7), ErrorCode::bad_version);
    EXPECT_EQ(set_acl("/closed/x", tree::open_acl_list(), 0), ErrorCode::ok);

    bench.auth.push_back({"super", ""});
    EXPECT_EQ(set("/zookeeper/config"), ErrorCode::ok);
    EXPECT_EQ(set("/closed", 0), ErrorCode::ok);
    bench.session_check = ErrorCode::session_moved;
    EXPECT_EQ(set("nonsense"), ErrorCode::session_moved);
    EXPECT_EQ(set_acl("nonsense", {}), ErrorCode::session_moved);
    EXPECT_EQ(remove("nonsense"), ErrorCode::session_moved);
}

TEST(Preparer, WhatThisVersionRefuses) {
    Bench bench;
    EXPECT_EQ(Bench::error_of(bench.ask_raw(OpCode::reconfig, "")), ErrorCode::reconfig_disabled);
    EXPECT_EQ(bench.error(OpCode::check, jute::CheckVersionRequest{"/", -1}),
              ErrorCode::unimplemented);
    EXPECT_EQ(bench.error(OpCode::delete_container, jute::PathRequest{"/a"}),
              ErrorCode::unimplemented);
    EXPECT_EQ(Bench::error_of(bench.ask_raw(OpCode::get_data, "")), ErrorCode::unimplemented);
    EXPECT_EQ(Bench::error_of(bench.ask_raw(OpCode(55), "")), ErrorCode::unimplemented);
    EXPECT_EQ(bench.error(OpCode::create_ttl,
                          CreateTtlRequest{create("/a", CreateMode::persistent_with_ttl), 1000}),
              ErrorCode::unimplemented);
    EXPECT_EQ(bench.error(OpCode::create_ttl, CreateTtlRequest{create("/a"), -1}),
              ErrorCode::bad_arguments);
    EXPECT_EQ(bench.error(OpCode::create_ttl, CreateTtlRequest{create("/a"), 5}),
              ErrorCode::bad_arguments);
    for (const jute::Txn& txn : bench.outstanding) {
        EXPECT_EQ(txn.header.type, OpCode::error);
        EXPECT_FALSE(txn.digest);
    }
    EXPECT_EQ(bench.tree.digest(), 0x51c6d660U);
}

TEST(Preparer, UndecodableBodies) {
    Bench bench;
    const Bytes null_path = jute::encode(std::int32_t{-1}) + Bytes(20, '\0');
    for (const OpCode op : {OpCode::create,
                            OpCode::create2,
                            OpCode::create_container,
                            OpCode::create_ttl,
                            OpCode::remove,
                            OpCode::set_data,
                            OpCode::set_acl,
                            OpCode::multi,
                            OpCode::create_session}) {
        EXPECT_EQ(Bench::error_of(bench.ask_raw(op, "")), ErrorCode::marshalling_error);
        EXPECT_EQ(Bench::error_of(bench.ask_raw(op, "abc")), ErrorCode::marshalling_error);
        if (op != OpCode::create_session && op != OpCode::multi) {
            EXPECT_EQ(Bench::error_of(bench.ask_raw(op, null_path)), ErrorCode::marshalling_error);
        }
    }
    EXPECT_EQ(Bench::error_of(bench.ask_raw(OpCode::create, jute::encode(create("/a")) + "more")),
              ErrorCode::ok)
        << "trailing bytes are legal";
}

TEST(Preparer, SequenceNumbersCountAllCreates) {
    Bench bench;
    bench.ask(OpCode::create, create("/p"));
    const auto next = [&bench](const char* path,
                               CreateMode mode = CreateMode::persistent_sequential) {
        return path_of(bench.ask(OpCode::create, create(path, mode)));
    };
    EXPECT_EQ(next("/p/s-"), "/p/s-0000000000");
    EXPECT_EQ(next("/p/s-", CreateMode::ephemeral_sequential), "/p/s-0000000001");
    EXPECT_EQ(next("/p/plain", CreateMode::persistent), "/p/plain");
    EXPECT_EQ(bench.error(OpCode::create, create("/p/plain")), ErrorCode::node_exists);
    bench.apply();
    bench.ask(OpCode::remove, jute::DeleteRequest{"/p/s-0000000000", -1});
    EXPECT_EQ(next("/p/"), "/p/0000000003") << "not reused, failures do not count";
    EXPECT_EQ(bench.error(OpCode::create, create("/p/")), ErrorCode::bad_arguments);
    // At the end of the numbers the counter stays.
    bench.apply();
    jute::Txn jump = bench.ask(OpCode::create, create("/p/jump"));
    std::get<jute::CreateTxn>(jump.body).parent_cversion = INT32_MAX;
    bench.tree.apply(jump);
    bench.outstanding.clear();
    bench.preparer.committed(Zxid(bench.zxid));
    const jute::Txn last =
        bench.ask(OpCode::create, create("/p/s", CreateMode::persistent_sequential));
    EXPECT_EQ(path_of(last), "/p/s2147483647");
    EXPECT_EQ(bench.error(OpCode::create, create("/p/s", CreateMode::persistent_sequential)),
              ErrorCode::node_exists);
    bench.apply();
    EXPECT_EQ(last.digest->tree_digest, bench.tree.digest());
}

TEST(Preparer, PipelinedRequestsSeeEachOther) {
    Bench bench;
    EXPECT_EQ(bench.error(OpCode::create, create("/a")), ErrorCode::ok);
    EXPECT_EQ(bench.error(OpCode::create, create("/a/b")), ErrorCode::ok);
    EXPECT_EQ(bench.error(OpCode::remove, jute::DeleteRequest{"/a", -1}), ErrorCode::not_empty);
    EXPECT_EQ(bench.error(OpCode::set_data, jute::SetDataRequest{"/a/b", Bytes("1"), 0}),
              ErrorCode::ok);
    EXPECT_EQ(bench.error(OpCode::remove, jute::DeleteRequest{"/a/b", 1}), ErrorCode::ok);
    EXPECT_EQ(bench.error(OpCode::set_data, jute::SetDataRequest{"/a/b", Bytes("1"), -1}),
              ErrorCode::no_node);
    EXPECT_EQ(bench.error(OpCode::remove, jute::DeleteRequest{"/a", -1}), ErrorCode::ok);
    EXPECT_EQ(bench.error(OpCode::create, create("/a/b")), ErrorCode::no_node);
    EXPECT_EQ(
        bench.error(OpCode::create, create("/a", CreateMode::persistent, acl(31, "auth", ""))),
        ErrorCode::invalid_acl);
    EXPECT_EQ(bench.error(OpCode::create,
                          create("/a", CreateMode::persistent, acl(1, "world", "anyone"))),
              ErrorCode::ok);
    EXPECT_EQ(bench.error(OpCode::set_data, jute::SetDataRequest{"/a", Bytes("1"), -1}),
              ErrorCode::no_auth)
        << "the new life has an ACL of its own";
    for (const tree::ApplyResult& result : bench.apply()) {
        EXPECT_TRUE(result.type == OpCode::error || result.error == ErrorCode::ok);
    }
    EXPECT_EQ(bench.preparer.outstanding(), 0U);
}

TEST(Preparer, VersionsWrapPastMinusOne) {
    Bench bench;
    bench.ask(OpCode::create, create("/a"));
    jute::Txn high = bench.ask(OpCode::set_data, jute::SetDataRequest{"/a", Bytes(), -1});
    std::get<jute::SetDataTxn>(high.body).version = INT32_MAX;
    bench.tree.apply(bench.outstanding[0]);
    bench.tree.apply(high);
    bench.outstanding.clear();
    bench.preparer.committed(Zxid(bench.zxid));
    const auto set = [&bench](std::int32_t expected) {
        return std::get<jute::SetDataTxn>(
                   bench.ask(OpCode::set_data, jute::SetDataRequest{"/a", Bytes(), expected}).body)
            .version;
    };
    EXPECT_EQ(set(INT32_MAX), INT32_MIN);
    jute::Txn low = bench.outstanding.back();
    std::get<jute::SetDataTxn>(low.body).version = -2;
    bench.tree.apply(low);
    bench.outstanding.clear();
    bench.preparer.committed(Zxid(bench.zxid));
    EXPECT_EQ(set(-2), 0) << "-1 would match every expectation";
}

TEST(Preparer, MultiIsAllOrNothing) {
    Bench bench(ExtendedTypes::on);
    bench.ask(OpCode::create, create("/p"));
    const std::uint64_t before = bench.outstanding.back().digest->tree_digest;
    const jute::Txn failed =
        bench.ask_raw(OpCode::multi,
                      MultiBody()
                          .add(OpCode::create, create("/p/s", CreateMode::persistent_sequential))
                          .add(OpCode::set_data, jute::SetDataRequest{"/p", Bytes("new"), 0})
                          .add(OpCode::check, jute::CheckVersionRequest{"/p", 0})
                          .add(OpCode::remove, jute::DeleteRequest{"/p/s0000000000", -1})
                          .end());
    EXPECT_EQ(failed.header.type, OpCode::multi);
    EXPECT_THAT(part_errors(failed),
                ElementsAre(ErrorCode::ok,
                            ErrorCode::ok,
                            ErrorCode::bad_version,
                            ErrorCode::runtime_inconsistency));
    EXPECT_EQ(failed.digest->tree_digest, before);
    EXPECT_EQ(bench.preparer.outstanding(), 2U) << "/p and the root";
    // The sequence number was not used up, the version not raised.
    const jute::Txn good =
        bench.ask_raw(OpCode::multi,
                      MultiBody()
                          .add(OpCode::create2, create("/p/s", CreateMode::persistent_sequential))
                          .add(OpCode::set_data, jute::SetDataRequest{"/p", Bytes("new"), 0})
                          .add(OpCode::check, jute::CheckVersionRequest{"/p", 1})
                          .add(OpCode::create_container, create("/p/c", CreateMode::container))
                          .add(OpCode::create, create("/p/c2", CreateMode::container))
                          .add(OpCode::create_ttl, CreateTtlRequest{create("/p/plain"), -1})
                          .add(OpCode::create_ttl, CreateTtlRequest{ttl_create("/p/t"), 7})
                          .add(OpCode::remove, jute::DeleteRequest{"/p/c", -1})
                          .end());
    EXPECT_THAT(part_errors(good), ::testing::Each(ErrorCode::ok));
    std::vector<OpCode> types;
    for (const auto& part : std::get<jute::MultiTxn>(good.body).parts) types.push_back(part.type);
    EXPECT_THAT(types,
                ElementsAre(OpCode::create,  // written so that every version can read it
                            OpCode::set_data,
                            OpCode::check,
                            OpCode::create_container,
                            OpCode::create_container,
                            OpCode::create,
                            OpCode::create_ttl,
                            OpCode::remove));
    const auto results = bench.apply();
    EXPECT_EQ(results[1].parts[0].type, OpCode::error);
    EXPECT_EQ(results[2].parts[0].path, "/p/s0000000000");
    EXPECT_EQ(results[2].parts[1].stat.version, 1);
    EXPECT_EQ(bench.tree.digest(), good.digest->tree_digest);
    EXPECT_THAT(bench.tree.containers(), ElementsAre("/p/c2"));
    EXPECT_THAT(bench.tree.ttl_nodes(), ElementsAre("/p/t"));
}

TEST(Preparer, MultiRefusals) {
    Bench bench;
    const auto error = [&bench](const Bytes& body) {
        return Bench::error_of(bench.ask_raw(OpCode::multi, body));
    };
    EXPECT_EQ(error(MultiBody().end()), ErrorCode::ok) << "an empty multi is legal";
    const jute::PathWatchRequest read{"/", false};
    EXPECT_EQ(error(MultiBody().add(OpCode::get_data, read).end()), ErrorCode::marshalling_error);
    EXPECT_EQ(error(MultiBody().add(OpCode::create, create("/a")).add(OpCode::exists, read).end()),
              ErrorCode::marshalling_error);
    EXPECT_EQ(error(MultiBody().add(OpCode::set_acl, jute::SetAclRequest{"/", {}, -1}).end()),
              ErrorCode::marshalling_error);
    const Bytes whole = MultiBody().add(OpCode::create, create("/a")).end();
    for (std::size_t cut = 0; cut + 1 < whole.size(); cut += 5) {
        EXPECT_EQ(error(whole.substr(0, cut)), ErrorCode::marshalling_error) << cut;
    }
    EXPECT_EQ(bench.preparer.outstanding(), 0U);
    const jute::Txn txn = bench.ask_raw(
        OpCode::multi, MultiBody().add(OpCode::create, create("/a", CreateMode(9))).end());
    EXPECT_THAT(part_errors(txn), ElementsAre(ErrorCode::bad_arguments));
    bench.session_check = ErrorCode::session_expired;
    EXPECT_THAT(part_errors(bench.ask_raw(OpCode::multi, whole)),
                ElementsAre(ErrorCode::session_expired));
}

TEST(Preparer, MultiOfASessionThatMovedEndsTheConnection) {
    Bench bench;
    bench.session_check = ErrorCode::session_moved;
    const jute::Txn txn =
        bench.ask_raw(OpCode::multi, MultiBody().add(OpCode::create, create("/a")).end());
    EXPECT_EQ(txn.header.type, OpCode::error) << "no list of results, which the client would get";
    EXPECT_EQ(Bench::error_of(txn), ErrorCode::session_moved);
    EXPECT_EQ(bench.preparer.outstanding(), 0U);
}

// Three identities of a megabyte each, and one ACL entry that stands for all of them.
TEST(Preparer, NoTxnIsTooLargeToBeReadBack) {
    Bench bench;
    for (int i = 0; i < 3; ++i) bench.auth.push_back({"digest", std::string(1000000, 'a')});
    const jute::AclList own = acl(31, "auth", "");
    const CreateMode mode = CreateMode::persistent;
    EXPECT_EQ(bench.error(OpCode::create, create("/a", mode, own)), ErrorCode::marshalling_error);
    EXPECT_EQ(bench.error(OpCode::set_acl, jute::SetAclRequest{"/", own, -1}),
              ErrorCode::marshalling_error);
    EXPECT_EQ(Bench::error_of(
                  bench.ask_raw(OpCode::create, Bytes(Policy().txn_body_bytes_max() + 1, '\0'))),
              ErrorCode::marshalling_error);
    EXPECT_EQ(bench.preparer.outstanding(), 0U);

    // Each part is small enough by itself.
    bench.auth.resize(2);
    const Bytes twice = MultiBody()
                            .add(OpCode::create, create("/a", mode, own))
                            .add(OpCode::create, create("/b", mode, own))
                            .add(OpCode::create, create("/c", mode, own))
                            .end();
    EXPECT_EQ(Bench::error_of(bench.ask_raw(OpCode::multi, twice)), ErrorCode::marshalling_error);
    EXPECT_EQ(bench.preparer.outstanding(), 0U);

    const jute::Txn largest =
        bench.ask(OpCode::create, create("/a", mode, own, Bytes(limits::kJuteMaxBuffer, 'd')));
    EXPECT_EQ(Bench::error_of(largest), ErrorCode::ok);
    EXPECT_LE(jute::encode_txn(largest).size(),
              static_cast<std::size_t>(limits::with_jute_extra(limits::kJuteMaxBuffer)));
}

// What a follower with the same jute.maxbuffer reads is twice that, and no more.
TEST(Preparer, TxnsAreAsLargeAsJuteMaxbufferAdmits) {
    for (const std::int32_t limit : {1024, limits::kJuteMaxBuffer, 4 << 20}) {
        SCOPED_TRACE(limit);
        Bench bench(Policy{.jute_max_buffer = limit});
        const auto bytes = static_cast<std::size_t>(limit);
        const jute::Txn largest = bench.ask(
            OpCode::create,
            create("/a", CreateMode::persistent, tree::open_acl_list(), Bytes(bytes - 100, 'd')));
        EXPECT_EQ(Bench::error_of(largest), ErrorCode::ok);
        EXPECT_LE(jute::encode_txn(largest).size(), 2 * bytes);
        EXPECT_EQ(Bench::error_of(bench.ask_raw(OpCode::create, Bytes(2 * bytes - 1023, '\0'))),
                  ErrorCode::marshalling_error);
        // Of a follower with a larger limit.
        EXPECT_EQ(bench.error(OpCode::create,
                              create("/b",
                                     CreateMode::persistent,
                                     tree::open_acl_list(),
                                     Bytes(2 * bytes - 1000, 'd'))),
                  ErrorCode::marshalling_error);
        EXPECT_EQ(bench.tree.find("/b"), nullptr);
    }
}

// Only a confused peer asks for these. Persistent nodes and containers belong to no session.
TEST(Preparer, CloseOfNoSessionDeletesNothing) {
    Bench bench;
    bench.ask(OpCode::create, create("/a"));
    bench.ask(OpCode::create, create("/a/b"));
    bench.ask(OpCode::create_container, create("/c", CreateMode::container));
    for (const std::int64_t owner : {std::int64_t{0}, tree::kContainerOwner}) {
        const jute::Txn close =
            bench.preparer.close_session(SessionId(owner), Zxid(++bench.zxid), WallMs(1));
        EXPECT_THAT(*std::get<jute::CloseSessionTxn>(close.body).paths, ElementsAre());
    }
}

TEST(Preparer, CloseSessionTakesOutstandingChangesIntoAccount) {
    Bench bench;
    bench.ask(OpCode::create, create("/p"));
    bench.ask(OpCode::create, create("/p/applied", CreateMode::ephemeral));
    bench.ask(OpCode::create, create("/p/deleted", CreateMode::ephemeral));
    bench.ask(OpCode::create, create("/p/taken", CreateMode::ephemeral));
    bench.apply();
    bench.ask(OpCode::create, create("/p/new", CreateMode::ephemeral));
    bench.ask(OpCode::create, create("/p/shortlived", CreateMode::ephemeral));
    bench.ask(OpCode::remove, jute::DeleteRequest{"/p/shortlived", -1});
    bench.ask(OpCode::remove, jute::DeleteRequest{"/p/deleted", -1});
    bench.ask(OpCode::remove, jute::DeleteRequest{"/p/taken", -1});
    bench.session = SessionId(0x200);
    bench.ask(OpCode::create, create("/p/taken", CreateMode::ephemeral));
    bench.session = SessionId(0x100);
    const jute::Txn close = bench.ask_raw(OpCode::close_session, "");
    EXPECT_EQ(close.header.type, OpCode::close_session);
    EXPECT_THAT(*std::get<jute::CloseSessionTxn>(close.body).paths,
                ElementsAre("/p/applied", "/p/new"));
    bench.apply();
    EXPECT_EQ(bench.tree.digest(), close.digest->tree_digest);
    EXPECT_THAT(bench.tree.find("/p")->child_names(), ElementsAre("taken"));
    // Nothing is left, and the digest is there all the same.
    const jute::Txn again = bench.preparer.close_session(SessionId(0x100), Zxid(99), WallMs(1));
    EXPECT_THAT(*std::get<jute::CloseSessionTxn>(again.body).paths, ElementsAre());
    EXPECT_EQ(again.digest->tree_digest, bench.tree.digest());
}

TEST(Preparer, TellsWhoWantsAnEphemeral) {
    const auto create = [](CreateMode mode) {
        return jute::encode(jute::CreateRequest{"/a", Bytes(), {}, mode});
    };
    const auto multi = [&](OpCode type, CreateMode mode) {
        Bytes body;
        jute::OutputArchive archive(body);
        archive(jute::MultiHeader{.type = type, .done = false, .error = ErrorCode(-1)});
        body += create(mode);
        archive(jute::MultiHeader{.type = OpCode::error, .done = true, .error = ErrorCode(-1)});
        return body;
    };
    for (const OpCode op : {OpCode::create, OpCode::create2}) {
        EXPECT_TRUE(makes_ephemeral(op, create(CreateMode::ephemeral)));
        EXPECT_TRUE(makes_ephemeral(op, create(CreateMode::ephemeral_sequential)));
        EXPECT_FALSE(makes_ephemeral(op, create(CreateMode::persistent_sequential)));
        EXPECT_FALSE(makes_ephemeral(op, create(CreateMode::container)));
        EXPECT_FALSE(makes_ephemeral(op, "cut"));
        EXPECT_TRUE(makes_ephemeral(OpCode::multi, multi(op, CreateMode::ephemeral)));
        EXPECT_FALSE(makes_ephemeral(OpCode::multi, multi(op, CreateMode::persistent)));
    }
    EXPECT_FALSE(
        makes_ephemeral(OpCode::multi, multi(OpCode::create_container, CreateMode::ephemeral)));
    EXPECT_FALSE(makes_ephemeral(OpCode::create_container, create(CreateMode::ephemeral)));
    EXPECT_FALSE(makes_ephemeral(OpCode::set_data, create(CreateMode::ephemeral)));
}

TEST(Preparer, SessionTxns) {
    Bench bench;
    const jute::Txn made = bench.ask(OpCode::create_session, jute::CreateSessionTxn{4000});
    EXPECT_EQ(made.header.type, OpCode::create_session);
    EXPECT_EQ(std::get<jute::CreateSessionTxn>(made.body).timeout_ms, 4000);
    EXPECT_EQ(made.digest->tree_digest, 0x51c6d660U);
    const jute::Txn error =
        Preparer::error(SessionId(5), Xid(6), Zxid(7), WallMs(8), ErrorCode::session_moved);
    EXPECT_EQ(error.header.type, OpCode::error);
    EXPECT_EQ(error.header.cxid, Xid(6));
    EXPECT_EQ(Bench::error_of(error), ErrorCode::session_moved);
}

TEST(Preparer, DeleteContainerOnlyOfWhatIsLeftOver) {
    Bench bench(ExtendedTypes::on);
    const auto removal = [&bench](std::string_view path, std::int64_t time = 1) {
        return bench.preparer.delete_container(path, Zxid(bench.zxid + 1), WallMs(time));
    };
    bench.ask(OpCode::create_container, create("/c", CreateMode::container));
    EXPECT_FALSE(removal("/c")) << "nobody has used it yet";
    bench.ask(OpCode::create, create("/c/x"));
    bench.ask(OpCode::create, create("/plain"));
    bench.ask(OpCode::create, create("/e", CreateMode::ephemeral));
    bench.ask(OpCode::create_ttl, CreateTtlRequest{ttl_create("/t"), 50});  // at 1005
    for (const char* path : {"/c", "/plain", "/none", "/e", "/", "", "/zookeeper"}) {
        EXPECT_FALSE(removal(path, 9999)) << path;
    }
    EXPECT_FALSE(removal("/t", 1055));
    bench.ask(OpCode::remove, jute::DeleteRequest{"/c/x", -1});
    bench.ask(OpCode::set_data, jute::SetDataRequest{"/t", Bytes("new"), -1});  // at 1007
    EXPECT_FALSE(removal("/t", 1057)) << "what is proposed counts";
    for (const char* path : {"/c", "/t"}) {
        const auto txn = removal(path, 1058);
        ASSERT_TRUE(txn) << path;
        ++bench.zxid;
        EXPECT_EQ(txn->header.type, OpCode::delete_container);
        EXPECT_EQ(txn->header.session, SessionId(0));
        EXPECT_EQ(txn->header.cxid, Xid(0));
        bench.outstanding.push_back(*txn);
        EXPECT_FALSE(removal(path, 1058)) << "once";
    }
    const std::uint64_t digest = bench.outstanding.back().digest->tree_digest;
    bench.apply();
    EXPECT_EQ(bench.tree.find("/c"), nullptr);
    EXPECT_EQ(bench.tree.find("/t"), nullptr);
    EXPECT_TRUE(bench.tree.containers().empty() && bench.tree.ttl_nodes().empty());
    EXPECT_EQ(bench.tree.digest(), digest);
}

TEST(Preparer, ResetForgetsWhatWasNeverApplied) {
    Bench bench;
    bench.ask(OpCode::create, create("/a"));
    bench.preparer.reset();
    EXPECT_EQ(bench.error(OpCode::create, create("/a/b")), ErrorCode::no_node);
    const jute::Txn txn = bench.ask(OpCode::create_session, jute::CreateSessionTxn{1});
    EXPECT_EQ(txn.digest->tree_digest, bench.tree.digest());
}

}  // namespace
}  // namespace zk::prep
