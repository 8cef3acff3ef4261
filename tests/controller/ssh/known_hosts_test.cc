// Every form of a known_hosts line that we understand, and changes of the file that keep the rest
// as it was.
#include "ssh/known_hosts.h"

#include <thread>

#include <gtest/gtest.h>
#include <libssh2.h>

#include "support.h"

namespace zk::ssh {
namespace {

using test::make_key;
using test::read_text;
using test::TempDir;
using test::write_text;

class KnownHosts : public testing::Test {
  protected:
    KnownHosts() : session_(libssh2_session_init()) {
        make_key(dir_ / "a", "ed25519");
        make_key(dir_ / "b", "ed25519");
        make_key(dir_ / "c", "ecdsa");
    }
    ~KnownHosts() override { libssh2_session_free(session_); }

    // "type base64" of a key.
    std::string key(const char* name) const {
        std::istringstream words(read_text(dir_ / (std::string(name) + ".pub")));
        std::string type;
        std::string base64;
        words >> type >> base64;
        return type + " " + base64;
    }
    std::string base64(const char* name) const {
        const std::string both = key(name);
        return both.substr(both.find(' ') + 1);
    }
    std::string path() const { return dir_ / "known_hosts"; }
    std::vector<KnownKey> find(const std::string& address, std::uint16_t port = 22) {
        auto found = find_known_keys(session_, path(), address, port);
        EXPECT_TRUE(found.has_value());
        return found.has_value() ? *std::move(found) : std::vector<KnownKey>();
    }
    HostKeyVerdict judge(const char* name, const std::string& address, std::uint16_t port = 22) {
        const std::string type = key(name).substr(0, key(name).find(' '));
        return judge_host_key(find(address, port), type, base64(name));
    }

    TempDir dir_;
    LIBSSH2_SESSION* session_;
};

TEST_F(KnownHosts, MissingFileKnowsNobody) { EXPECT_TRUE(find("10.0.0.1").empty()); }

TEST_F(KnownHosts, UnreadableFileIsAnError) {
    ::mkdir(path().c_str(), 0700);
    const auto found = find_known_keys(session_, path(), "h", 22);
    ASSERT_FALSE(found.has_value());
    EXPECT_EQ(link_errc(found.error()), LinkErrc::known_hosts);
}

TEST_F(KnownHosts, PlainLineWithSeveralNamesAndComments) {
    write_text(path(), "# comment\n\nhost,10.0.0.1 " + key("a") + " words after\n");
    EXPECT_EQ(judge("a", "10.0.0.1"), HostKeyVerdict::known);
    EXPECT_EQ(judge("b", "10.0.0.1"), HostKeyVerdict::changed);
    EXPECT_EQ(judge("c", "10.0.0.1"), HostKeyVerdict::other_type);
    EXPECT_EQ(judge("a", "10.0.0.2"), HostKeyVerdict::unknown);
    EXPECT_EQ(find("host").at(0).line, 3U);
}

TEST_F(KnownHosts, HashedNames) {
    write_text(path(), "10.0.0.1 " + key("a") + "\n[10.0.0.2]:2222 " + key("b") + "\n");
    ASSERT_TRUE(test::shell("ssh-keygen -H -f " + path()));
    ASSERT_EQ(read_text(path()).find("10.0.0.1"), std::string::npos);
    EXPECT_EQ(judge("a", "10.0.0.1"), HostKeyVerdict::known);
    EXPECT_EQ(judge("b", "10.0.0.2", 2222), HostKeyVerdict::known);
    EXPECT_EQ(judge("a", "10.0.0.2", 2222), HostKeyVerdict::changed);
    EXPECT_EQ(judge("b", "10.0.0.2"), HostKeyVerdict::unknown);
}

TEST_F(KnownHosts, EntryWithPortWinsOverBareAddress) {
    write_text(path(), "10.0.0.1 " + key("a") + "\n");
    EXPECT_EQ(judge("a", "10.0.0.1", 2222), HostKeyVerdict::known);
    write_text(path(), "10.0.0.1 " + key("a") + "\n[10.0.0.1]:2222 " + key("b") + "\n");
    EXPECT_EQ(judge("a", "10.0.0.1", 2222), HostKeyVerdict::changed);
    EXPECT_EQ(judge("b", "10.0.0.1", 2222), HostKeyVerdict::known);
}

TEST_F(KnownHosts, AnotherKeyOnAnotherPortIsNewAndNotChanged) {
    write_text(path(), "10.0.0.1 " + key("a") + "\n");
    EXPECT_EQ(judge("b", "10.0.0.1", 2222), HostKeyVerdict::unknown);
    EXPECT_EQ(judge("c", "10.0.0.1", 2222), HostKeyVerdict::unknown);
    write_text(path(), "@revoked * " + key("c") + "\n10.0.0.1 " + key("a") + "\n");
    EXPECT_EQ(judge("a", "10.0.0.1", 2222), HostKeyVerdict::known);
}

TEST_F(KnownHosts, PatternsAsSshReadsThem) {
    write_text(path(), "*.example,!bad.example,10.0.?.1 " + key("a") + "\n");
    EXPECT_EQ(judge("a", "zk1.example"), HostKeyVerdict::known);
    EXPECT_EQ(judge("b", "zk1.example"), HostKeyVerdict::changed);
    EXPECT_EQ(judge("a", "bad.example"), HostKeyVerdict::unknown);
    EXPECT_EQ(judge("a", "10.0.7.1"), HostKeyVerdict::known);
    EXPECT_EQ(judge("a", "10.0.77.1"), HostKeyVerdict::unknown);
}

TEST_F(KnownHosts, LettersOfBothSizesAreOneName) {
    write_text(path(), "zk1.example " + key("a") + "\nZK2.Example " + key("a") + "\n");
    EXPECT_EQ(judge("a", "ZK1.example"), HostKeyVerdict::known);
    EXPECT_EQ(judge("a", "zk2.example"), HostKeyVerdict::known);
    EXPECT_EQ(known_host_name("ZK1.Example", 2222), "[zk1.example]:2222");
}

// The form that sshd(8) shows.
TEST_F(KnownHosts, KeyRevokedForAllHostsIsRefusedEverywhere) {
    write_text(path(), "10.0.0.1 " + key("a") + "\n@revoked * " + key("a") + "\n");
    EXPECT_EQ(judge("a", "10.0.0.1"), HostKeyVerdict::revoked);
    EXPECT_EQ(judge("a", "10.0.0.2", 2222), HostKeyVerdict::revoked);
    EXPECT_EQ(judge("b", "10.0.0.2"), HostKeyVerdict::unknown);
}

TEST_F(KnownHosts, AuthorityIsSeenButIsNoHostKey) {
    write_text(path(), "@cert-authority *.example " + key("a") + "\n");
    EXPECT_EQ(judge("a", "zk1.example"), HostKeyVerdict::unknown);
    ASSERT_EQ(find("zk1.example").size(), 1U);
    EXPECT_EQ(find("zk1.example").front().use, KeyUse::authority);
}

TEST_F(KnownHosts, RevokedKeyIsRefusedEvenWhenAlsoListed) {
    write_text(path(), "@revoked 10.0.0.1 " + key("a") + "\n10.0.0.1 " + key("a") + "\n");
    EXPECT_EQ(judge("a", "10.0.0.1"), HostKeyVerdict::revoked);
    write_text(path(), "@revoked 10.0.0.1 " + key("a") + "\n");
    EXPECT_EQ(judge("b", "10.0.0.1"), HostKeyVerdict::unknown);
}

TEST_F(KnownHosts, LinesThatNobodyUnderstandsAreSteppedOver) {
    write_text(path(),
               "nonsense\n@cert-authority *.example " + key("b") +
                   "\n10.0.0.1 ssh-ed25519\n"
                   "10.0.0.1 " +
                   key("a") + "\n");
    EXPECT_EQ(judge("a", "10.0.0.1"), HostKeyVerdict::known);
}

TEST_F(KnownHosts, KnownTypesAreAskedForFirstAndRsaByItsNewSignatures) {
    make_key(dir_ / "r", "rsa", "-N '' -b 2048");
    write_text(path(), "10.0.0.1 " + key("r") + "\n10.0.0.2 " + key("c") + "\n");
    EXPECT_EQ(host_key_algorithms(find("10.0.0.1")),
              (std::vector<std::string>{"rsa-sha2-512",
                                        "rsa-sha2-256",
                                        "ssh-rsa",
                                        "ssh-ed25519",
                                        "ecdsa-sha2-nistp256",
                                        "ecdsa-sha2-nistp384",
                                        "ecdsa-sha2-nistp521"}));
    EXPECT_EQ(host_key_algorithms(find("10.0.0.2")).front(), "ecdsa-sha2-nistp256");
    EXPECT_EQ(host_key_algorithms({}).front(), "ssh-ed25519");
    write_text(path(), "@revoked 10.0.0.1 " + key("r") + "\n");
    EXPECT_EQ(host_key_algorithms(find("10.0.0.1")).front(), "ssh-ed25519");
}

TEST_F(KnownHosts, RememberedKeysAreReadBySshKeygenToo) {
    const std::string fresh = dir_ / "new/known_hosts";
    ASSERT_TRUE(
        remember_host_key(fresh, "[10.0.0.1]:2222", "ssh-ed25519", base64("a")).has_value());
    EXPECT_TRUE(test::shell("ssh-keygen -f " + fresh + " -F '[10.0.0.1]:2222'"));
    struct stat status {};
    ASSERT_EQ(::stat(fresh.c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 0777U, 0600U);
}

TEST_F(KnownHosts, RememberedKeyIsNotGluedToALastLineWithoutEnd) {
    write_text(path(), "10.0.0.1 " + key("a"));
    ASSERT_TRUE(remember_host_key(path(), "10.0.0.2", "ssh-ed25519", base64("b")).has_value());
    EXPECT_EQ(read_text(path()), "10.0.0.1 " + key("a") + "\n10.0.0.2 " + key("b") + "\n");
}

TEST_F(KnownHosts, ManyThreadsRememberWithoutLosingALine) {
    std::vector<std::thread> threads;
    for (int i = 0; i < 8; ++i) {
        threads.emplace_back([this, i] {
            const std::string name = "10.0.1." + std::to_string(i);
            EXPECT_TRUE(remember_host_key(path(), name, "ssh-ed25519", base64("a")).has_value());
        });
    }
    for (std::thread& thread : threads) thread.join();
    EXPECT_EQ(test::count_of(read_text(path()), "\n"), 8U);
}

TEST_F(KnownHosts, ReplacingTouchesOnlyThisHost) {
    write_text(path(),
               "# keep\nother,10.0.0.1 " + key("a") + " note\n10.0.0.1 " + key("c") +
                   "\n10.0.0.2 " + key("b") + "\n");
    ASSERT_TRUE(
        replace_host_key(session_, path(), "10.0.0.1", "ssh-ed25519", base64("b")).has_value());
    EXPECT_EQ(read_text(path()),
              "# keep\nother " + key("a") + " note\n10.0.0.2 " + key("b") + "\n10.0.0.1 " +
                  key("b") + "\n");
    EXPECT_EQ(judge("b", "10.0.0.1"), HostKeyVerdict::known);
    EXPECT_EQ(judge("a", "other"), HostKeyVerdict::known);
}

TEST_F(KnownHosts, ReplacingKeepsPatternsAndSymbolicLinks) {
    const std::string real = dir_ / "real";
    write_text(real, "10.0.0.* " + key("a") + "\n10.0.0.1 " + key("a") + "\n");
    ASSERT_EQ(::symlink(real.c_str(), path().c_str()), 0);
    ASSERT_TRUE(
        replace_host_key(session_, path(), "10.0.0.1", "ssh-ed25519", base64("b")).has_value());
    EXPECT_EQ(read_text(real), "10.0.0.* " + key("a") + "\n10.0.0.1 " + key("b") + "\n");
    EXPECT_EQ(judge("b", "10.0.0.1"), HostKeyVerdict::known);
    struct stat status {};
    ASSERT_EQ(::lstat(path().c_str(), &status), 0);
    EXPECT_TRUE(S_ISLNK(status.st_mode));
}

}  // namespace
}  // namespace zk::ssh
