#include "cloud_init/cloud_init.h"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <unistd.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <zlib.h>

#include "agent_api/digest.h"
#include "base/base64.h"
#include "cloud_init/gzip.h"
#include "inventory/render.h"
#include "user_data_files.h"

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
        "agent: {http: {listen: node}}\n"
        "nodes: [{id: 1-3, host: \"192.168.6.[137-139]\"}]\n");
}
Wanted embedded(const Bytes& bundle) { return {Embedded{bundle}, {}, {}}; }
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

std::string temporary(const std::string& pattern, const std::string& content) {
    std::string name = (std::filesystem::temp_directory_path() / pattern).string();
    const int made = mkstemp(name.data());
    EXPECT_GE(made, 0);
    close(made);
    std::ofstream(name) << content;
    return name;
}
int sh_reads(const std::string& script) {
    const std::string name = temporary("zkprov-first-boot-XXXXXX", script);
    const int ended = std::system(("sh -n " + name).c_str());  // NOLINT(cert-env33-c)
    std::filesystem::remove(name);
    return ended;
}

/// What the three sources look like as a whole is in files beside this test: they are read by people and by other programs
/// (cloud-init schema --config-file FILE). ZKPROV_UPDATE_DOCS=1 writes them anew.
void expect_golden(const std::string& name, const std::string& text) {
    const std::string path = std::string(ZK_GOLDEN_DIR) + "/" + name + ".yaml";
    if (std::getenv("ZKPROV_UPDATE_DOCS") != nullptr) std::ofstream(path) << text;  // NOLINT
    std::ostringstream wanted;
    wanted << std::ifstream(path).rdbuf();
    EXPECT_EQ(text, wanted.str()) << path;
}

TEST(CloudInit, TheWholeTextForAnImage) { expect_golden("image", good(three(), from_image())); }

TEST(CloudInit, TheWholeTextForAUrl) {
    Wanted wanted = from_url();
    wanted.node = ServerId(2);
    wanted.phone_home = "https://home.example/zkprov?of=demo";
    wanted.wait = milliseconds(90500);
    expect_golden("url", good(three(), wanted));
}

TEST(CloudInit, TheWholeTextWithTheBundle) {
    std::string text = good(three(), embedded("agent and server\n"));
    // How zlib packs it is zlib's, and may change with it.
    const std::size_t from = text.find("content: H4sI");
    ASSERT_NE(from, std::string::npos);
    text.replace(from + 9, text.find('\n', from) - from - 9, "H4sIAAAAAAACAwMAAAAAAAAAAAA=");
    expect_golden("embed", text);
}

/// Another reader of YAML than ours, the one that cloud-init has.
TEST(CloudInit, PythonReadsTheSameFiles) {
    Wanted wanted{InImage{"/opt/it's;rm\"$(x)`.tar"}, {}, "https://home.example/a?b='c'&d=\"e\\"};
    const std::string text = good(three(), wanted);
    const std::string name = temporary("zkprov-user-data-XXXXXX", text);
    const std::string out = name + ".out";
    const std::string line =
        "/usr/bin/python3 -c 'import sys, yaml\n"
        "data = yaml.safe_load(open(sys.argv[1]))\n"
        "assert data[\"runcmd\"] == [[\"sh\", \"/etc/zkprov/first-boot.sh\"]], data[\"runcmd\"]\n"
        "for file in data[\"write_files\"]: print(file[\"path\"], file[\"permissions\"], "
        "file[\"content\"], sep=\"\\n\", end=\"\")' " +
        name + " >" + out;
    EXPECT_EQ(std::system(line.c_str()), 0);  // NOLINT(cert-env33-c)
    std::ostringstream theirs;
    theirs << std::ifstream(out).rdbuf();
    std::string ours;
    const Value all = parsed(text);
    for (const Value& file : member(all, "write_files").items) {
        ours += member(file, "path").scalar + "\n" + member(file, "permissions").scalar + "\n" +
                member(file, "content").scalar;
    }
    EXPECT_EQ(theirs.str(), ours);
    std::filesystem::remove(name);
    std::filesystem::remove(out);
}

TEST(CloudInit, NodesReadTheSameNodesAsTheController) {
    const Inventory inventory = read(
        "schema: zkprov/1\ncluster: \"7\"\n"
        "ssh: {user: ops, jump: ops@bastion}\n"
        "server: {data_dir: /srv/zk, config: {tickTime: 3000, maxClientCnxns: \"60\"}}\n"
        "agent: {http: {listen: 0.0.0.0, port: 9280}}\n"
        "nodes:\n"
        "  - {id: 3, host: 192.168.6.139, client_port: 2182, agent: {http: {listen: "
        "192.168.6.139}}}\n"
        "  - {id: 1, host: zk1.example, config: {tickTime: 2500}}\n"
        "  - {id: 2, host: \"fd00::138\", ssh: {host: 10.0.0.2}}\n");
    const Inventory again = read(content_of(good(inventory, from_image()), kInventoryFile));
    ASSERT_EQ(again.nodes.size(), 3U);
    EXPECT_EQ(again.cluster, inventory.cluster);
    EXPECT_EQ(members_digest(again), members_digest(inventory));
    const agent_api::ReleaseSpec release{"0.1.0-12345678", std::string(64, 'a'), 1000};
    for (std::size_t i = 0; i < 3; ++i) {
        const auto theirs = render_node(again, again.nodes[i], release, "g-1");
        const auto ours = render_node(inventory, inventory.nodes[i], release, "g-1");
        ASSERT_TRUE(theirs.has_value() && ours.has_value());
        EXPECT_EQ(*theirs, *ours);
        EXPECT_EQ(agent_api::to_json(*theirs), agent_api::to_json(*ours));
        ASSERT_EQ(theirs->members.size(), 3U);
        EXPECT_EQ(theirs->members[0].http_address, "zk1.example");
        EXPECT_EQ(theirs->members[2].http_address, "192.168.6.139");
        EXPECT_EQ(theirs->members_digest, members_digest(inventory));
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
    EXPECT_THAT(content_of(good(three(), wanted), kScriptFile), HasSubstr("\nnode=''\n"));
    wanted.node = ServerId(2);
    const std::string text = good(three(), wanted);
    EXPECT_THAT(content_of(text, kScriptFile), HasSubstr("\nnode='2'\n"));
    EXPECT_THAT(text, HasSubstr("# demo, server 2."));
    wanted.node = ServerId(4);
    EXPECT_EQ(bad(three(), wanted), "there is no node 4");
}

TEST(CloudInit, QuotesCannotEndAWord) {
    const Wanted wanted{
        InImage{"/opt/it's;rm\"$(x)`.tar"}, {}, "https://home.example/a?b='c'&d=\"e\\"};
    const std::string script = content_of(good(three(), wanted), kScriptFile);
    EXPECT_THAT(script, HasSubstr(R"(bundle='/opt/it'\''s;rm"$(x)`.tar')"));
    EXPECT_THAT(script, HasSubstr(R"(phone_home='https://home.example/a?b='\''c'\''&d="e\')"));
    EXPECT_EQ(sh_reads(script), 0);
}

TEST(CloudInit, AnEmbeddedBundleComesBack) {
    Bytes bundle;
    for (int i = 0; i < 200000; ++i) bundle += static_cast<char>(i ^ (i >> 5));
    const std::string text = good(three(), embedded(bundle));
    EXPECT_EQ(text, good(three(), embedded(bundle)));
    const Value all = parsed(text);
    const Value& file = file_of(all, "/var/cache/zkprov/bundle.tar");
    EXPECT_EQ(member(file, "encoding").scalar, "gz+b64");
    const std::string script = content_of(text, kScriptFile);
    EXPECT_THAT(script, HasSubstr("bundle='/var/cache/zkprov/bundle.tar'\n"));
    EXPECT_THAT(script, HasSubstr("sha256='" + agent_api::sha256_hex(bundle) + "'\n"));
    const auto packed = decode_base64(member(file, "content").scalar);
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
    EXPECT_THAT(bad(three(), {InImage{"/var/cache/zkprov/b.tar"}, {}, {}}), HasSubstr("elsewhere"));
    EXPECT_THAT(bad(three(), {InImage{"/opt/b.tar", "12"}, {}, {}}), HasSubstr("64 digits"));
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

TEST(CloudInit, RefusesNodesThatCannotFindEachOther) {
    for (const std::string listen : {"\"off\"", "loopback", "127.0.0.1"}) {
        const Inventory inventory = read(
            "schema: zkprov/1\ncluster: demo\nagent: {http: {listen: node}}\nnodes:\n"
            "  - {id: 1-2, host: \"192.168.6.[137-138]\"}\n"
            "  - {id: 3, host: 192.168.6.139, agent: {http: {listen: " +
            listen + "}}}\n");
        EXPECT_THAT(bad(inventory, from_image()), HasSubstr("agent of node 3")) << listen;
        EXPECT_THAT(bad(inventory, from_image()), HasSubstr("agent: {http: {listen: node}}"));
    }
    // One that is alone looks for nobody.
    good(read("schema: zkprov/1\ncluster: one\nnodes: [{id: 7, host: 192.168.6.137}]\n"),
         from_image());
}

TEST(CloudInit, RefusesServersOfThisMachine) {
    const Inventory inventory = read(
        "schema: zkprov/1\ncluster: demo\ntransport: local\nbase_dir: /srv/zk\nnodes: [{id: "
        "1-3}]\n");
    EXPECT_THAT(bad(inventory, from_image()), HasSubstr("transport: local"));
}

TEST(CloudInit, RefusesServersInContainers) {
    const Inventory inventory = read(
        "schema: zkprov/1\ncluster: demo\nruntime: docker\n"
        "docker: {image: \"zkserver:1\", network: {driver: host}}\n"
        "nodes:\n  - {id: 1-3, host: \"192.168.6.[137-139]\"}\n");
    EXPECT_THAT(bad(inventory, from_image()),
                HasSubstr("runtime: docker is for hosts that zkprov reaches"));
}

TEST(CloudInit, RefusesServersOfApache) {
    const Inventory inventory = read(
        "schema: zkprov/1\ncluster: demo\nserver: {flavor: apache, tarball: zk.tar.gz}\n"
        "nodes:\n  - {id: 1-3, host: \"192.168.6.[137-139]\"}\n");
    EXPECT_THAT(bad(inventory, from_image()), HasSubstr("run zkprov's own server"));
    EXPECT_THAT(bad(inventory, from_image()), HasSubstr("flavor: zkserver"));
}

}  // namespace
}  // namespace zk::cloud_init
