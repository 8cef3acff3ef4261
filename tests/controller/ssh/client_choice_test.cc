// Which of the two SSH clients reaches a host: real sshds on loopback that libssh2 does not fit, or
// that only ssh_config, certificates or a jump host lead to.
#include <gtest/gtest.h>

#include "link_fixture.h"
#include "ssh/agent_link.h"

namespace zk::ssh {
namespace {

using test::count_of;
using test::make_key;
using test::read_text;
using test::shell;
using test::Sshd;
using test::SshLink;
using test::TempDir;
using test::write_text;

class ClientChoice : public SshLink {
  protected:
    void SetUp() override {
        SshLink::SetUp();
        options_.on_openssh = [this](const HostTarget&, const std::string& why) {
            reasons_.push_back(why);
        };
    }
    /// Restarts sshd with more lines of configuration.
    void harden(const std::string& lines, const std::string& host_keys = "ed25519") {
        sshd_->configure(lines);
        sshd_->start(host_keys);
        host_.port = sshd_->port();
        trust("ed25519");
    }
    /// The host is reached by the system's ssh, for a reason with this word.
    void expect_switch(const std::string& word) {
        expect_echo();
        ASSERT_EQ(reasons_.size(), 1U);
        EXPECT_NE(reasons_.front().find(word), std::string::npos) << reasons_.front();
        EXPECT_EQ(reasons_.front().find(host_.name), std::string::npos) << reasons_.front();
    }
    void configure_ssh(const std::string& text) {
        options_.ssh_config_file = dir_ / "ssh_config";
        write_text(options_.ssh_config_file, text);
    }

    std::vector<std::string> reasons_;
};

constexpr const char* kEtmOnly =
    "MACs hmac-sha2-512-etm@openssh.com,hmac-sha2-256-etm@openssh.com\nCiphers aes256-ctr\n";

TEST_F(ClientChoice, WhereLibssh2FitsNothingIsSaid) {
    expect_echo();
    EXPECT_TRUE(reasons_.empty()) << reasons_.front();
    // ssh_config that asks for nothing makes no difference.
    configure_ssh("Host *\n  SendEnv LANG\n  ServerAliveInterval 7\n");
    expect_echo();
    EXPECT_TRUE(reasons_.empty()) << reasons_.front();
}

TEST_F(ClientChoice, HostThatTakesEncryptThenMacOnlyIsReached) {
    harden(kEtmOnly);
    expect_switch("no MAC fits");
}

TEST_F(ClientChoice, HostThatTakesAeadCiphersOnlyIsReached) {
    harden("Ciphers chacha20-poly1305@openssh.com,aes256-gcm@openssh.com\n");
    expect_switch("no cipher fits");
}

TEST_F(ClientChoice, HostThatTakesSntrupOnlyIsReached) {
    harden("KexAlgorithms sntrup761x25519-sha512@openssh.com\n");
    expect_switch("no key exchange fits");
}

TEST_F(ClientChoice, HostKnownByItsRsaKeyThatHasAnEd25519KeyTooIsReached) {
    ASSERT_TRUE(make_key(dir_ / "host_rsa", "rsa"));
    harden("", "ed25519 rsa");
    trust("rsa");
    expect_switch("RSA key");
    // Not by learning the other key.
    EXPECT_EQ(count_of(read_text(options_.known_hosts_file), "\n"), 1U);
    options_.client = SshClient::libssh2;
    expect_failure(LinkErrc::host_key_unverifiable, "ssh.client");
}

TEST_F(ClientChoice, HostWithAnRsaKeyAloneIsReached) {
    ASSERT_TRUE(make_key(dir_ / "host_rsa", "rsa"));
    harden("", "rsa");
    trust("rsa");
    expect_switch("no host key fits");
    // The same when it is to be learnt first.
    write_text(options_.known_hosts_file, "");
    expect_failure(LinkErrc::host_key_unknown, "--accept-new-host-keys");
    options_.new_host_keys = NewHostKeys::accept;
    expect_echo();
    EXPECT_EQ(count_of(read_text(options_.known_hosts_file), "ssh-rsa"), 1U);
}

TEST_F(ClientChoice, HardenedHostIsStillCheckedStrictly) {
    harden(kEtmOnly);
    write_text(options_.known_hosts_file, "");
    expect_failure(LinkErrc::host_key_unknown, "--accept-new-host-keys");
    EXPECT_EQ(read_text(options_.known_hosts_file), "");
    ASSERT_TRUE(make_key(dir_ / "another", "ed25519"));
    write_text(options_.known_hosts_file,
               "[127.0.0.1]:" + std::to_string(host_.port) + " " + read_text(dir_ / "another.pub"));
    options_.new_host_keys = NewHostKeys::accept;
    expect_failure(LinkErrc::host_key_changed, "HOST KEY CHANGED");
    EXPECT_EQ(count_of(sshd_->log(), "Accepted publickey"), 0U);
}

TEST_F(ClientChoice, Libssh2AloneTellsBothOffersAndTheWayOut) {
    harden(kEtmOnly);
    options_.client = SshClient::libssh2;
    expect_failure(LinkErrc::no_common_algorithm, "no MAC fits: libssh2 offers hmac-sha2-");
    expect_failure(LinkErrc::no_common_algorithm,
                   "the host offers hmac-sha2-512-etm@openssh.com, hmac-sha2-256-etm@openssh.com");
    expect_failure(LinkErrc::no_common_algorithm, "set ssh.client: auto or openssh");
    options_.client = SshClient::automatic;
    options_.ssh_program = dir_ / "no-ssh";
    expect_failure(LinkErrc::no_common_algorithm, "openssh-client");
    options_.client = SshClient::openssh;
    expect_failure(LinkErrc::ssh_client, "openssh-client");
    EXPECT_TRUE(reasons_.empty());
}

TEST_F(ClientChoice, WhereNeitherFitsBothOffersAreTold) {
    harden("MACs hmac-md5-96-etm@openssh.com\nCiphers aes256-ctr\n");
    expect_failure(LinkErrc::no_common_algorithm, "libssh2 offers hmac-sha2-");
    expect_failure(LinkErrc::no_common_algorithm, "the system's ssh offers umac-64-etm");
    expect_failure(LinkErrc::no_common_algorithm, "the host offers hmac-md5-96-etm@openssh.com");
}

TEST_F(ClientChoice, CertificatesOfUsersAndHostsAreTaken) {
    ASSERT_TRUE(make_key(dir_ / "authority", "ed25519"));
    ASSERT_TRUE(make_key(dir_ / "certified", "ed25519"));
    ASSERT_TRUE(shell("ssh-keygen -s " + (dir_ / "authority") + " -I me -n root " +
                      (dir_ / "certified.pub")));
    ASSERT_TRUE(shell("ssh-keygen -h -s " + (dir_ / "authority") + " -I it -n 127.0.0.1 " +
                      (dir_ / "host_ed25519.pub")));
    harden("TrustedUserCAKeys " + (dir_ / "authority.pub") + "\nHostCertificate " +
           (dir_ / "host_ed25519-cert.pub") + "\n");
    // The host's: known by its authority alone.
    write_text(options_.known_hosts_file,
               "@cert-authority [127.0.0.1]:" + std::to_string(host_.port) + " " +
                   read_text(dir_ / "authority.pub"));
    expect_switch("authority");
    // The user's: its key is nowhere authorized.
    trust("ed25519");
    reasons_.clear();
    options_.key_files = {dir_ / "certified"};
    expect_switch("has a certificate");
}

TEST_F(ClientChoice, BrokenSshConfigIsNamed) {
    configure_ssh("NoSuchOption yes\n");
    expect_failure(LinkErrc::ssh_client, "nosuchoption");
    options_.client = SshClient::libssh2;
    expect_echo();
}

TEST_F(ClientChoice, SshConfigCanNeitherHinderOurCommandNorLoosenTheCheck) {
    configure_ssh(
        "RemoteCommand tmux\nRequestTTY force\nStdinNull yes\nSessionType none\n"
        "ForkAfterAuthentication yes\nLogLevel QUIET\nBatchMode no\nStrictHostKeyChecking no\n"
        "LocalForward 1 h:1\nPermitLocalCommand yes\nLocalCommand false\n");
    options_.client = SshClient::openssh;
    expect_echo();
    write_text(options_.known_hosts_file, "");
    expect_failure(LinkErrc::host_key_unknown, "--accept-new-host-keys");
    EXPECT_EQ(read_text(options_.known_hosts_file), "");
}

TEST_F(ClientChoice, GreetingOfTheHostIsNotTakenForTheAgentsWords) {
    write_text(dir_ / "banner", "GREETING\n");
    harden("Banner " + (dir_ / "banner") + "\n");
    options_.client = SshClient::openssh;
    auto link = open();
    ASSERT_TRUE(link.has_value()) << link.error().words;
    ASSERT_TRUE(test::send(*link, "fail", test::soon()).has_value());
    const auto end = test::receive(*link, test::soon());
    ASSERT_FALSE(end.has_value());
    EXPECT_EQ(link_errc(end.error()), LinkErrc::agent_failed) << end.error().words;
    EXPECT_NE(end.error().words.find("on fire"), std::string::npos) << end.error().words;
    EXPECT_EQ(end.error().words.find("GREETING"), std::string::npos) << end.error().words;
}

TEST_F(ClientChoice, ControlMasterOfTheUserIsUsed) {
    const std::string socket = dir_ / "master";
    configure_ssh("ControlMaster auto\nControlPersist 60\nControlPath " + socket + "\n");
    sshd_->clear_log();
    expect_switch("ControlMaster, ControlPath");
    expect_echo("again");
    EXPECT_EQ(count_of(sshd_->log(), "Connection from"), 1U);
    EXPECT_TRUE(shell("ssh -F " + options_.ssh_config_file + " -O exit 127.0.0.1"));
}

// The host is "behind" a second sshd, and ssh_config knows the way.
class JumpHost : public ClientChoice {
  protected:
    void SetUp() override {
        ClientChoice::SetUp();
        if (IsSkipped()) return;
        bastion_ = std::make_unique<Sshd>(bastion_dir_);
        bastion_->authorize(dir_ / "id");
        host_.address = "behind";
        host_.port_given = false;
        know_bastion();
        configure("  ProxyJump bastion\n");
    }
    void know_bastion() {
        write_text(bastion_dir_ / "known_hosts",
                   "[127.0.0.1]:" + std::to_string(bastion_->port()) + " " +
                       read_text(bastion_dir_ / "host_ed25519.pub"));
    }
    void configure(const std::string& way) {
        configure_ssh("Host behind\n  HostName 127.0.0.1\n  Port " + std::to_string(sshd_->port()) +
                      "\n" + way + "Host bastion\n  HostName 127.0.0.1\n  User root\n  Port " +
                      std::to_string(bastion_->port()) + "\n  IdentityFile " + (dir_ / "id") +
                      "\n  UserKnownHostsFile " + (bastion_dir_ / "known_hosts") + "\n");
    }
    void expect_one_way_through() const {
        EXPECT_EQ(count_of(bastion_->log(), "Accepted publickey"), 1U);
        EXPECT_EQ(count_of(sshd_->log(), "Connection from"), 1U);
        EXPECT_EQ(count_of(sshd_->log(), "Starting session: command"), 1U);
    }

    TempDir bastion_dir_;
    std::unique_ptr<Sshd> bastion_;
};

TEST_F(JumpHost, OfSshConfigIsTaken) {
    sshd_->clear_log();
    expect_switch("ssh_config sets HostName, Port, ProxyJump");
    expect_one_way_through();
}

TEST_F(JumpHost, OfTheInventoryIsTaken) {
    configure("");
    host_.jump = "bastion";
    sshd_->clear_log();
    expect_switch("jump host");
    expect_one_way_through();
    options_.client = SshClient::libssh2;
    expect_failure(LinkErrc::ssh_client, "jump hosts");
}

TEST_F(JumpHost, ThatIsNotKnownIsRefusedWithoutAQuestion) {
    write_text(bastion_dir_ / "known_hosts", "");
    expect_failure(LinkErrc::host_key_unknown, "jump host");
    EXPECT_EQ(count_of(bastion_->log(), "Accepted publickey"), 0U);
}

TEST_F(JumpHost, ThatRefusesTheLoginIsTold) {
    write_text(bastion_dir_ / "authorized_keys", "");
    expect_failure(LinkErrc::login_refused, "Permission denied");
}

TEST_F(JumpHost, HostBehindItThatDoesNotListenIsUnreachable) {
    sshd_->stop();
    expect_failure(LinkErrc::unreachable, "Connection refused");
}

TEST_F(JumpHost, HostBehindItIsCheckedStrictly) {
    write_text(options_.known_hosts_file, "");
    expect_failure(LinkErrc::host_key_unknown, "--accept-new-host-keys");
}

}  // namespace
}  // namespace zk::ssh
