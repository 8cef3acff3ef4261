// Identities that a server wants, and ACLs that it does not look at.
#include "harness.h"

namespace zk::frontend {
namespace {

using Strings = std::vector<std::string>;

jute::AuthRequest proof(const std::string& scheme, const char* credential) {
    return jute::AuthRequest{0, scheme, Bytes(credential)};
}

class RequiredScheme : public Harness {
  protected:
    static Settings wanting(std::vector<std::string> schemes) {
        Settings own = settings();
        own.required_schemes = std::move(schemes);
        return own;
    }
    explicit RequiredScheme(std::vector<std::string> schemes = {"digest"})
        : Harness(wanting(std::move(schemes))) {}
};

// The answer as Apache's 3.8.0 gives it: its own xid, zxid 0, no body, then the end.
TEST_F(RequiredScheme, WhoHasProvenNothingMayAskNothing) {
    const std::vector<Bytes> requests = {request_frame(7, OpCode::get_data, plain("/")),
                                         request_frame(7, OpCode::ping),
                                         request_frame(7, OpCode::close_session),
                                         request_frame(7, OpCode::who_am_i),
                                         request_frame(7, OpCode(4711))};
    ConnectionId id = 0;
    for (const Bytes& request : requests) {
        join(++id, 9);
        feed(id, request + request_frame(8, OpCode::ping));
        EXPECT_EQ(hex(sent[id]), hex(from_hex("00000010 00000007 0000000000000000 ffffff84")));
        EXPECT_EQ(orders[id].close, Close::after_flush);
        EXPECT_TRUE(told_core<request::ClientRequest>().empty());
    }
    EXPECT_EQ(frontend.statistics().auth_failures, 5);
}

TEST_F(RequiredScheme, AProofOpensTheDoor) {
    create("/a");
    join(1, 9);
    feed(1, request_frame(-4, OpCode::auth, proof("digest", "u:p")));
    feed(1, request_frame(1, OpCode::get_data, plain("/a")));
    EXPECT_EQ(story(1), (Strings{"-4:0", "1:0"}));
}

TEST_F(RequiredScheme, TheAddressIsNoProofOfAnotherScheme) {
    join(1, 9);
    feed(1, request_frame(-4, OpCode::auth, proof("ip", "")));
    feed(1, request_frame(1, OpCode::ping));
    EXPECT_EQ(story(1), (Strings{"-4:0", "1:-124"}));
}

TEST_F(RequiredScheme, TheRefusalWaitsForItsTurn) {
    join(1, 9);
    feed(1, request_frame(1, OpCode::sasl, jute::PathRequest{""}) + request_frame(2, OpCode::ping));
    EXPECT_EQ(story(1), (Strings{"1:0", "2:-124"}));
}

struct RequiredAddress : RequiredScheme {
    RequiredAddress() : RequiredScheme({"x509", "ip"}) {}
};

TEST_F(RequiredAddress, OneOfTheSchemesIsEnough) {
    create("/a");
    join(1, 9);
    feed(1, request_frame(1, OpCode::get_data, plain("/a")));
    EXPECT_EQ(story(1), (Strings{"1:0"}));
}

struct NoChecks : Harness {
    static Settings open() {
        Settings own = settings();
        own.access.checks = false;
        return own;
    }
    NoChecks() : Harness(open()) {}
};

TEST_F(NoChecks, ReadsAndEventsAreForAll) {
    const jute::AclList closed = {acl(perms::kAll, "digest", tree::digest_id("u:p"))};
    create("/closed", closed);
    join(1, 9);
    for (const OpCode op :
         {OpCode::exists, OpCode::get_data, OpCode::get_children, OpCode::get_children2}) {
        feed(1, request_frame(1, op, watch("/closed")));
        EXPECT_EQ(story(1), (Strings{"1:0"})) << to_string(op);
    }
    feed(1, request_frame(1, OpCode::get_all_children_number, jute::PathRequest{"/closed"}));
    feed(1, request_frame(2, OpCode::get_acl, jute::PathRequest{"/closed"}));
    const auto answers = frames(1);
    ASSERT_EQ(answers.size(), 2U);
    EXPECT_EQ(answers[0].header.error, ErrorCode::ok);
    EXPECT_EQ(jute::decode<jute::AclList>(answers[1].body), closed) << "nothing is masked";
    say(set_data("/closed", "1"));
    EXPECT_EQ(story(1), (Strings{"E3:/closed"}));
}

struct OtherDigest : Harness {
    static Settings sha256() {
        Settings own = settings();
        own.digest_algorithm = "SHA-256";
        own.super_digest = tree::digest_id("boss:secret", "SHA-256");
        return own;
    }
    OtherDigest() : Harness(sha256()) {}
};

TEST_F(OtherDigest, NamesIdentitiesAndTheSuperUser) {
    create("/closed", {acl(perms::kAll, "digest", tree::digest_id("u:p", "SHA-256"))});
    create("/other", {acl(perms::kAll, "digest", tree::digest_id("u:p"))});
    join(1, 9);
    feed(1, request_frame(-4, OpCode::auth, proof("digest", "u:p")));
    feed(1,
         request_frame(1, OpCode::get_data, plain("/closed")) +
             request_frame(2, OpCode::get_data, plain("/other")));
    feed(1, request_frame(-4, OpCode::auth, proof("digest", "boss:secret")));
    feed(1, request_frame(3, OpCode::get_data, plain("/other")));
    EXPECT_EQ(story(1), (Strings{"-4:0", "1:0", "2:-102", "-4:0", "3:0"}));
}

struct NoDigest : Harness {
    static Settings off() {
        Settings own = settings();
        own.access.digest = false;
        return own;
    }
    NoDigest() : Harness(off()) {}
};

TEST_F(NoDigest, TheSchemeIsUnknown) {
    join(1, 9);
    feed(1, request_frame(-4, OpCode::auth, proof("digest", "super:secret")));
    EXPECT_EQ(story(1), (Strings{"-4:-115"}));
    EXPECT_EQ(orders[1].close, Close::after_flush);
}

using Addresses = Harness;

TEST_F(Addresses, OfIpv6AreWrittenAsJavaWritesThem) {
    create("/six", {acl(perms::kRead, "ip", "2001:db8::/32")});
    join(1, 9, "2001:db8::1");
    join(2, 10, "::ffff:10.1.2.3");
    feed(1, request_frame(1, OpCode::get_data, plain("/six")));
    feed(2, request_frame(1, OpCode::get_data, plain("/six")));
    EXPECT_EQ(story(1), (Strings{"1:0"}));
    EXPECT_EQ(story(2), (Strings{"1:-102"}));
    feed(1, request_frame(2, OpCode::who_am_i));
    feed(2, request_frame(2, OpCode::who_am_i));
    EXPECT_NE(frames(1).at(0).body.find("2001:db8:0:0:0:0:0:1"), std::string::npos);
    EXPECT_NE(frames(2).at(0).body.find("10.1.2.3"), std::string::npos);
}

}  // namespace
}  // namespace zk::frontend
