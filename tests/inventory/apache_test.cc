#include "inventory/apache.h"

#include <algorithm>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "agent_api/node_facts.h"
#include "inventory/inventory.h"
#include "inventory/render.h"

namespace zk::inventory {
namespace {

using agent_api::FileKind;
using agent_api::FileSpec;
using agent_api::NodeSpec;
using testing::HasSubstr;
using testing::Not;

constexpr const char* kThree = "nodes: [{id: 1-3, host: \"192.168.6.[137-139]\"}]\n";

std::optional<Inventory> read_apache(const std::string& server, std::string& problems) {
    Diagnostics diagnostics("i.yaml");
    auto inventory = read_inventory(
        "schema: zkprov/1\ncluster: demo\n" + std::string(kThree) + server, "/w", diagnostics);
    problems = diagnostics.format_all();
    return inventory;
}
Inventory good(const std::string& more = {}) {
    std::string problems;
    auto inventory = read_apache(
        "server:\n  flavor: apache\n  tarball: apache-zookeeper-3.8.4-bin.tar.gz\n" + more,
        problems);
    EXPECT_EQ(problems, "");
    return inventory.value_or(Inventory{});
}
std::string problems_with(const std::string& more) {
    std::string problems;
    read_apache("server:\n  flavor: apache\n  tarball: x.tar.gz\n" + more, problems);
    return problems;
}
NodeSpec render_apache(const Inventory& inventory, const std::string& version = "3.8.4-12345678") {
    const agent_api::ReleaseSpec release{version, std::string(64, 'a'), 1000};
    auto spec = render_node(inventory, inventory.nodes[1], release, "g-1");
    EXPECT_TRUE(spec.has_value()) << spec.error().words;
    return spec.has_value() ? *spec : NodeSpec{};
}
const FileSpec& file_in(const NodeSpec& spec, const std::string& path) {
    static const FileSpec kNone;
    const auto found = std::ranges::find(spec.files, path, &FileSpec::path);
    EXPECT_NE(found, spec.files.end()) << path;
    return found == spec.files.end() ? kNone : *found;
}
const std::string kUnit = "/etc/systemd/system/zookeeper.service";

TEST(Apache, SettingsAreReadWithTheirDefaults) {
    const ApacheSettings settings = *good().apache;
    EXPECT_EQ(settings.tarball, "/w/apache-zookeeper-3.8.4-bin.tar.gz");
    EXPECT_EQ(settings.java, "/usr/bin/java");
    EXPECT_EQ(settings.heap, "1000m");
    const ApacheSettings more =
        *good("  sha512: " + std::string(128, 'A') +
              "\n  java: /opt/jdk-17/bin/java\n  heap: 2g\n  jvm_flags: [-XX:+UseG1GC]\n")
             .apache;
    EXPECT_EQ(more.sha512, std::string(128, 'a'));
    EXPECT_EQ(more.java, "/opt/jdk-17/bin/java");
    EXPECT_EQ(more.heap, "2g");
    EXPECT_EQ(more.jvm_flags, std::vector<std::string>{"-XX:+UseG1GC"});
}

TEST(Apache, WrongSettingsSayWhereAndWhatInstead) {
    EXPECT_THAT(problems_with("  sha512: abc\n"), HasSubstr("server.sha512: must be the 128 hex"));
    EXPECT_THAT(problems_with("  heap: lots\n"), HasSubstr("server.heap: must be a size"));
    EXPECT_THAT(problems_with("  heap: 0m\n"), HasSubstr("server.heap: must be a size"));
    EXPECT_THAT(problems_with("  java: java\n"),
                HasSubstr("server.java: must be an absolute path"));
    EXPECT_THAT(problems_with("  jvm_flags: \"-Da=b -Dc=d\"\n"), HasSubstr("each an entry"));
    EXPECT_THAT(problems_with("  jvm_flags: [\"-Da=$HOME\"]\n"), HasSubstr("each an entry"));
    EXPECT_THAT(problems_with("  jvm_flags: [-Xmx2g]\n"), HasSubstr("write server.heap"));
    EXPECT_THAT(problems_with("  jvm_flags: [-Dzookeeper.db.autocreate=true]\n"),
                HasSubstr("an empty server may not vote"));
    EXPECT_THAT(problems_with("transport: local\nbase_dir: /home/play\n"),
                HasSubstr("apache needs systemd"));
}

TEST(Apache, LinesAreKnownByTheirVersions) {
    ASSERT_NE(apache_line("3.8.4-12345678"), nullptr);
    EXPECT_EQ(apache_line("3.8.4-12345678")->name, "3.8");
    EXPECT_EQ(apache_line("3.7.0")->java_least, 8);
    EXPECT_EQ(apache_line("3.10.0"), nullptr);
    EXPECT_EQ(apache_line("3.80.0"), nullptr);
    EXPECT_EQ(apache_line("3.4.14"), nullptr);
    EXPECT_EQ(known_apache_lines(), "3.7, 3.8 and 3.9");
}

TEST(Apache, ZooCfgHasOnlyWhatItsServerReads) {
    const Inventory inventory =
        good("  config: { jute.maxbuffer: 4096, snapCount: 5000, readonlymode.enabled: false }\n");
    const NodeSpec spec = render_apache(inventory);
    const std::string& text = file_in(spec, spec.conf_path).content;
    EXPECT_THAT(text, HasSubstr("\n4lw.commands.whitelist=srvr,ruok,stat,mntr,conf,isro\n"));
    EXPECT_THAT(text, HasSubstr("\nsnapCount=5000\n"));
    EXPECT_THAT(text, HasSubstr("\nserver.3=192.168.6.139:2888:3888\n"));
    EXPECT_THAT(text, Not(HasSubstr("autocreate")));
    EXPECT_THAT(text, Not(HasSubstr("jute.maxbuffer")));
    EXPECT_THAT(text, Not(HasSubstr("readonlymode")));
    const std::string& unit = file_in(spec, kUnit).content;
    EXPECT_THAT(unit, HasSubstr(" -Djute.maxbuffer=4096 "));
    EXPECT_THAT(unit, HasSubstr(" -Dreadonlymode.enabled=false"));
    EXPECT_EQ(file_in(spec, spec.data_dir + "/myid").content, "2\n");
}

TEST(Apache, TheUnitRunsTheReleaseInPlace) {
    const NodeSpec spec = render_apache(
        good("  java: /opt/jdk/bin/java\n  heap: 512m\n  jvm_flags: [-XX:+UseG1GC]\n"));
    const std::string& unit = file_in(spec, kUnit).content;
    EXPECT_THAT(unit, HasSubstr("\nExecStart=/opt/jdk/bin/java -Dzookeeper.db.autocreate=false "));
    EXPECT_THAT(unit, HasSubstr(" -Xmx512m -XX:+UseG1GC \\\n"));
    EXPECT_THAT(unit,
                HasSubstr(" -cp /usr/local/zookeeper/conf:/usr/local/zookeeper/current/lib/*:"));
    EXPECT_THAT(unit, HasSubstr(".QuorumPeerMain /usr/local/zookeeper/conf/zoo.cfg\n"));
    EXPECT_THAT(unit, HasSubstr("\nWorkingDirectory=/usr/local/zookeeper/current\n"));
    EXPECT_THAT(unit, HasSubstr("\nType=simple\n"));
    EXPECT_THAT(unit, HasSubstr("\nSuccessExitStatus=143\n"));
    EXPECT_THAT(unit, Not(HasSubstr("\nMemoryDenyWriteExecute")));
    EXPECT_THAT(unit, Not(HasSubstr("\nWatchdogSec")));
    EXPECT_EQ(spec.java, "/opt/jdk/bin/java");
    EXPECT_EQ(spec.java_least, 8);
    EXPECT_EQ(spec.release.flavor, agent_api::Flavor::apache);
    EXPECT_EQ(spec.release_record(), "/usr/local/zookeeper/current/zkprov.release");
    EXPECT_EQ(agent_api::facts_for(spec).java, "/opt/jdk/bin/java");
}

TEST(Apache, OperatorsFindTheirScripts) {
    const NodeSpec spec = render_apache(good("  java: /opt/jdk/bin/java\n"));
    const FileSpec& script = file_in(spec, "/usr/local/zookeeper/bin/zkServer.sh");
    EXPECT_EQ(script.mode, 0755U);
    EXPECT_EQ(script.kind, FileKind::plain);
    EXPECT_THAT(script.content,
                HasSubstr("\nscript=/usr/local/zookeeper/current/bin/zkServer.sh\n"));
    EXPECT_THAT(script.content, HasSubstr("\nUNIT=zookeeper.service\n"));
    EXPECT_THAT(script.content, HasSubstr("export JAVA_HOME=/opt/jdk;"));
    EXPECT_THAT(file_in(spec, "/usr/local/zookeeper/bin/zkCli.sh").content,
                HasSubstr("exec /usr/local/zookeeper/current/bin/zkCli.sh "));
    // zkdata is a part of our server's program.
    EXPECT_TRUE(std::ranges::none_of(
        spec.files, [](const FileSpec& file) { return file.path.ends_with("/bin/zkdata"); }));
}

TEST(Apache, AnUnknownVersionIsRefused) {
    const Inventory inventory = good();
    const agent_api::ReleaseSpec release{"3.10.0-12345678", std::string(64, 'a'), 1000};
    EXPECT_FALSE(render_node(inventory, inventory.nodes[0], release, "g-1").has_value());
}

}  // namespace
}  // namespace zk::inventory
