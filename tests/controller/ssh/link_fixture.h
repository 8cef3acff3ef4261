// What the tests of links over a real sshd on loopback share: one host, its key, one way to expect
// a failure and one to expect an agent that answers.
#pragma once

#include <memory>
#include <sstream>
#include <string>

#include <gtest/gtest.h>

#include "ssh/agent_link.h"
#include "support.h"

namespace zk::ssh::test {

using agent_api::MessageType;

// The fake agent echoes raw frames, so the type does not matter.
inline Result<> send(const std::unique_ptr<AgentLink>& link,
                     ByteView payload,
                     LinkDeadline deadline) {
    return link->send(MessageType::blob_chunk, payload, deadline);
}
inline Result<Bytes> receive(const std::unique_ptr<AgentLink>& link, LinkDeadline deadline) {
    ZK_TRY(agent_api::Message message, link->receive(deadline));
    EXPECT_EQ(message.type, MessageType::blob_chunk);
    return std::move(message.payload);
}
inline LinkDeadline soon() { return deadline_in(std::chrono::seconds(15)); }

class SshLink : public testing::Test {
  protected:
    void SetUp() override {
        ZK_NEEDS_SSHD();
        sshd_ = std::make_unique<Sshd>(dir_, more_config_, before_sshd_);
        make_key(dir_ / "id", "ed25519");
        sshd_->authorize(dir_ / "id");
        host_.name = "node 2 (127.0.0.1)";
        host_.address = "127.0.0.1";
        host_.port = sshd_->port();
        options_.key_files = {dir_ / "id"};
        options_.known_hosts_file = dir_ / "known_hosts";
        options_.agent_binary = FAKE_AGENT;
        options_.remote_dir = dir_ / "remote";
        trust("ed25519");
    }
    void trust(const std::string& host_key) {
        std::istringstream words(read_text(dir_ / "host_" + host_key + ".pub"));
        std::string type;
        std::string base64;
        words >> type >> base64;
        write_text(
            options_.known_hosts_file,
            "[127.0.0.1]:" + std::to_string(sshd_->port()) + " " + type + " " + base64 + "\n");
    }
    Result<std::unique_ptr<AgentLink>> open() { return open_ssh_link(host_, options_); }
    void expect_failure(LinkErrc kind, const std::string& word) {
        const auto link = open();
        ASSERT_FALSE(link.has_value());
        EXPECT_EQ(link_errc(link.error()), kind) << link.error().words;
        EXPECT_NE(link.error().words.find(word), std::string::npos) << link.error().words;
        EXPECT_NE(link.error().words.find(host_.name), std::string::npos) << link.error().words;
    }
    void expect_echo(const std::string& payload = "hello") {
        auto link = open();
        ASSERT_TRUE(link.has_value()) << link.error().words;
        ASSERT_TRUE(send(*link, payload, soon()).has_value());
        const auto echo = receive(*link, soon());
        ASSERT_TRUE(echo.has_value()) << echo.error().words;
        EXPECT_EQ(*echo, payload);
    }

    std::string more_config_;
    std::vector<std::string> before_sshd_;
    TempDir dir_;
    std::unique_ptr<Sshd> sshd_;
    HostTarget host_;
    LinkOptions options_;
};

}  // namespace zk::ssh::test
