// What the inventory and the command line say of SSH, as the links take it; and what is said of it.
// No host is reached: the jump host is a port where nobody listens.
#include "phases/links.h"

#include <gtest/gtest.h>

namespace zk::phases {
namespace {

using inventory::Inventory;

Inventory read(const std::string& ssh) {
    inventory::Diagnostics diagnostics("i.yaml");
    const auto read = read_inventory("schema: zkprov/1\ncluster: demo\nssh: { port: 1, " + ssh +
                                         " }\nnodes: [ { id: 1-3, host: \"192.0.2.[1-3]\" } ]\n",
                                     "/",
                                     diagnostics);
    EXPECT_TRUE(read.has_value()) << diagnostics.format_all();
    return *read;
}

class Links : public testing::Test {
  protected:
    Links() {
        settings_.agent_path = "/proc/self/exe";
        settings_.working_dir = settings_.home = "/nonexistent";
        settings_.user = "ops";
        settings_.say = [this](const std::string& line) { said_.push_back(line); };
    }
    Error open_one(const OpenLink& open, const inventory::Node& node) {
        const auto link = open(node, deadline_in(std::chrono::seconds(60)));
        return link.has_value() ? Error() : link.error();
    }
    LinkSettings settings_;
    std::vector<std::string> said_;
};

TEST_F(Links, ReasonForTheSystemsSshIsSaidOnceForAllHosts) {
    const Inventory inventory = read("jump: \"127.0.0.1:1\"");
    const OpenLink open = link_opener(inventory, settings_);
    for (const inventory::Node& node : inventory.nodes) {
        const Error error = open_one(open, node);
        EXPECT_EQ(exit_code_of(error), ExitCode::unreachable) << error.words;
        EXPECT_TRUE(error.words.starts_with(name_of(node))) << error.words;
    }
    ASSERT_EQ(said_.size(), 1U);
    EXPECT_EQ(said_.front(),
              "node 1 (192.0.2.1): reached by the system's ssh, as is each host like it: the "
              "inventory names a jump host");
}

TEST_F(Links, NothingIsSaidOfWhatTheInventoryAsksForByName) {
    const Inventory inventory = read("jump: \"127.0.0.1:1\", client: openssh");
    const OpenLink open = link_opener(inventory, settings_);
    EXPECT_EQ(exit_code_of(open_one(open, inventory.nodes[0])), ExitCode::unreachable);
    EXPECT_TRUE(said_.empty());
}

TEST_F(Links, CommandLineComesBeforeTheInventory) {
    const Inventory inventory = read("jump: \"127.0.0.1:1\", client: openssh");
    settings_.ssh_client = inventory::SshClient::libssh2;
    const Error error = open_one(link_opener(inventory, settings_), inventory.nodes[0]);
    EXPECT_EQ(link_errc(error), LinkErrc::ssh_client) << error.words;
    EXPECT_EQ(exit_code_of(error), ExitCode::invalid);
}

TEST(LinkExitCodes, OfTheKindsThatTheTwoClientsTellApart) {
    EXPECT_EQ(exit_code_of(link_error(LinkErrc::no_common_algorithm, "")), ExitCode::unreachable);
    EXPECT_EQ(exit_code_of(link_error(LinkErrc::host_key_unverifiable, "")), ExitCode::login);
    EXPECT_EQ(exit_code_of(link_error(LinkErrc::ssh_client, "")), ExitCode::invalid);
}

}  // namespace
}  // namespace zk::phases
