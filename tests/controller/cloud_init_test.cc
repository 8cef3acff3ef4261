#include "cloud_init/cloud_init.h"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <unistd.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <zlib.h>

#include "base/base64.h"
#include "cloud_init/gzip.h"
#include "inventory/render.h"

namespace zk::cloud_init {
namespace {

using inventory::Diagnostics;
using inventory::Inventory;
using inventory::Value;
using testing::HasSubstr;
using testing::Not;

Inventory read(const std::string& text) {
    Diagnostics diagnostics("i.yaml");
    auto inventory = inventory::read_inventory(text, "/w", diagnostics);
    EXPECT_EQ(diagnostics.format_all(), "") << text;
    return inventory.value_or(Inventory{});
}
Inventory three() {
    return read(
        "schema: zkprov/1\ncluster: demo\n"
        "ssh: {user: ops, key: ~/.ssh/id_bastion}\n"
        "nodes: [{id: 1-3, host: \"192.168.6.[137-139]\"}]\n");
}
Wanted from_image() { return {InImage{"/opt/zkprov/bundle.tar"}, {}, {}}; }
Wanted from_url() {
    return {FromUrl{"https://files.example/zkprov.tar", std::string(64, 'a')}, {}, {}};
}
std::string good(const Inventory& inventory, const Wanted& wanted) {
    const auto text = user_data(inventory, wanted);
    EXPECT_TRUE(text.has_value()) << text.error().words;
    return text.has_value() ? *text : "";
}
std::string bad(const Inventory& inventory, const Wanted& wanted) {
    const auto text = user_data(inventory, wanted);
    EXPECT_FALSE(text.has_value());
    return text.has_value() ? "" : text.error().words;
}

/// The user-data read back by the inventory's YAML reader, which knows nothing of how it was written.
Value parsed(const std::string& text) {
    Diagnostics diagnostics("user-data");
    Value value = inventory::parse_yaml(text, diagnostics);
    EXPECT_EQ(diagnostics.format_all(), "");
    return value;
}
const Value& member(const Value& map, const std::string& key) {
    static const Value kNothing;
    const auto found = std::ranges::find(map.entries, key, &Value::Entry::key);
    EXPECT_NE(found, map.entries.end()) << key;
    return found == map.entries.end() ? kNothing : found->value;
}
std::string content_of(const std::string& text, std::size_t index) {
    const Value files = member(parsed(text), "write_files");
    EXPECT_GT(files.items.size(), index);
    return index < files.items.size() ? member(files.items[index], "content").scalar : "";
}
int sh_reads(const std::string& script) {
    std::string name =
        (std::filesystem::temp_directory_path() / "zkprov-first-boot-XXXXXX").string();
    const int made = mkstemp(name.data());
    EXPECT_GE(made, 0);
    close(made);
    std::ofstream(name) << script;
    const int ended = std::system(("sh -n " + name).c_str());  // NOLINT(cert-env33-c)
    std::filesystem::remove(name);
    return ended;
}

TEST(CloudInit, TheWholeTextForAnImage) {
    EXPECT_EQ(good(read("schema: zkprov/1\ncluster: one\nnodes: [{id: 7, host: 192.168.6.137}]\n"),
                   from_image()),
              R"(#cloud-config
# one, the same for all servers. Written by zkprov cloud-init.
write_files:
  - path: /etc/zkprov/inventory.yaml
    permissions: "0644"
    content: |
      # one, as its nodes read it. Written by zkprov cloud-init.
      schema: zkprov/1
      cluster: "one"
      nodes:
        - id: 7
          host: "192.168.6.137"
          client_port: 2181
          peer_port: 2888
          election_port: 3888
          install_dir: "/usr/local/zookeeper"
          data_dir: "/usr/local/zookeeper/data"
          log_dir: "/usr/local/zookeeper/logs"
  - path: /etc/zkprov/first-boot.sh
    permissions: "0755"
    content: |
      #!/bin/sh
      # Puts zkprov's programs on this host. Written by zkprov cloud-init.
      set -eu
      fail() {
          echo "zkprov first boot: $1" >&2
          exit 1
      }
      work=$(mktemp -d)
      trap 'rm -rf "$work"' EXIT
      bundle='/opt/zkprov/bundle.tar'
      [ -f "$bundle" ] || fail "$bundle is missing"
      mkdir "$work/b"
      tar -xf "$bundle" -C "$work/b" || fail "$bundle is no bundle"
      sh "$work/b/install.sh"
runcmd:
  - "sh /etc/zkprov/first-boot.sh && /usr/local/lib/zkprov/zkprov-agent join --inventory /etc/zkprov/inventory.yaml"
)");
}

TEST(CloudInit, NodesReadTheSameNodesAsTheController) {
    const Inventory inventory = read(
        "schema: zkprov/1\ncluster: \"7\"\n"
        "ssh: {user: ops, jump: ops@bastion}\n"
        "server: {data_dir: /srv/zk, config: {tickTime: 3000, maxClientCnxns: \"60\"}}\n"
        "agent: {http: {listen: 0.0.0.0, port: 9280}}\n"
        "nodes:\n"
        "  - {id: 3, host: 192.168.6.139, client_port: 2182, agent: {http: {listen: \"off\"}}}\n"
        "  - {id: 1, host: zk1.example, config: {tickTime: 2500}}\n"
        "  - {id: 2, host: \"fd00::138\", ssh: {host: 10.0.0.2}}\n");
    const Inventory again = read(content_of(good(inventory, from_image()), 0));
    ASSERT_EQ(again.nodes.size(), 3U);
    EXPECT_EQ(again.cluster, inventory.cluster);
    EXPECT_EQ(members_digest(again), members_digest(inventory));
    const agent_api::ReleaseSpec release{"0.1.0-12345678", std::string(64, 'a'), 1000};
    for (std::size_t i = 0; i < 3; ++i) {
        const auto theirs = render_node(again, again.nodes[i], release, "g-1");
        const auto ours = render_node(inventory, inventory.nodes[i], release, "g-1");
        ASSERT_TRUE(theirs.has_value() && ours.has_value());
        EXPECT_EQ(agent_api::to_json(*theirs), agent_api::to_json(*ours));
        EXPECT_EQ(again.nodes[i].ssh.user, "");
        EXPECT_EQ(again.nodes[i].ssh.jump, "");
    }
}

TEST(CloudInit, NothingOfHowToLogInGoesToNodes) {
    const std::string text = good(three(), from_image());
    EXPECT_THAT(text, Not(HasSubstr("ssh")));
    EXPECT_THAT(text, Not(HasSubstr("bastion")));
    EXPECT_THAT(text, Not(HasSubstr("ops")));
}

TEST(CloudInit, OneNodeIsNamedOnlyWhenAsked) {
    Wanted wanted = from_image();
    EXPECT_THAT(good(three(), wanted), Not(HasSubstr("--node")));
    wanted.node = ServerId(2);
    const std::string text = good(three(), wanted);
    EXPECT_THAT(text, HasSubstr(" --node 2\"\n"));
    EXPECT_THAT(text, HasSubstr("# demo, server 2."));
    wanted.node = ServerId(4);
    EXPECT_EQ(bad(three(), wanted), "there is no node 4");
}

TEST(CloudInit, FetchedBundlesAreCheckedBeforeTheyAreUnpacked) {
    const std::string script = content_of(good(three(), from_url()), 1);
    const std::size_t checked = script.find("sha256sum -c");
    EXPECT_NE(checked, std::string::npos);
    EXPECT_LT(checked, script.find("tar -xf"));
    EXPECT_THAT(script, HasSubstr("echo \"" + std::string(64, 'a') + "  $bundle\""));
    EXPECT_EQ(sh_reads(script), 0);
}

TEST(CloudInit, QuotesCannotEndAWord) {
    Wanted wanted{InImage{"/opt/it's;rm\"$(x)`.tar"}, {}, "https://home.example/a?b='c'&d=\"e\\"};
    const std::string text = good(three(), wanted);
    const std::string script = content_of(text, 1);
    EXPECT_THAT(script, HasSubstr(R"(bundle='/opt/it'\''s;rm"$(x)`.tar')"));
    EXPECT_EQ(sh_reads(script), 0);
    const Value commands = member(parsed(text), "runcmd");
    ASSERT_EQ(commands.items.size(), 1U);
    EXPECT_THAT(commands.items[0].scalar,
                testing::EndsWith(R"( --phone-home 'https://home.example/a?b='\''c'\''&d="e\')"));
    EXPECT_EQ(sh_reads(commands.items[0].scalar), 0);
}

TEST(CloudInit, AnEmbeddedBundleComesBack) {
    Bytes bundle;
    for (int i = 0; i < 200000; ++i) bundle += static_cast<char>(i ^ (i >> 5));
    const std::string text = good(three(), {Embedded{bundle}, {}, {}});
    EXPECT_EQ(text, good(three(), {Embedded{bundle}, {}, {}}));
    const Value files = member(parsed(text), "write_files");
    ASSERT_EQ(files.items.size(), 3U);
    EXPECT_EQ(member(files.items[2], "encoding").scalar, "gz+b64");
    EXPECT_THAT(content_of(text, 1),
                HasSubstr("bundle='" + member(files.items[2], "path").scalar + "'"));
    const auto packed = decode_base64(member(files.items[2], "content").scalar);
    ASSERT_TRUE(packed.has_value());
    Bytes unpacked(bundle.size() + 1, '\0');
    z_stream stream{};
    ASSERT_EQ(inflateInit2(&stream, 15 + 16), Z_OK);
    Bytes in = *packed;
    stream.next_in = reinterpret_cast<Bytef*>(in.data());
    stream.avail_in = static_cast<uInt>(in.size());
    stream.next_out = reinterpret_cast<Bytef*>(unpacked.data());
    stream.avail_out = static_cast<uInt>(unpacked.size());
    EXPECT_EQ(inflate(&stream, Z_FINISH), Z_STREAM_END);
    unpacked.resize(unpacked.size() - stream.avail_out);
    inflateEnd(&stream);
    EXPECT_EQ(unpacked == bundle, true);
}

TEST(CloudInit, RefusesWhatIsNoPlaceToFetchFrom) {
    EXPECT_THAT(bad(three(), {InImage{"opt/b.tar"}, {}, {}}), HasSubstr("absolute"));
    EXPECT_THAT(bad(three(), {InImage{"/opt/b\n.tar"}, {}, {}}), HasSubstr("absolute"));
    Wanted wanted = from_url();
    std::get<FromUrl>(wanted.programs).sha256 = std::string(64, 'A');
    EXPECT_THAT(bad(three(), wanted), HasSubstr("64 digits"));
    for (const std::string url :
         {"ftp://a/b", "https://", "https:///b", "https://a/b c", "https://a/b\n"}) {
        wanted = from_url();
        std::get<FromUrl>(wanted.programs).url = url;
        EXPECT_THAT(bad(three(), wanted), HasSubstr("URL")) << url;
        wanted = from_image();
        wanted.phone_home = url;
        EXPECT_THAT(bad(three(), wanted), HasSubstr("URL to phone home")) << url;
    }
}

TEST(CloudInit, RefusesSecretsAndDoesNotRepeatThem) {
    Wanted wanted = from_image();
    wanted.phone_home = "https://ops:canary@home.example/";
    EXPECT_THAT(bad(three(), wanted), HasSubstr("names a user"));
    EXPECT_THAT(bad(three(), wanted), Not(HasSubstr("canary")));
    // What inventories may hold has no such key today; one that comes later is not let through.
    Inventory inventory = three();
    inventory.nodes[1].config["ssl.keyStore.Password"] = "canary";
    EXPECT_THAT(bad(inventory, from_image()),
                HasSubstr("config.ssl.keyStore.Password of node 2 is a secret"));
    EXPECT_THAT(bad(inventory, from_image()), Not(HasSubstr("canary")));
}

TEST(CloudInit, RefusesServersOfThisMachine) {
    const Inventory inventory = read(
        "schema: zkprov/1\ncluster: demo\ntransport: local\nbase_dir: /srv/zk\nnodes: [{id: "
        "1-3}]\n");
    EXPECT_THAT(bad(inventory, from_image()), HasSubstr("transport: local"));
}

}  // namespace
}  // namespace zk::cloud_init
