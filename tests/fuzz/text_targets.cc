// What people write: configurations, addresses, ACLs, command lines of zkcli.
#include <algorithm>
#include <optional>

#include "base/check.h"
#include "cli/acl_text.h"
#include "client/connect_string.h"
#include "ensemble/ensemble_config.h"
#include "ensemble/properties.h"
#include "ensemble/zoo_cfg.h"
#include "image/environment.h"
#include "image/java_flags.h"
#include "image/setup.h"
#include "image/status.h"
#include "server_commands/server_commands.h"
#include "survey/survey.h"
#include "targets.h"
#include "tree/path.h"

namespace zk::fuzz {
namespace {

/// What is taken can be rendered, and means the same when it is read again.
void run_zoo_cfg(ByteView bytes) {
    (void)server_commands::directories_of(bytes);
    const auto config = ensemble::parse_zoo_cfg(bytes, "zoo.cfg");
    if (!config.has_value()) {
        ZK_ASSERT(!config.error().words.empty());
        return;
    }
    const std::string text = ensemble::render_zoo_cfg(*config);
    const auto again = ensemble::parse_zoo_cfg(text, "zoo.cfg");
    ZK_ASSERT(again.has_value());
    ZK_ASSERT(ensemble::render_zoo_cfg(*again) == text);
}

/// A process's command line, its cgroup and its zoo.cfg, each a third of the bytes. Nothing that it is told is longer than
/// what is told of it, and no secret goes further.
void run_survey(ByteView bytes) {
    const std::size_t third = bytes.size() / 3;
    const ByteView cgroup = bytes.substr(0, third);
    const std::string unit = survey::unit_in(cgroup);
    ZK_ASSERT(unit.empty() || (unit.ends_with(".service") && unit.find('/') == std::string::npos));
    (void)survey::is_container(cgroup);
    const auto words = server_commands::words_of(bytes.substr(third, third));
    auto found = survey::read_command(words).value_or(agent_api::ServerSurvey());
    ZK_ASSERT(found.jvm_flags.size() <= words.size());
    survey::read_settings(bytes.substr(2 * third), "zoo.cfg", found);
    for (const auto* settings : {&found.settings, &found.properties}) {
        for (const auto& each : *settings) ZK_ASSERT(!each.secret || each.value.empty());
    }
    (void)survey::members_of(found);
}

void run_dynamic_config(ByteView bytes) {
    const auto config = ensemble::parse_ensemble_config(bytes, "dynamic");
    if (!config.has_value()) return;
    const auto again = ensemble::parse_ensemble_config(to_string(*config), "dynamic");
    ZK_ASSERT(again.has_value() && *again == *config);
}

void run_myid(ByteView bytes) {
    const auto id = ensemble::parse_myid(bytes, "myid");
    if (id.has_value()) ZK_ASSERT(*ensemble::parse_myid(to_string(*id), "myid") == *id);
}

void run_connect_string(ByteView bytes) {
    const auto parsed = client::parse_connect_string(bytes);
    if (!parsed.has_value()) return;
    ZK_ASSERT(!parsed->servers.empty());
    std::string text;
    for (const client::ServerAddress& server : parsed->servers)
        text += (text.empty() ? "" : ",") + to_string(server);
    const auto again = client::parse_connect_string(text + parsed->chroot);
    ZK_ASSERT(again.has_value() && again->servers == parsed->servers &&
              again->chroot == parsed->chroot);
}

void run_acl(ByteView bytes) {
    const auto acl = cli::read_acl(bytes);
    if (!acl.has_value()) return;
    for (const jute::Acl& entry : *acl) (void)cli::perms_text(entry.perms);
}

/// NAME=VALUE, with a zero behind each, as a process has its environment.
image::Environment environment_of(ByteView bytes) {
    image::Environment environment;
    while (!bytes.empty()) {
        const std::size_t end = std::min(bytes.find('\0'), bytes.size());
        const ByteView entry = bytes.substr(0, end);
        bytes.remove_prefix(std::min(bytes.size(), end + 1));
        const std::size_t equals = entry.find('=');
        if (equals == ByteView::npos) continue;
        environment.insert_or_assign(std::string(entry.substr(0, equals)),
                                     std::string(entry.substr(equals + 1)));
    }
    return environment;
}

/// What a container writes it takes for its own at the next start, and writes the same.
void run_environment(ByteView bytes) {
    const auto wanted = image::read_environment(environment_of(bytes));
    if (!wanted.has_value()) {
        ZK_ASSERT(!wanted.error().words.empty());
        return;
    }
    const std::string text = image::zoo_cfg_text(*wanted);
    ZK_ASSERT(image::is_generated(text));
    const auto lines = static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n'));
    ZK_ASSERT(lines == wanted->lines.size() + 2);
    image::ConfigFile file{.path = "/conf/zoo.cfg", .text = std::nullopt};
    auto settings = image::choose_config(*wanted, file);
    file.text = text;
    const auto again = image::choose_config(*wanted, file);
    ZK_ASSERT(settings.has_value() == again.has_value());
    (void)image::find_client_door(text, "1");
    if (!settings.has_value()) return;
    ZK_ASSERT(settings->generated && again->generated && again->text == text);
    const auto identity = image::choose_id(*wanted, *settings, std::nullopt);
    if (!identity.has_value()) return;
    // Who starts is found by its own zkServer.sh.
    const auto found = image::find_client_door(text, to_string(identity->id) + "\n");
    ZK_ASSERT(!settings->config.client_port || *settings->config.client_port == 0 ||
              (found.door && found.door->port == *settings->config.client_port));
}

/// A property that is kept is given back when it is said again.
void run_java_flags(ByteView bytes) {
    image::JavaFlags flags;
    image::read_java_flags(bytes, "JVMFLAGS", flags);
    for (std::size_t i = 0; i < flags.properties.size(); ++i) {
        const ensemble::Property& property = flags.properties[i];
        for (std::size_t j = 0; j < i; ++j) ZK_ASSERT(flags.properties[j].key != property.key);
        image::JavaFlags again;
        const bool plain = image::words_of(property.key).size() == 1;
        image::read_java_flags("-Dzookeeper." + property.key + "=" + property.value, "A", again);
        image::read_java_flags("-D" + property.key + "=" + property.value, "A", again);
        ZK_ASSERT(!plain ||
                  (again.properties.size() == 1 && again.properties[0].key == property.key &&
                   again.properties[0].value == property.value));
    }
    (void)image::judge(bytes);
}

std::vector<Bytes> environment_samples() {
    using namespace std::string_literals;
    return {
        "ZOO_MY_ID=2\0ZOO_SERVERS=server.1=a:2888:3888;2181 server.2=b:2888:3888;[::1]:2182\0"
        "ZOO_TICK_TIME=500\0ZOO_4LW_COMMANDS_WHITELIST=srvr, mntr\0"s,
        "ZOO_CFG_EXTRA=clientPort=2181 snapCount:5\\\\ \0ZOO_SERVERS=server.1=a:2888:3888\0"
        "JVMFLAGS=-Xmx1g -Dzookeeper.admin.enableServer=true\0ZOO_DATA_DIR=/var/zk\0ZOO_MYID=1"s};
}
std::vector<Bytes> survey_samples() {
    Bytes cgroup = "1:name=systemd:/system.slice/zookeeper.service\n0::/docker/0123abcd\n";
    Bytes command =
        "/usr/bin/java -Xmx512m -Dzookeeper.ssl.keyStore.password=x -cp /l/zookeeper-3.8.4.jar "
        "org.apache.zookeeper.server.quorum.QuorumPeerMain /c/zoo.cfg ";
    std::replace(command.begin(), command.end(), ' ', '\0');
    Bytes zoo_cfg =
        "dataDir=/d\nclientPort: 2181\nserver.1=zk1:2888:3888;2181\nssl.keyStore.password=y\n";
    const std::size_t third = std::max({cgroup.size(), command.size(), zoo_cfg.size()});
    cgroup.resize(third, '\n');
    command.resize(third, '\0');
    zoo_cfg.resize(third, '\n');
    return {cgroup + command + zoo_cfg};
}

std::vector<Bytes> java_flags_samples() {
    return {
        "-Xmx1g -Dzookeeper.snapCount=5 -Djute.maxbuffer=500000\t-Dzookeeper.snapCount=6\n"
        "-Dzookeeper.tickTime=1 -Dzookeeper.root.logger=DEBUG,CONSOLE -Dcom.example.password=x -D"};
}
std::vector<Bytes> zoo_cfg_samples() {
    return {
        "tickTime=2000\ninitLimit=10\nsyncLimit=5\ndataDir=/d\nclientPort=2181\n"
        "server.1=a:2888:3888\nserver.2=b:2888:3888;2181\nserver.3=[::1]:2888:3888\n",
        "# alone\ndataDir = /d\\\n  /e\nclientPort: 2181\n4lw.commands.whitelist=stat, ruok\n"
        "snapshot.compression.method=gz\nautopurge.purgeInterval=1\n"};
}
std::vector<Bytes> dynamic_samples() {
    return {
        "server.1=a:2888:3888:participant;0.0.0.0:2181\n"
        "server.2=b:2888:3888:observer;2181\nversion=100000000"};
}
std::vector<Bytes> myid_samples() { return {"1\n", "254"}; }
std::vector<Bytes> connect_samples() { return {"a:2181,[::1]:2182,b/chroot/x"}; }
std::vector<Bytes> acl_samples() { return {"world:anyone:cdrwa,digest:a:b=:r,ip:10.0.0.0/8:"}; }

}  // namespace

std::vector<Target> text_targets() {
    return {{"zoo_cfg", "zoo.cfg", run_zoo_cfg, zoo_cfg_samples},
            {"dynamic_config",
             "the configuration that servers exchange",
             run_dynamic_config,
             dynamic_samples},
            {"myid", "myid", run_myid, myid_samples},
            {"connect_string",
             "where a client is told to connect",
             run_connect_string,
             connect_samples},
            {"environment", "a container's environment", run_environment, environment_samples},
            {"survey", "what a server that runs leaves to see", run_survey, survey_samples},
            {"java_flags", "JVM flags with properties", run_java_flags, java_flags_samples},
            {"acl_text", "an ACL as zkcli takes it", run_acl, acl_samples}};
}

}  // namespace zk::fuzz
