// The offers of both sides, from bytes as they pass, whole and in pieces.
#include "ssh/kexinit.h"

#include <gtest/gtest.h>

#include "ssh/wire.h"

namespace zk::ssh {
namespace {

using Names = std::vector<std::string>;

// A banner and a KEXINIT with these lists for both directions.
Bytes stream(const std::string& exchange,
             const std::string& host_key,
             const std::string& ciphers,
             const std::string& macs) {
    Bytes payload(1, '\x14');
    payload.append(16, 'c');
    for (const std::string& list : {exchange, host_key, ciphers, ciphers, macs, macs}) {
        append_ssh_string(payload, list);
    }
    for (int i = 0; i < 4; ++i) append_ssh_string(payload, "none");
    payload.append(5, '\0');
    Bytes all = "welcome\r\nSSH-2.0-test\r\n";
    append_be<std::uint32_t>(all, static_cast<std::uint32_t>(payload.size() + 5));
    all.push_back('\4');
    return all + payload + Bytes(4, 'p');
}

KexInit offer(const std::string& exchange,
              const std::string& host_key,
              const std::string& ciphers,
              const std::string& macs) {
    return find_kexinit(stream(exchange, host_key, ciphers, macs)).value();
}

TEST(KexInit, IsReadOnceItIsComplete) {
    const Bytes all = stream("k1,k2,kex-strict-s-v00@openssh.com,ext-info-s", "h1", "c1,c2", "m1");
    const auto whole = find_kexinit(all + "more");
    ASSERT_TRUE(whole.has_value());
    EXPECT_EQ(whole->key_exchange, (Names{"k1", "k2"}));
    EXPECT_EQ(whole->host_key, Names{"h1"});
    EXPECT_EQ(whole->cipher_from_host, (Names{"c1", "c2"}));
    EXPECT_EQ(whole->mac_to_host, Names{"m1"});
    for (std::size_t size = 0; size < all.size(); ++size) {
        EXPECT_FALSE(find_kexinit(ByteView(all).substr(0, size)).has_value()) << size;
    }
}

TEST(KexInit, OtherBytesAreNone) {
    Bytes other = stream("k", "h", "c", "m");
    other[other.find('\x14')] = '\x15';
    EXPECT_FALSE(find_kexinit(other).has_value());
    EXPECT_FALSE(find_kexinit("HTTP/1.1 400 Bad Request\r\n\r\n").has_value());
    EXPECT_FALSE(find_kexinit(Bytes("SSH-2.0-x\n") + Bytes(8, '\xff')).has_value());
    // Lists that claim to be longer than their packet.
    Bytes cut = stream("k", "h", "c", "m");
    cut[cut.find(Bytes(16, 'c')) + 16] = '\x7f';
    EXPECT_FALSE(find_kexinit(cut).has_value());
}

TEST(KexInit, MismatchesAreNamedWithBothOffersOnce) {
    const KexInit ours = offer("k1", "h1,h2", "c1", "m1,m2");
    EXPECT_TRUE(kex_mismatches(ours, offer("k0,k1", "h2", "c1", "m2")).empty());
    const auto found = kex_mismatches(ours, offer("k1", "h1", "c1", "m3-etm,m4-etm"));
    ASSERT_EQ(found.size(), 1U);
    EXPECT_EQ(describe(found, "libssh2"),
              "no MAC fits: libssh2 offers m1, m2; the host offers m3-etm, m4-etm");
    EXPECT_EQ(kex_mismatches(ours, offer("k", "h", "c", "m")).size(), 4U);
}

TEST(KexInit, SealedCiphersNeedNoMac) {
    const KexInit ours = offer("k", "h", "aes256-gcm@openssh.com,c", "m1");
    EXPECT_TRUE(kex_mismatches(ours, offer("k", "h", "c,aes256-gcm@openssh.com", "m2")).empty());
    EXPECT_EQ(kex_mismatches(ours, offer("k", "h", "c", "m2")).size(), 1U);
}

}  // namespace
}  // namespace zk::ssh
