// Private key files of every format, and the ssh-agent, against what ssh-keygen and ssh-add make.
#include "ssh/keys.h"

#include <gtest/gtest.h>
#include <openssl/evp.h>

#include "ssh/wire.h"
#include "support.h"

namespace zk::ssh {
namespace {

using test::Child;
using test::eventually;
using test::make_key;
using test::shell;
using test::TempDir;

// The second word of the .pub file, decoded by ssh-keygen's own hand: its fingerprint.
std::string fingerprint_by_keygen(const std::string& path, const TempDir& dir) {
    EXPECT_TRUE(std::system(("ssh-keygen -lf " + path + ".pub > " + (dir / "fp")).c_str()) == 0);
    std::istringstream words(test::read_text(dir / "fp"));
    std::string bits;
    std::string print;
    words >> bits >> print;
    return print;
}

struct KeyKind {
    const char* name;
    const char* type;
    const char* more;
    const char* ssh_type;
};
class KeyFiles : public testing::TestWithParam<KeyKind> {};

TEST_P(KeyFiles, PublicHalfIsTheOneOfKeygen) {
    const TempDir dir;
    const std::string path = dir / "key";
    ASSERT_TRUE(make_key(path, GetParam().type, std::string("-N '' ") + GetParam().more));
    const auto file = read_key_file(path);
    ASSERT_TRUE(file.has_value()) << file.error().words;
    EXPECT_FALSE(file->encrypted);
    EXPECT_EQ(file->key.type, GetParam().ssh_type);
    EXPECT_EQ(fingerprint(file->key.blob), fingerprint_by_keygen(path, dir));
    EXPECT_EQ(file->key.blob, file->public_blob);
    const auto signature = file->key.sign("something to sign");
    ASSERT_TRUE(signature.has_value()) << signature.error().words;
    EXPECT_GT(signature->size(), 60U);
}

TEST_P(KeyFiles, PassphraseIsToldApartFromNonsense) {
    const TempDir dir;
    const std::string path = dir / "key";
    ASSERT_TRUE(make_key(path, GetParam().type, std::string("-N secret ") + GetParam().more));
    const auto file = read_key_file(path);
    ASSERT_TRUE(file.has_value()) << file.error().words;
    EXPECT_TRUE(file->encrypted);
    EXPECT_EQ(fingerprint(file->public_blob), fingerprint_by_keygen(path, dir));
}

INSTANTIATE_TEST_SUITE_P(
    Formats,
    KeyFiles,
    testing::Values(KeyKind{"ed25519", "ed25519", "", "ssh-ed25519"},
                    KeyKind{"ecdsa256", "ecdsa", "-b 256", "ecdsa-sha2-nistp256"},
                    KeyKind{"ecdsa384", "ecdsa", "-b 384", "ecdsa-sha2-nistp384"},
                    KeyKind{"ecdsa521", "ecdsa", "-b 521", "ecdsa-sha2-nistp521"},
                    KeyKind{"rsa", "rsa", "-b 2048", "ssh-rsa"},
                    KeyKind{"rsa_pem", "rsa", "-b 2048 -m PEM", "ssh-rsa"},
                    KeyKind{"rsa_pkcs8", "rsa", "-b 2048 -m PKCS8", "ssh-rsa"},
                    KeyKind{"ecdsa_pem", "ecdsa", "-b 256 -m PEM", "ecdsa-sha2-nistp256"}),
    [](const auto& kind) { return std::string(kind.param.name); });

TEST(KeyFile, BadFilesAreNamedWithTheReason) {
    const TempDir dir;
    const auto missing = read_key_file(dir / "nothing");
    ASSERT_FALSE(missing.has_value());
    EXPECT_EQ(link_errc(missing.error()), LinkErrc::key_unusable);
    EXPECT_NE(missing.error().words.find("No such file"), std::string::npos);

    ASSERT_TRUE(make_key(dir / "key", "ed25519"));
    const auto public_half = read_key_file(dir / "key.pub");
    ASSERT_FALSE(public_half.has_value());
    EXPECT_NE(public_half.error().words.find("public half"), std::string::npos);

    test::write_text(dir / "text", "hello\n");
    EXPECT_FALSE(read_key_file(dir / "text").has_value());
}

TEST(KeyFile, NoCutOrFlippedFileIsTakenForAnotherKey) {
    const TempDir dir;
    ASSERT_TRUE(make_key(dir / "key", "ed25519"));
    const std::string whole = test::read_text(dir / "key");
    const auto original = read_key_file(dir / "key");
    ASSERT_TRUE(original.has_value());
    for (std::size_t size = 1; size + 1 < whole.size(); size += 3) {
        test::write_text(dir / "cut", whole.substr(0, size));
        EXPECT_FALSE(read_key_file(dir / "cut").has_value()) << size;
        std::string flipped = whole;
        flipped[size] = flipped[size] == 'A' ? 'B' : 'A';
        test::write_text(dir / "flipped", flipped);
        static_cast<void>(read_key_file(dir / "flipped"));  // must not crash
    }
}

TEST(SshWire, MpintsAreMinimalAndPositive) {
    Bytes out;
    append_ssh_mpint(out, Bytes("\0\0\x80", 3));
    EXPECT_EQ(out, Bytes("\0\0\0\2\0\x80", 6));
    out.clear();
    append_ssh_mpint(out, Bytes("\0", 1));
    EXPECT_EQ(out, Bytes("\0\0\0\0", 4));
}

TEST(SshWire, ReaderStopsAtTheEnd) {
    const Bytes input("\0\0\0\5abc", 7);
    SshReader reader(input);
    EXPECT_FALSE(reader.string().has_value());
    EXPECT_FALSE(reader.uint32().has_value());
}

TEST(AgentKeys, AreListedAndSignLikeTheirFiles) {
    const TempDir dir;
    const std::string socket = dir / "agent";
    const Child agent({"/usr/bin/ssh-agent", "-D", "-a", socket}, dir / "agent.log");
    ASSERT_TRUE(eventually([&] { return ::access(socket.c_str(), F_OK) == 0; }));
    for (const char* type : {"ed25519", "rsa"}) {
        const std::string path = dir / type;
        ASSERT_TRUE(make_key(path, type));
        ASSERT_TRUE(shell("SSH_AUTH_SOCK=" + socket + " ssh-add " + path));
    }
    const auto keys = read_agent_keys(socket, std::chrono::seconds(5));
    ASSERT_TRUE(keys.has_value()) << keys.error().words;
    ASSERT_EQ(keys->size(), 2U);
    for (const LoginKey& key : *keys) {
        const bool rsa = key.type == "ssh-rsa";
        const auto file = read_key_file(dir / (rsa ? "rsa" : "ed25519"));
        ASSERT_TRUE(file.has_value());
        EXPECT_EQ(key.blob, file->public_blob);
        // Both algorithms are deterministic: the agent's signature is the file's.
        const auto by_agent = key.sign("data");
        const auto by_file = file->key.sign("data");
        ASSERT_TRUE(by_agent.has_value()) << by_agent.error().words;
        ASSERT_TRUE(by_file.has_value());
        EXPECT_EQ(*by_agent, *by_file) << key.type;
    }
}

TEST(LoginKeys, NamedFileWithPassphraseNeedsTheAgent) {
    const TempDir dir;
    const std::string path = dir / "locked";
    ASSERT_TRUE(make_key(path, "ed25519", "-N secret"));
    LinkOptions options;
    options.key_files = {path};
    const auto refused = gather_login_keys(options);
    ASSERT_FALSE(refused.has_value());
    EXPECT_EQ(link_errc(refused.error()), LinkErrc::key_unusable);
    EXPECT_NE(refused.error().words.find("ssh-add"), std::string::npos);

    const std::string socket = dir / "agent";
    const Child agent({"/usr/bin/ssh-agent", "-D", "-a", socket}, dir / "agent.log");
    ASSERT_TRUE(eventually([&] { return ::access(socket.c_str(), F_OK) == 0; }));
    ASSERT_TRUE(shell("cp " + path + " " + (dir / "open") +
                      " && ssh-keygen -q -p -P secret -N '' -f " + (dir / "open") +
                      " && SSH_AUTH_SOCK=" + socket + " ssh-add " + (dir / "open")));
    options.ssh_agent_socket = socket;
    const auto found = gather_login_keys(options);
    ASSERT_TRUE(found.has_value()) << found.error().words;
    ASSERT_EQ(found->keys.size(), 1U);
    EXPECT_NE(found->keys[0].label.find("ssh-agent"), std::string::npos);
}

TEST(LoginKeys, DeadAgentIsNotedAndFilesAreStillTried) {
    const TempDir dir;
    ASSERT_TRUE(make_key(dir / "key", "ed25519"));
    LinkOptions options;
    options.key_files = {dir / "key"};
    options.ssh_agent_socket = dir / "nobody";
    const auto found = gather_login_keys(options);
    ASSERT_TRUE(found.has_value()) << found.error().words;
    EXPECT_EQ(found->keys.size(), 1U);
    ASSERT_EQ(found->notes.size(), 1U);
    EXPECT_NE(found->notes[0].find("ssh-agent"), std::string::npos);
}

}  // namespace
}  // namespace zk::ssh
