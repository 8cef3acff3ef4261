// What of ssh_config makes the system's ssh necessary, and what does not.
#include "ssh/ssh_config.h"

#include <gtest/gtest.h>

#include "ssh/openssh.h"

namespace zk::ssh {
namespace {

using Words = std::vector<std::string>;

constexpr const char* kPlain =
    "host h\nuser ops\nhostname h\nport 22\ncontrolmaster false\nidentityfile ~/.ssh/id_rsa\n"
    "identityfile ~/.ssh/id_ed25519\nmacs a,b\nsendenv LANG\n";

Words asked(const std::string& lines) {
    return keywords_asked(parse_ssh_config(lines), parse_ssh_config(kPlain));
}

TEST(SshConfigAsks, NothingWhereNothingDiffers) { EXPECT_EQ(asked(kPlain), Words()); }

TEST(SshConfigAsks, WhatChangesHowTheHostIsReached) {
    EXPECT_EQ(asked(std::string(kPlain) + "proxyjump bastion\n"), Words{"ProxyJump"});
    EXPECT_EQ(asked(std::string(kPlain) + "proxycommand nc %h %p\n"), Words{"ProxyCommand"});
    EXPECT_EQ(asked(std::string(kPlain) + "certificatefile /c\npkcs11provider /p\n"),
              (Words{"CertificateFile", "PKCS11Provider"}));
    EXPECT_EQ(asked(std::string(kPlain) + "identityfile /mine\n"), Words{"IdentityFile"});
    std::string other = kPlain;
    other.replace(other.find("hostname h"), 10, "hostname 10.0.0.1");
    EXPECT_EQ(asked(other), Words{"HostName"});
}

TEST(SshConfigAsks, WhatMakesNoDifferenceToUsIsPassedOver) {
    EXPECT_EQ(asked(std::string(kPlain) + "sendenv LC_*\nhashknownhosts yes\n"
                                          "gssapiauthentication yes\nserveraliveinterval 30\n"),
              Words());
}

TEST(SshConfigAsks, ValuesAndOffersAreRead) {
    const SshConfig config = parse_ssh_config("proxyjump none\nport 2222\nciphers x,y\nempty\n");
    EXPECT_EQ(config_value(config, "proxyjump"), "");
    EXPECT_EQ(config_value(config, "port"), "2222");
    EXPECT_EQ(config_value(config, "missing"), "");
    EXPECT_EQ(offer_of(config, "cipher"), "x, y");
}

// Debian's own file must not cost a process for each host.
TEST(SshConfigText, MayAskOnlyWithAKeywordThatCounts) {
    const std::string debian =
        "# ProxyJump x\nInclude /etc/ssh/ssh_config.d/*.conf\n\nHost *\n#   Port 22\n"
        "    SendEnv LANG LC_*\n    HashKnownHosts yes\n    GSSAPIAuthentication yes\n";
    EXPECT_FALSE(may_ask(debian, false));
    EXPECT_TRUE(may_ask(debian, true));
    EXPECT_FALSE(may_ask("", true));
    EXPECT_TRUE(may_ask("Host db\n\tproxyjump=bastion\n", false));
    EXPECT_TRUE(may_ask("USER ops\r\n", false));
    EXPECT_FALSE(may_ask("Host user\n", false));
}

class OpensshArguments : public testing::Test {
  protected:
    OpensshArguments() {
        host_.name = "node 1";
        host_.address = "10.0.0.1";
        host_.port = 2222;
        host_.user = "ops";
        options_.ssh_agent_socket = default_agent_socket();
    }
    std::string line(const SshConfig& config = {}) const {
        std::string text;
        for (const auto& word : openssh_arguments("/usr/bin/ssh", host_, options_, config, "run")) {
            text += word + ' ';
        }
        return text;
    }
    static bool has(const std::string& text, const std::string& part) {
        return text.find(part) != std::string::npos;
    }
    HostTarget host_;
    LinkOptions options_;
};

TEST_F(OpensshArguments, SayWhatTheInventorySays) {
    options_.key_files = {"/a key"};
    options_.known_hosts_file = "/k%h";
    host_.jump = "me@bastion:1";
    const std::string text = line();
    EXPECT_TRUE(text.starts_with("/usr/bin/ssh -p 2222 -l ops -J me@bastion:1 ")) << text;
    EXPECT_TRUE(has(text, "-o IdentityFile=\"/a key\" -o IdentitiesOnly=yes ")) << text;
    EXPECT_TRUE(has(text, "UserKnownHostsFile=\"/k%%h\" -o GlobalKnownHostsFile=/dev/null"))
        << text;
    EXPECT_TRUE(text.ends_with(" -- 10.0.0.1 run ")) << text;
}

TEST_F(OpensshArguments, LeaveToSshConfigWhatTheInventoryLeavesOut) {
    host_.port_given = host_.user_given = false;
    const std::string text = line();
    EXPECT_TRUE(text.starts_with("/usr/bin/ssh -T -a -x ")) << text;
    EXPECT_FALSE(has(text, "IdentitiesOnly")) << text;
    EXPECT_FALSE(has(text, "KnownHostsFile")) << text;
    const HostTarget found =
        with_ssh_config(host_, parse_ssh_config("user root\nport 77\nhostname x\n"));
    EXPECT_EQ(found.user, "root");
    EXPECT_EQ(found.port, 77);
    host_.port_given = host_.user_given = true;
    EXPECT_EQ(with_ssh_config(host_, parse_ssh_config("user root\nport 77\n")).port, 2222);
}

TEST_F(OpensshArguments, InsistOnHostKeysAndAskNobody) {
    EXPECT_TRUE(has(line(), "-o BatchMode=yes -o StrictHostKeyChecking=yes ")) << line();
    options_.new_host_keys = NewHostKeys::accept;
    EXPECT_TRUE(has(line(), "StrictHostKeyChecking=accept-new ")) << line();
    EXPECT_FALSE(has(line(), "StrictHostKeyChecking=no")) << line();
}

TEST_F(OpensshArguments, UndoWhatWouldKeepOurCommandFromRunning) {
    EXPECT_FALSE(has(line(), "RemoteCommand")) << "older ssh does not know it";
    const SshConfig config =
        parse_ssh_config("remotecommand tmux\nstdinnull yes\nsessiontype none\nproxyjump b\n");
    const std::string text = line(config);
    EXPECT_TRUE(has(text, "RemoteCommand=none -o StdinNull=no -o SessionType=default")) << text;
    EXPECT_FALSE(has(text, "ConnectTimeout")) << "it would bound the login at the jump host";
    EXPECT_TRUE(has(line(), "ConnectTimeout=5 ")) << line();
    EXPECT_TRUE(has(line(), "LogLevel=INFO ")) << line();
    EXPECT_TRUE(has(line({{"logverbose", {"none"}}}), "LogLevel=ERROR -o LogVerbose=packet.c:"));
}

}  // namespace
}  // namespace zk::ssh
