// Links against a real sshd on loopback, and over a local pipe: keys, host keys, failures, cost.
#include <gtest/gtest.h>

#include "link_fixture.h"
#include "ssh/agent_link.h"

namespace zk::ssh {
namespace {

using test::make_key;
using test::read_text;
using test::receive;
using test::send;
using test::shell;
using test::soon;
using test::SshLink;
using test::TempDir;
using test::write_text;

// What both clients do alike: the same outcomes and the same kinds of error.
class EitherClient : public SshLink, public testing::WithParamInterface<SshClient> {
  protected:
    EitherClient() { options_.client = GetParam(); }
    bool by_openssh() const { return GetParam() == SshClient::openssh; }
    /// The words by which each of them tells a failure.
    std::string words(const std::string& libssh2, const std::string& openssh) const {
        return by_openssh() ? openssh : libssh2;
    }
};
INSTANTIATE_TEST_SUITE_P(,
                         EitherClient,
                         testing::Values(SshClient::libssh2, SshClient::openssh),
                         [](const auto& tested) -> std::string {
                             return tested.param == SshClient::libssh2 ? "libssh2" : "openssh";
                         });

TEST_P(EitherClient, OneConnectionAndOneChannelCarryEverything) {
    sshd_->clear_log();
    auto link = open();
    ASSERT_TRUE(link.has_value()) << link.error().words;
    EXPECT_TRUE((*link)->hello().pushed);
    for (const char* payload : {"one", "", "three"}) {
        ASSERT_TRUE(send(*link, payload, soon()).has_value());
        const auto echo = receive(*link, soon());
        ASSERT_TRUE(echo.has_value()) << echo.error().words;
        EXPECT_EQ(*echo, payload);
    }
    const LinkCounters counters = (*link)->counters();
    EXPECT_EQ(counters.connections, 1U);
    EXPECT_EQ(counters.channels, 1U);
    EXPECT_EQ(counters.frames_sent, 3U);
    EXPECT_EQ(counters.frames_received, 3U);
    EXPECT_GT(counters.bytes_sent, read_text(FAKE_AGENT).size());
    // Before encryption in the one case, on the wire in the other.
    EXPECT_GT(counters.bytes_received, by_openssh() ? 50U : 1000U);
    (*link)->close();
    EXPECT_EQ((*link)->counters().bytes_received >= counters.bytes_received, true);
    EXPECT_FALSE(send(*link, "late", soon()).has_value());
    ASSERT_TRUE(
        test::eventually([&] { return sshd_->log().find("disconnect") != std::string::npos; }));
    EXPECT_EQ(test::count_of(sshd_->log(), "Connection from"), 1U);
    EXPECT_EQ(test::count_of(sshd_->log(), "Starting session: command"), 1U);
}

TEST_P(EitherClient, SecondOpenSendsNoAgent) {
    expect_echo();
    auto link = open();
    ASSERT_TRUE(link.has_value()) << link.error().words;
    EXPECT_FALSE((*link)->hello().pushed);
    EXPECT_EQ((*link)->hello().uid, 0U);
    EXPECT_LT((*link)->counters().bytes_sent, 6000U);
}

TEST_P(EitherClient, LargeFramesPassBothWaysAtOnce) {
    auto link = open();
    ASSERT_TRUE(link.has_value()) << link.error().words;
    const std::string large(3 << 20, 'z');
    ASSERT_TRUE(send(*link, "babble", soon()).has_value());
    ASSERT_TRUE(send(*link, large, soon()).has_value());
    for (int i = 0; i < 8; ++i) {
        const auto frame = receive(*link, soon());
        ASSERT_TRUE(frame.has_value()) << frame.error().words;
        EXPECT_EQ(frame->size(), 1U << 20U);
    }
    const auto echo = receive(*link, soon());
    ASSERT_TRUE(echo.has_value()) << echo.error().words;
    EXPECT_EQ(*echo, large);
}

TEST_P(EitherClient, EveryKindOfKeyLogsIn) {
    const struct {
        const char* name;
        const char* type;
        const char* more;
    } kinds[] = {{"ec256", "ecdsa", "-b 256"},
                 {"ec384", "ecdsa", "-b 384"},
                 {"ec521", "ecdsa", "-b 521"},
                 {"rsa", "rsa", "-b 2048"},
                 {"rsa_pem", "rsa", "-b 3072 -m PEM"}};
    for (const auto& kind : kinds) {
        SCOPED_TRACE(kind.name);
        const std::string path = dir_ / kind.name;
        ASSERT_TRUE(make_key(path, kind.type, std::string("-N '' ") + kind.more));
        sshd_->authorize(path);
        options_.key_files = {path};
        expect_echo();
    }
}

TEST_P(EitherClient, AgentKeysLogInRsaIncluded) {
    const std::string socket = dir_ / "agent";
    const test::Child agent({"/usr/bin/ssh-agent", "-D", "-a", socket}, dir_ / "agent.log");
    ASSERT_TRUE(test::eventually([&] { return ::access(socket.c_str(), F_OK) == 0; }));
    options_.ssh_agent_socket = socket;
    options_.key_files.clear();
    for (const char* type : {"rsa", "ecdsa", "ed25519"}) {
        SCOPED_TRACE(type);
        const std::string path = dir_ / (std::string("agent_") + type);
        ASSERT_TRUE(make_key(path, type));
        ASSERT_TRUE(shell("SSH_AUTH_SOCK=" + socket + " ssh-add -D; SSH_AUTH_SOCK=" + socket +
                          " ssh-add " + path));
        sshd_->authorize(path);
        expect_echo();
    }
}

TEST_P(EitherClient, RefusedLoginListsWhatWasTried) {
    ASSERT_TRUE(make_key(dir_ / "stranger", "ed25519"));
    ASSERT_TRUE(make_key(dir_ / "stranger_rsa", "rsa"));
    options_.key_files = {dir_ / "stranger", dir_ / "stranger_rsa"};
    expect_failure(LinkErrc::login_refused,
                   words("stranger_rsa (ssh-rsa)", "Permission denied (publickey)"));
    expect_failure(LinkErrc::login_refused, "authorized_keys");
    // The second key is right: the first refusal does not end the login.
    options_.key_files = {dir_ / "stranger", dir_ / "id"};
    expect_echo();
}

TEST_P(EitherClient, TooManyKeysAreALoginRefusalAndNotALostHost) {
    options_.key_files.clear();
    for (int i = 0; i < 8; ++i) {
        options_.key_files.push_back(dir_ / ("k" + std::to_string(i)));
        ASSERT_TRUE(make_key(options_.key_files.back(), "ed25519"));
    }
    expect_failure(LinkErrc::login_refused,
                   words("too many keys", "Too many authentication failures"));
}

TEST_P(EitherClient, UnknownHostKeyIsRefusedAndAcceptedOnlyWhenTold) {
    write_text(options_.known_hosts_file, "");
    expect_failure(LinkErrc::host_key_unknown, "--accept-new-host-keys");
    EXPECT_EQ(read_text(options_.known_hosts_file), "");
    options_.new_host_keys = NewHostKeys::accept;
    expect_echo();
    EXPECT_EQ(test::count_of(read_text(options_.known_hosts_file), "\n"), 1U);
    options_.new_host_keys = NewHostKeys::refuse;
    expect_echo();
}

TEST_P(EitherClient, ChangedHostKeyIsNeverAcceptedAsNew) {
    shell("rm " + (dir_ / "host_ed25519") + "*");
    ASSERT_TRUE(make_key(dir_ / "host_ed25519", "ed25519"));
    sshd_->start("ed25519");
    host_.port = sshd_->port();
    const std::string before = read_text(options_.known_hosts_file);
    sshd_->clear_log();
    expect_failure(LinkErrc::host_key_changed, "HOST KEY CHANGED");
    options_.new_host_keys = NewHostKeys::accept;
    expect_failure(LinkErrc::host_key_changed, "SHA256:");
    EXPECT_EQ(read_text(options_.known_hosts_file), before);
    EXPECT_EQ(test::count_of(sshd_->log(), "Accepted publickey"), 0U);

    host_.replace_host_key = true;
    expect_echo();
    host_.replace_host_key = false;
    options_.new_host_keys = NewHostKeys::refuse;
    expect_echo();
    EXPECT_NE(read_text(options_.known_hosts_file), before);
}

TEST_P(EitherClient, HostKnownByAnotherTypeOfKeyIsNotAcceptedAsNew) {
    sshd_->start("ecdsa");
    host_.port = sshd_->port();
    options_.new_host_keys = NewHostKeys::accept;
    // ssh calls that changed, in all cases.
    expect_failure(by_openssh() ? LinkErrc::host_key_changed : LinkErrc::host_key_unknown,
                   words("another type", "HOST KEY CHANGED"));
    trust("ecdsa");
    expect_echo();
}

TEST_P(EitherClient, UnreachableHostsSayWhy) {
    sshd_->stop();
    expect_failure(LinkErrc::unreachable, "Connection refused");
    host_.address = "host.invalid";
    expect_failure(LinkErrc::unreachable, "host.invalid");
}

TEST_P(EitherClient, PortThatIsNotSshOrSaysNothingMeetsTheDeadline) {
    const int fd = ::socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    ASSERT_EQ(::bind(fd, reinterpret_cast<sockaddr*>(&address), size), 0);
    ASSERT_EQ(::listen(fd, 1), 0);
    ::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size);
    host_.port = ntohs(address.sin_port);
    options_.login_timeout = std::chrono::milliseconds(1000);
    expect_failure(LinkErrc::timeout, words("key exchange", "does not start SSH"));
    // The run's own deadline cuts every other time short.
    options_.login_timeout = std::chrono::hours(1);
    options_.deadline = deadline_in(std::chrono::milliseconds(1000));
    expect_failure(LinkErrc::timeout, words("key exchange", "in time"));
    ::close(fd);
}

TEST_P(EitherClient, AccountWithoutAShellIsToldApart) {
    host_.user = "nobody";
    expect_failure(LinkErrc::shell_refused, "login shell");
}

TEST_P(EitherClient, AgentsLastWordsAreInTheError) {
    auto link = open();
    ASSERT_TRUE(link.has_value()) << link.error().words;
    ASSERT_TRUE(send(*link, "fail", soon()).has_value());
    const auto end = receive(*link, soon());
    ASSERT_FALSE(end.has_value());
    EXPECT_EQ(link_errc(end.error()), LinkErrc::agent_failed) << end.error().words;
    EXPECT_NE(end.error().words.find("the disk is on fire"), std::string::npos)
        << end.error().words;
    EXPECT_NE(end.error().words.find("status 3"), std::string::npos) << end.error().words;
}

// What comes while libssh2 looks for words of stderr is in its queue, and the socket tells of nothing more.
TEST_P(EitherClient, AnAnswerThatComesWhileAnotherIsTakenIsNotWaitedForInVain) {
    auto link = open();
    ASSERT_TRUE(link.has_value()) << link.error().words;
    const auto all =
        deadline_in(std::chrono::seconds(30));  // one that is lost takes what is left of it
    for (int i = 0; i < 2000; ++i) {
        const std::string request = "twice " + std::to_string(i % 200);
        ASSERT_TRUE(send(*link, request, all).has_value());
        for (int answer = 0; answer < 2; ++answer) {
            const auto got = receive(*link, all);
            ASSERT_TRUE(got.has_value()) << request << ": " << got.error().words;
        }
    }
}

// The word that the host takes more comes at any moment, also while libssh2 looks for words of stdout and stderr.
TEST_P(EitherClient, RoomThatComesWhileWordsAreTakenIsNotWaitedForInVain) {
    auto link = open();
    ASSERT_TRUE(link.has_value()) << link.error().words;
    const auto all =
        deadline_in(std::chrono::seconds(300));  // a word that is lost takes what is left
    const std::string much = "sink " + std::string(1 << 20, 'x');
    for (int i = 0; i < 200; ++i) ASSERT_TRUE(send(*link, much, all).has_value()) << i;
    ASSERT_TRUE(send(*link, "all of it", all).has_value());
    const auto got = receive(*link, all);
    ASSERT_TRUE(got.has_value()) << got.error().words;
    EXPECT_EQ(*got, "all of it");
}

TEST_P(EitherClient, ReceiveTimesOutAndGoesOn) {
    auto link = open();
    ASSERT_TRUE(link.has_value()) << link.error().words;
    const auto nothing = receive(*link, deadline_in(std::chrono::milliseconds(30)));
    ASSERT_FALSE(nothing.has_value());
    EXPECT_EQ(link_errc(nothing.error()), LinkErrc::timeout);
    ASSERT_TRUE(send(*link, "still here", soon()).has_value());
    const auto echo = receive(*link, soon());
    ASSERT_TRUE(echo.has_value()) << echo.error().words;
    EXPECT_EQ(*echo, "still here");
}

TEST_P(EitherClient, ConnectionCutMidwayIsClosedNotAHang) {
    auto link = open();
    ASSERT_TRUE(link.has_value()) << link.error().words;
    // The session's sshd is the only child of the listening one.
    ASSERT_TRUE(shell("pkill -KILL -P " + std::to_string(sshd_->pid())));
    const auto end = receive(*link, soon());
    ASSERT_FALSE(end.has_value());
    EXPECT_EQ(link_errc(end.error()), LinkErrc::closed) << end.error().words;
}

TEST_P(EitherClient, UnsafeRemoteDirectoryIsRefusedBeforeConnecting) {
    options_.remote_dir = "/x'; reboot; '";
    sshd_->clear_log();
    const auto link = open();
    ASSERT_FALSE(link.has_value());
    EXPECT_EQ(sshd_->log(), "");
}

class OneTryLink : public EitherClient {
  protected:
    OneTryLink() { more_config_ = "ForceCommand /bin/false\n"; }
};
TEST_P(OneTryLink, ForcedCommandIsAShellThatRefuses) {
    expect_failure(LinkErrc::shell_refused, "login shell");
}

// What a real sshd makes of a host that lets a key in, but only to tell it something.
TEST_P(EitherClient, ForcedCommandOfTheKeyIsHeardAtOnce) {
    const std::string key = read_text(dir_ / "id.pub");
    write_text(dir_ / "authorized_keys",
               "no-port-forwarding,no-agent-forwarding,no-X11-forwarding,command=\"echo 'Please "
               "login as the user \\\"admin\\\" rather than the user \\\"root\\\".';echo;sleep "
               "120;exit 142\" " +
                   key);
    expect_failure(LinkErrc::shell_refused,
                   "it said: Please login as the user \"admin\" rather than the user \"root\".");
    expect_failure(LinkErrc::shell_refused, "ssh.user: admin");
    write_text(dir_ / "authorized_keys", "command=\"echo Backups only; exit 255\" " + key);
    // ssh ends with 255 of its own when it loses the connection.
    expect_failure(by_openssh() ? LinkErrc::closed : LinkErrc::shell_refused, "Backups only");
    write_text(dir_ / "authorized_keys", "command=\"echo Backups; echo only >&2; exit 7\" " + key);
    expect_failure(LinkErrc::shell_refused, "it said: Backups / only");
}

TEST_P(EitherClient, AgentThatTheHostDoesNotStartIsToldWithTheWayOut) {
    options_.agent_binary = dir_ / "no_program";
    write_text(options_.agent_binary, "#!/tmp\n", 0755);  // exec says: permission denied
    auto link = open();
    if (link.has_value()) {
        const auto end = receive(*link, soon());
        ASSERT_FALSE(end.has_value());
        link = end.error();
    }
    EXPECT_EQ(link_errc(link.error()), LinkErrc::agent_failed) << link.error().words;
    EXPECT_NE(link.error().words.find("ssh.agent_dir"), std::string::npos) << link.error().words;
    EXPECT_NE(link.error().words.find("ermission denied"), std::string::npos) << link.error().words;
}

class SecondFactor : public EitherClient {
  protected:
    SecondFactor() {
        more_config_ = "PasswordAuthentication yes\nAuthenticationMethods publickey,password\n";
    }
};
TEST_P(SecondFactor, ThatTheHostAsksForIsNamed) {
    if (by_openssh()) expect_failure(LinkErrc::login_refused, "asks for password");
    expect_failure(LinkErrc::login_refused, "second factor");
    expect_failure(LinkErrc::login_refused, "AuthenticationMethods");
    expect_failure(LinkErrc::login_refused, "ControlMaster");
    // A key that nobody knows is not told so.
    ASSERT_TRUE(make_key(dir_ / "stranger", "ed25519"));
    options_.key_files = {dir_ / "stranger"};
    const auto link = open();
    ASSERT_FALSE(link.has_value());
    EXPECT_EQ(link.error().words.find("second factor"), std::string::npos) << link.error().words;
}

INSTANTIATE_TEST_SUITE_P(, SecondFactor, testing::Values(SshClient::libssh2, SshClient::openssh));
INSTANTIATE_TEST_SUITE_P(, OneTryLink, testing::Values(SshClient::libssh2, SshClient::openssh));

class LocalLink : public testing::Test {
  protected:
    TempDir dir_;
    LocalTarget target_{"node 1 (local)", FAKE_AGENT, dir_ / "state"};
};

TEST_F(LocalLink, EchoesFrames) {
    auto link = open_local_link(target_);
    ASSERT_TRUE(link.has_value()) << link.error().words;
    const std::string large(3 << 20, 'q');
    ASSERT_TRUE(send(*link, large, soon()).has_value());
    const auto echo = receive(*link, soon());
    ASSERT_TRUE(echo.has_value()) << echo.error().words;
    EXPECT_EQ(*echo, large);
    EXPECT_EQ((*link)->counters().channels, 1U);
}

TEST_F(LocalLink, FailingAgentTellsItsLastWords) {
    auto link = open_local_link(target_);
    ASSERT_TRUE(link.has_value()) << link.error().words;
    ASSERT_TRUE(send(*link, "fail", soon()).has_value());
    const auto end = receive(*link, soon());
    ASSERT_FALSE(end.has_value());
    EXPECT_EQ(link_errc(end.error()), LinkErrc::agent_failed);
    EXPECT_NE(end.error().words.find("on fire"), std::string::npos) << end.error().words;
}

TEST_F(LocalLink, ClosingEndsAnAgentThatDoesNotListen) {
    auto link = open_local_link(target_);
    ASSERT_TRUE(link.has_value()) << link.error().words;
    ASSERT_TRUE(send(*link, "silence", soon()).has_value());
    (*link)->close();  // returns, though the agent sleeps for ever
}

TEST_F(LocalLink, MissingBinaryIsNamed) {
    target_.agent_binary = dir_ / "nothing";
    const auto link = open_local_link(target_);
    ASSERT_FALSE(link.has_value());
    EXPECT_EQ(link_errc(link.error()), LinkErrc::agent_missing);
}

}  // namespace
}  // namespace zk::ssh
