// What ssh says on stderr, as the kinds of error that both clients share. The texts are those of
// OpenSSH 9.2, shortened where they are long.
#include "ssh/openssh_error.h"

#include <gtest/gtest.h>

namespace zk::ssh {
namespace {

struct Case {
    const char* name;
    const char* said;
    LinkErrc kind;
    const char* word;
};
class OpensshError : public testing::TestWithParam<Case> {};

TEST_P(OpensshError, HasTheKindOfTheCause) {
    HostTarget host;
    host.name = "node 2 (10.0.0.2)";
    host.address = "10.0.0.2";
    host.user = "ops";
    const SshConfig config = {{"macs", {"hmac-a,hmac-b"}}, {"hostkeyalgorithms", {"ssh-x"}}};
    const Error error = openssh_error(host, GetParam().said, config);
    EXPECT_EQ(link_errc(error), GetParam().kind) << error.words;
    EXPECT_NE(error.words.find(GetParam().word), std::string::npos) << error.words;
    EXPECT_TRUE(error.words.starts_with("node 2 (10.0.0.2): ")) << error.words;
    EXPECT_EQ(error.words.find('\n'), std::string::npos) << error.words;
    EXPECT_EQ(error.words.find("@@@"), std::string::npos) << error.words;
}

INSTANTIATE_TEST_SUITE_P(
    ,
    OpensshError,
    testing::Values(
        Case{"changed",
             "@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@\r\n"
             "@    WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED!     @\r\n"
             "@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@\r\n"
             "IT IS POSSIBLE THAT SOMEONE IS DOING SOMETHING NASTY!\r\n"
             "The fingerprint for the ED25519 key sent by the remote host is\nSHA256:abc.\r\n"
             "Offending ED25519 key in /k:1\r\n"
             "Host key verification failed.\r\n",
             LinkErrc::host_key_changed,
             "SHA256:abc"},
        Case{
            "revoked",
            "@       WARNING: REVOKED HOST KEY DETECTED!               @\r\n"
            "The ED25519 host key for h is marked as revoked.\r\nHost key verification failed.\r\n",
            LinkErrc::host_key_changed,
            "@revoked"},
        Case{"unknown",
             "No ED25519 host key is known for [h]:2 and you have requested strict checking.\r\n"
             "Host key verification failed.\r\n",
             LinkErrc::host_key_unknown,
             "--accept-new-host-keys"},
        Case{"mac",
             "Unable to negotiate with 10.0.0.2 port 22: no matching MAC found. Their offer: "
             "hmac-c\r\n",
             LinkErrc::no_common_algorithm,
             "no MAC fits: the system's ssh offers hmac-a, hmac-b"},
        Case{"host_key_type",
             "Unable to negotiate with h port 22: no matching host key type found. Their offer: "
             "ssh-dss\r\n",
             LinkErrc::no_common_algorithm,
             "no host key fits: the system's ssh offers ssh-x"},
        Case{"denied",
             "ops@10.0.0.2: Permission denied (publickey).\r\n",
             LinkErrc::login_refused,
             "as ops"},
        Case{"second_factor",
             "ops@10.0.0.2: Permission denied (keyboard-interactive).\r\n",
             LinkErrc::login_refused,
             "asks for keyboard-interactive (a second factor"},
        Case{"too_many",
             "Received disconnect from h port 22:2: Too many authentication failures\r\n"
             "Disconnected from h port 22\r\n",
             LinkErrc::login_refused,
             "name the right key"},
        Case{"key_open_to_all",
             "Permissions 0644 for '/k' are too open.\r\nLoad key \"/k\": bad permissions\r\n"
             "ops@h: Permission denied (publickey).\r\n",
             LinkErrc::key_unusable,
             "/k"},
        Case{"a_key_aside_is_not_the_cause",
             "Load key \"/k\": error in libcrypto\r\n"
             "ssh: connect to host h port 22: Connection refused\r\n",
             LinkErrc::unreachable,
             "is sshd running?"},
        Case{"no_address",
             "ssh: Could not resolve hostname h: Name or service not known\r\n",
             LinkErrc::unreachable,
             "check it in the inventory"},
        Case{"refused",
             "ssh: connect to host h port 22: Connection refused\r\n",
             LinkErrc::unreachable,
             "is sshd running?"},
        Case{"timed_out",
             "ssh: connect to host h port 22: Connection timed out\r\n",
             LinkErrc::unreachable,
             "firewall"},
        Case{"no_route",
             "ssh: connect to host h port 22: No route to host\r\n",
             LinkErrc::unreachable,
             "the network"},
        Case{"silent_port",
             "Connection timed out during banner exchange\r\nConnection to h port 22 timed out\r\n",
             LinkErrc::timeout,
             "is it sshd"},
        Case{"behind_a_jump_host",
             "channel 0: open failed: connect failed: Connection refused\r\n"
             "stdio forwarding failed\r\nConnection closed by UNKNOWN port 65535\r\n",
             LinkErrc::unreachable,
             "is sshd running?"},
        Case{"jump_host_refuses_login",
             "ops@bastion: Permission denied (publickey).\r\n"
             "Connection closed by UNKNOWN port 65535\r\n",
             LinkErrc::login_refused,
             "bastion"},
        Case{"hung_up",
             "kex_exchange_identification: Connection closed by remote host\r\n"
             "Connection closed by 10.0.0.2 port 22\r\n",
             LinkErrc::unreachable,
             "sshd log"},
        Case{"bad_config",
             "/c: line 1: Bad configuration option: foo\r\n/c: terminating, 1 bad configuration "
             "options\r\n",
             LinkErrc::ssh_client,
             "ssh_config"},
        Case{"nothing_said", "", LinkErrc::unreachable, "it said nothing"},
        Case{"steering_bytes", "x\x1b[31m\r\n", LinkErrc::unreachable, "x?[31m"}),
    [](const auto& tested) { return std::string(tested.param.name); });

TEST(OpensshWords, LongOnesKeepTheirEnd) {
    const std::string words = openssh_words(std::string(5000, 'a') + "\nthe cause");
    EXPECT_LT(words.size(), 700U);
    EXPECT_TRUE(words.ends_with("the cause")) << words;
}

}  // namespace
}  // namespace zk::ssh
