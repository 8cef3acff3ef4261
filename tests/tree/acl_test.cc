#include "tree/acl.h"

#include <gtest/gtest.h>

namespace zk::tree {
namespace {

using jute::Acl;
using jute::AclList;
using jute::AuthId;

const std::vector<AuthId> kNobody;

Acl entry(std::int32_t perms, std::string scheme, std::string id) {
    return Acl{perms, AuthId{std::move(scheme), std::move(id)}};
}

TEST(CheckAcl, EmptyListAndSuperPass) {
    EXPECT_TRUE(check_acl(AclList{}, perms::kWrite, kNobody));
    EXPECT_TRUE(check_acl(AclRef(), perms::kWrite, kNobody));
    const AclList closed = {entry(perms::kAll, "digest", "a:b")};
    EXPECT_FALSE(check_acl(closed, perms::kWrite, kNobody));
    EXPECT_TRUE(check_acl(closed, perms::kWrite, {AuthId{"super", ""}}));
}

TEST(CheckAcl, OneOfTheNeededBitsIsEnough) {
    const AclList list = {entry(perms::kRead, "world", "anyone")};
    EXPECT_TRUE(check_acl(list, perms::kRead | perms::kAdmin, kNobody));
    EXPECT_FALSE(check_acl(list, perms::kAdmin, kNobody));
}

TEST(CheckAcl, DigestByEquality) {
    const AclList list = {entry(perms::kWrite, "digest", "u:x"),
                          entry(perms::kRead, "digest", "v:y")};
    EXPECT_TRUE(check_acl(list, perms::kWrite, {AuthId{"digest", "u:x"}}));
    EXPECT_FALSE(check_acl(list, perms::kWrite, {AuthId{"digest", "v:y"}}));
    EXPECT_FALSE(check_acl(list, perms::kWrite, {AuthId{"sasl", "u:x"}}));
    EXPECT_FALSE(check_acl(list, perms::kWrite, {AuthId{"digest", "u:"}}));
}

TEST(CheckAcl, IpWithBits) {
    const auto allows = [](std::string pattern, std::string address) {
        return check_acl({entry(perms::kRead, "ip", std::move(pattern))},
                         perms::kRead,
                         {AuthId{"ip", std::move(address)}});
    };
    EXPECT_TRUE(allows("10.1.2.3", "10.1.2.3"));
    EXPECT_FALSE(allows("10.1.2.3", "10.1.2.4"));
    EXPECT_TRUE(allows("10.1.2.3/8", "10.9.9.9"));
    EXPECT_FALSE(allows("10.1.2.3/8", "11.1.2.3"));
    EXPECT_TRUE(allows("10.1.2.128/25", "10.1.2.200"));
    EXPECT_FALSE(allows("10.1.2.128/25", "10.1.2.100"));
    EXPECT_TRUE(allows("0.0.0.0/0", "1.2.3.4"));
    EXPECT_FALSE(allows("0.0.0.0/0", "::1"));
    EXPECT_TRUE(allows("fe80::/10", "fe80::1"));
    EXPECT_FALSE(allows("fe80::/10", "2001::1"));
    EXPECT_FALSE(allows("nonsense", "10.1.2.3"));
    EXPECT_TRUE(allows("::1", ip_id("::1")));
    EXPECT_TRUE(allows("2001:db8::/33", ip_id("2001:db8:7fff::1")));
    EXPECT_FALSE(allows("2001:db8::/33", ip_id("2001:db8:8000::1")));
    EXPECT_TRUE(allows("10.1.2.3", ip_id("::ffff:10.1.2.3")));
    EXPECT_FALSE(allows("::ffff:a01:203", ip_id("::ffff:10.1.2.3"))) << "an IPv4 address is one";
    EXPECT_FALSE(allows("fe80::1", ip_id("fe80::1%eth0"))) << "Apache's cannot read a zone";
}

TEST(CheckAcl, WithoutChecksEverybodyMay) {
    const AclList closed = {entry(perms::kAll, "digest", "a:b")};
    EXPECT_TRUE(check_acl(closed, perms::kWrite, kNobody, {.checks = false}));
}

// As with Apache's servers that have no provider of the scheme: a proof that another server has taken counts for nothing.
TEST(CheckAcl, WithoutDigestsNobodyIsAnybodyByOne) {
    const AclList list = {entry(perms::kAll, "digest", "a:b"),
                          entry(perms::kRead, "ip", "10.0.0.1")};
    const AccessRules rules{.digest = false};
    const std::vector<AuthId> auth = {AuthId{"ip", "10.0.0.1"}, AuthId{"digest", "a:b"}};
    EXPECT_TRUE(check_acl(list, perms::kWrite, auth));
    EXPECT_FALSE(check_acl(list, perms::kWrite, auth, rules));
    EXPECT_TRUE(check_acl(list, perms::kRead, auth, rules));
    EXPECT_TRUE(check_acl(list, perms::kWrite, {AuthId{"super", ""}}, rules));
    EXPECT_FALSE(fix_up_acl({entry(31, "digest", "a:b")}, auth, rules));
    EXPECT_FALSE(fix_up_acl({entry(31, "auth", "")}, auth, rules));
    EXPECT_TRUE(fix_up_acl({entry(31, "ip", "10.0.0.1")}, auth, rules));
}

// Nobody proves these here, but what other servers have stored and taken is compared.
TEST(CheckAcl, CertificatesAndSaslByEquality) {
    const AclList list = {entry(perms::kAll, "x509", "CN=a,O=b"),
                          entry(perms::kRead, "sasl", "bob")};
    EXPECT_TRUE(check_acl(list, perms::kWrite, {AuthId{"x509", "CN=a,O=b"}}));
    EXPECT_FALSE(check_acl(list, perms::kWrite, {AuthId{"x509", "CN=a,O=B"}}));
    EXPECT_TRUE(check_acl(list, perms::kRead, {AuthId{"sasl", "bob"}}));
    EXPECT_FALSE(check_acl(list, perms::kWrite, {AuthId{"sasl", "bob"}}));
    EXPECT_EQ(fix_up_acl({entry(5, "auth", "")}, {AuthId{"x509", "CN=a"}, AuthId{"super", "CN=a"}}),
              (AclList{entry(5, "x509", "CN=a")}));
}

TEST(IpId, IsTheAddressAsJavaWritesIt) {
    EXPECT_EQ(ip_id("10.1.2.3"), "10.1.2.3");
    EXPECT_EQ(ip_id("::1"), "0:0:0:0:0:0:0:1");
    EXPECT_EQ(ip_id("2001:db8::a00:1"), "2001:db8:0:0:0:0:a00:1");
    EXPECT_EQ(ip_id("::ffff:10.1.2.3"), "10.1.2.3");
    EXPECT_EQ(ip_id("fe80::1%eth0"), "fe80:0:0:0:0:0:0:1%eth0");
    EXPECT_EQ(ip_id("nonsense"), "nonsense");
}

TEST(FixUpAcl, RefusesWhatNobodyCouldUse) {
    const std::vector<AuthId> auth = {AuthId{"ip", "127.0.0.1"}, AuthId{"super", ""}};
    EXPECT_FALSE(fix_up_acl({}, auth));
    for (const auto& [scheme, id] :
         std::vector<std::pair<std::string, std::string>>{{"world", "someone"},
                                                          {"world", ""},
                                                          {"", ""},
                                                          {"super", ""},
                                                          {"nope", "x"},
                                                          {"sasl", "bob"},
                                                          {"digest", "a"},
                                                          {"digest", "a:"},
                                                          {"digest", ":"},
                                                          {"digest", ""},
                                                          {"digest", "a:b:c"},
                                                          {"digest", "a::"},
                                                          {"digest", "a::b"},
                                                          {"ip", "1.2.3"},
                                                          {"ip", "1.2.3.4.5"},
                                                          {"ip", "1.2.3.256"},
                                                          {"ip", "1.2.3.-1"},
                                                          {"ip", "1.2.3.4/33"},
                                                          {"ip", "1.2.3.4/"},
                                                          {"ip", "1.2.3.4/-1"},
                                                          {"ip", "1.2.3.4/8/8"},
                                                          {"ip", ""},
                                                          {"ip", "1..2.3"},
                                                          {"ip", "::1/129"},
                                                          {"ip", "::ffff:1.2.3.4"},
                                                          {"ip", "1::2::3"},
                                                          {"ip", "1:2:3:4:5:6:7:8:9"},
                                                          {"ip", "12345::"},
                                                          {"ip", "::g"},
                                                          {"x509", "CN=a"},
                                                          {"auth", ""}}) {
        EXPECT_FALSE(fix_up_acl({entry(31, scheme, id)}, auth)) << scheme << " " << id;
        EXPECT_FALSE(fix_up_acl({entry(31, "world", "anyone"), entry(1, scheme, id)}, auth))
            << scheme;
    }
}

TEST(FixUpAcl, KeepsGoodEntriesAndOrderWithoutDuplicates) {
    const Acl a = entry(-1, "digest", ":b");
    const Acl b = entry(255, "ip", "10.0.0.0/8");
    const Acl c = entry(0, "digest", "a:b:");
    const Acl d = entry(1, "ip", "::1");
    EXPECT_EQ(fix_up_acl({a, b, a, c, b, d}, kNobody), (AclList{a, b, c, d}));
}

TEST(FixUpAcl, AuthBecomesTheProvenIds) {
    const std::vector<AuthId> auth = {
        {"ip", "127.0.0.1"}, {"digest", "u:x"}, {"digest", "v:y"}, {"super", ""}};
    EXPECT_EQ(
        fix_up_acl({entry(5, "auth", "ignored"), entry(1, "world", "anyone")}, auth),
        (AclList{
            entry(5, "digest", "u:x"), entry(5, "digest", "v:y"), entry(1, "world", "anyone")}));
}

// "auth" multiplies: a request of a megabyte could ask for gigabytes.
TEST(FixUpAcl, RefusesAListThatNoTxnCouldCarry) {
    std::vector<AuthId> auth;
    AclList list;
    for (std::int32_t i = 0; i < 300; ++i) {
        auth.push_back({"digest", "user" + std::to_string(i) + ":Jq7wMyA/w2Vd5WIDAKdu4OIIFEQ="});
        list.push_back(entry(i, "auth", ""));
    }
    EXPECT_FALSE(fix_up_acl(list, auth));
    list.resize(10);
    EXPECT_EQ(fix_up_acl(list, auth)->size(), 3000U);
}

TEST(DigestId, KnownValue) {
    EXPECT_EQ(digest_id("u:p", "SHA-256"), "u:/Y8xRBngpX5duYn15uUqIRaIaCviy5TEwSk419hCwuA=");
    EXPECT_EQ(digest_id("u:p", "MD5"), "u:wj9ntl1lUHd6RGlGHs+1Hg==");
    EXPECT_EQ(digest_id("u:p", "SHA3-256"), "u:3+U94Pf1dSrKR/q5qu/huTFf1Fha6TtpdtpSdhWvIS0=");
    EXPECT_EQ(digest_id("u:p"), "u:Jq7wMyA/w2Vd5WIDAKdu4OIIFEQ=");
    EXPECT_EQ(digest_id("nocolon").substr(0, 8), "nocolon:");
    EXPECT_EQ(digest_id("a:b:c").substr(0, 2), "a:");
}

TEST(AclCache, OneIdPerListUntilTheLastUserIsGone) {
    AclCache cache;
    const AclList list = {entry(31, "digest", "a:b")};
    EXPECT_EQ(cache.intern(open_acl_list()), kOpenAcl);
    EXPECT_EQ(cache.size(), 1U);  // the read-only list
    const AclId id = cache.intern(list);
    EXPECT_EQ(cache.intern(list), id);
    EXPECT_EQ(cache.find(id), list);
    const AclRef kept = cache.share(id);
    cache.release(id);
    EXPECT_TRUE(cache.contains(id));
    cache.release(id);
    EXPECT_FALSE(cache.contains(id));
    EXPECT_EQ(*kept, list);
    EXPECT_NE(cache.intern(list), id) << "a snapshot under way may still name the old number";
    EXPECT_EQ(cache.find(kOpenAcl), open_acl_list());
    EXPECT_EQ(cache.find(kReadOnlyAcl), read_only_acl_list());
}

// jute.maxbuffer of more than a megabyte lets it in. With the last entries left out it would say something else.
TEST(Acl, AListThatIsTooLongIsRefusedAndNotShortened) {
    AclList list;
    for (int i = 0; i < 11; ++i)
        list.push_back(entry(
            31,
            "digest",
            std::string(100'000, 'u') + std::to_string(i) + ":" + std::string(27, 'A') + "="));
    EXPECT_FALSE(fix_up_acl(list, kNobody));
    list.pop_back();
    EXPECT_EQ(fix_up_acl(list, kNobody), list);
}

TEST(AclCache, EmptyListIsAListOfItsOwn) {
    AclCache cache;
    const AclId id = cache.intern({});
    EXPECT_NE(id, kOpenAcl);
    EXPECT_EQ(cache.all().size(), 2U);
    EXPECT_EQ(cache.all().back(), (std::pair<AclId, AclList>(id, {})));
}

}  // namespace
}  // namespace zk::tree
