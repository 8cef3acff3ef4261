#include "importing/found_node.h"

#include <algorithm>
#include <array>
#include <optional>
#include <set>

#include "base/numbers.h"
#include "ensemble/config_keys.h"
#include "importing/keys.h"
#include "inventory/apache.h"
#include "inventory/ranges.h"
#include "server_commands/server_commands.h"
#include "survey/survey.h"

namespace zk::importing {
namespace {

using agent_api::Flavor;
using agent_api::HostSurvey;
using agent_api::NodeSpec;
using agent_api::ServerSurvey;
using agent_api::SettingSurvey;

/// What a JVM is given without anybody's wish, and what zkprov's unit sets itself or cannot.
constexpr std::array<std::string_view, 2> kUnitFlags = {"-Djava.awt.headless=true",
                                                        "-XX:+ExitOnOutOfMemoryError"};
constexpr std::array<std::string_view, 12> kScriptFlags = {"-XX:+HeapDumpOnOutOfMemoryError",
                                                           "-XX:OnOutOfMemoryError=",
                                                           "-Dzookeeper.log.dir=",
                                                           "-Dzookeeper.log.file=",
                                                           "-Dzookeeper.log.threshold=",
                                                           "-Dzookeeper.root.logger=",
                                                           "-Dzookeeper.console.threshold=",
                                                           "-Dzookeeper.jmx.log4j.disable=",
                                                           "-Dzookeeper.datadir.autocreate=",
                                                           "-Dlog4j.configuration=",
                                                           "-Dlogback.configurationFile=",
                                                           "-Dcom.sun.management.jmxremote.local"};
constexpr std::string_view kJmx = "-Dcom.sun.management.jmxremote";
constexpr const char* kMain = " org.apache.zookeeper.server.quorum.QuorumPeerMain /conf/zoo.cfg";
constexpr std::string_view kAutocreate = "-Dzookeeper.db.autocreate";

class Reader {
  public:
    Reader(const std::string& host, const std::string& place) {
        node_.host = host;
        node_.place = place;
    }

    Result<FoundNode> read(const HostSurvey& survey) {
        if (survey.applied) {
            read_own(*survey.applied);
        } else if (const ServerSurvey* const server = the_server(survey)) {
            read_foreign(*server);
        }
        return end();
    }
    Result<FoundNode> read(const NodeSpec& spec) {
        read_own(spec);
        return end();
    }
    Result<FoundNode> read(const agent_api::ContainerSurvey& container) {
        contained_ = true;
        ServerSurvey server = container.server;
        // Its start writes the file where there is none.
        if (!server.data.myid) server.data.myid = container.my_id;
        read_foreign(server);
        return end();
    }

  private:
    Result<FoundNode> end() {
        if (wrong_.empty()) return std::move(node_);
        std::string words;
        for (const std::string& line : wrong_) {
            words += (words.empty() ? "" : "\n") + node_.place + ": " + line;
        }
        return Error(Errc::invalid, std::move(words));
    }
    void refuse(std::string words) { wrong_.push_back(std::move(words)); }
    void comment(std::string words) {
        node_.comments.push_back("server " + to_string(node_.sid) + ": " + std::move(words));
    }

    const ServerSurvey* the_server(const HostSurvey& survey) {
        const auto contained = std::ranges::find(survey.servers, true, &ServerSurvey::container);
        if (contained != survey.servers.end()) {
            refuse("its server (process " + std::to_string(contained->pid) +
                   ") runs in a container, and " +
                   (survey.engine_failure.empty()
                        ? "the engine at " + survey.engine +
                              " does not tell of it; name the socket of its engine (--engine)"
                        : survey.engine_failure));
        } else if (survey.servers.empty()) {
            refuse(survey.uid == 0
                       ? "no ZooKeeper server runs there; start it, or leave the host out"
                       : "no ZooKeeper server was seen there, and the agent is not root; log in as "
                         "root, or as a user with passwordless sudo");
        } else if (survey.servers.size() > 1) {
            std::string pids;
            for (const ServerSurvey& server : survey.servers) {
                pids += (pids.empty() ? "" : ", ") + std::to_string(server.pid) + " with " +
                        (server.conf_path.empty() ? server.data_dir : server.conf_path);
            }
            refuse("several ZooKeeper servers run there (" + pids +
                   "); zkprov has one on each host, move the others away first");
        } else if (!survey.systemd) {
            refuse("systemd does not run this host, and zkprov's servers are its units");
        } else {
            return &survey.servers.front();
        }
        return nullptr;
    }

    void read_own(const NodeSpec& spec) {
        node_.own = true;
        if (spec.manager == agent_api::Manager::supervised) {
            return refuse(
                "zkprov runs it with transport: local, and its inventory is on this host");
        }
        node_.cluster = spec.cluster;
        node_.sid = spec.sid;
        node_.member_host = spec.host;
        node_.flavor = spec.release.flavor;
        node_.version = spec.release.version.substr(0, spec.release.version.rfind('-'));
        node_.ports = {spec.client_port, spec.peer_port, spec.election_port};
        node_.install_dir = spec.install_dir;
        node_.data_dir = spec.data_dir;
        node_.log_dir = spec.log_dir;
        node_.http = {spec.http_address, spec.http_port};
        ServerSurvey server;
        if (spec.container) read_own_container(spec, server);
        server.flavor = node_.flavor;
        for (const agent_api::FileSpec& file : spec.files) {
            if (file.path == spec.conf_path) {
                survey::read_settings(file.content, file.path, server);
            } else if (file.path.ends_with("/" + spec.server_unit)) {
                read_exec_start(file.content, server);
            }
        }
        read_members(server);
        read_config(server);
        if (node_.flavor == Flavor::apache) read_java(server);
        node_.java = spec.java;
    }

    void read_own_container(const NodeSpec& spec, ServerSurvey& server) {
        const agent_api::ContainerSpec& made = *spec.container;
        if (spec.agent_path.empty()) {
            return refuse(
                "zkprov runs it with transport: local, and its inventory is on this host");
        }
        node_.flavor = made.label(agent_api::kFlavorLabel) == to_string(Flavor::apache)
                           ? Flavor::apache
                           : Flavor::zkserver;
        FoundContainer& found = node_.container.emplace();
        found.engine = made.engine;
        found.image = made.image;
        found.name = made.name;
        found.directory = spec.install_dir;
        found.network = made.network;
        found.address = made.address;
        found.restart = made.restart;
        if (!made.ports.empty()) found.host_port = made.ports.front().host_port;
        if (made.network.driver == agent_api::NetworkDriver::standard)
            node_.member_host = node_.host;
        for (const agent_api::NamedValue& each : made.environment) {
            if (each.name == "SERVER_JVMFLAGS") read_flags("java " + each.value + kMain, server);
        }
        if (made.archive_sha256.empty()) return;
        comment("its image was brought as an archive; name the file as docker.archive");
    }

    /// Of a unit that zkprov wrote: its command may go on in the next lines.
    static void read_exec_start(std::string_view unit, ServerSurvey& server) {
        constexpr std::string_view kKey = "\nExecStart=";
        const std::size_t at = unit.find(kKey);
        if (at == std::string_view::npos) return;
        unit.remove_prefix(at + kKey.size());
        std::string command;
        for (std::size_t i = 0; i < unit.size(); ++i) {
            if (unit[i] == '\\' && i + 1 < unit.size() && unit[i + 1] == '\n') {
                command += ' ';
                ++i;
            } else if (unit[i] == '\n') {
                break;
            } else {
                command += unit[i];
            }
        }
        read_flags(command, server);
    }
    static void read_flags(const std::string& command, ServerSurvey& server) {
        std::vector<std::string> words;
        for (std::string_view rest = command; !rest.empty();) {
            const std::size_t end = std::min(rest.find(' '), rest.size());
            if (end > 0) words.emplace_back(rest.substr(0, end));
            rest.remove_prefix(std::min(end + 1, rest.size()));
        }
        if (auto read = survey::read_command(words)) {
            server.heap = read->heap;
            server.jvm_flags = std::move(read->jvm_flags);
            server.properties = std::move(read->properties);
        }
    }

    void read_foreign(const ServerSurvey& server) {
        node_.flavor = server.flavor;
        node_.version = server.version;
        if (!server.conf_failure.empty()) {
            return refuse((contained_ ? "" : "process " + std::to_string(server.pid) + ": ") +
                          server.conf_failure + "; zkprov needs a zoo.cfg that it can read");
        }
        read_members(server);
        read_sid(server);
        // The agent asks at that port only.
        if (server.role.empty() && (contained_ || server.setting("clientPort") != nullptr)) {
            comment("it does not answer clients at the moment");
        }
        read_ports(server);
        if (!contained_) read_directories(server);
        if (!wrong_.empty()) return;
        read_config(server);
        read_others(server);
        if (node_.flavor == Flavor::apache) read_java(server);
        if (contained_) return;
        if (node_.flavor == Flavor::apache && !server.program.starts_with('/')) {
            comment("which Java runs it is not known; server.java names the program");
        } else {
            node_.java = server.program;
        }
    }

    void read_members(const ServerSurvey& server) {
        constexpr std::string_view kMember = "server.";
        for (const SettingSurvey& each : server.settings) {
            if (!each.key.starts_with(kMember)) continue;
            const std::string line = each.key + "=" + each.value;
            const auto sid = ensemble::parse_server_id(each.key.substr(kMember.size()));
            auto member = sid.has_value() ? ensemble::parse_member(*sid, each.value)
                                          : Result<ensemble::Member>(sid.error());
            if (!member.has_value()) {
                refuse(line + ": " + member.error().words);
            } else if (sid->value() < 1 || sid->value() > 255) {
                refuse(line + ": zkprov's ids go from 1 to 255");
            } else if (member->role == ensemble::Role::observer) {
                refuse(line + ": observers are not supported in this version");
            } else {
                node_.members[*sid] = *std::move(member);
            }
        }
    }

    void read_sid(const ServerSurvey& server) {
        const auto& myid = server.data.myid;
        if (node_.members.size() <= 1) {
            const bool known = myid && myid->value() >= 1 && myid->value() <= 255;
            node_.sid = known ? *myid : ServerId(1);
            if (!node_.members.empty()) node_.sid = node_.members.begin()->first;
            node_.member_host =
                node_.members.empty() ? node_.host : node_.members.begin()->second.host;
            if (known && *myid != node_.sid) {
                refuse("its myid says " + to_string(*myid) + ", its one server line is of " +
                       to_string(node_.sid) + "; make them one");
            }
            return;
        }
        if (!myid) {
            return refuse(server.data_dir + "/myid holds no server's number; correct it");
        }
        node_.sid = *myid;
        const auto found = node_.members.find(*myid);
        if (found == node_.members.end()) {
            return refuse("its myid says " + to_string(*myid) + ", and its " + server.conf_path +
                          " has no line server." + to_string(*myid));
        }
        node_.member_host = found->second.host;
    }

    void read_ports(const ServerSurvey& server) {
        const auto found = node_.members.find(node_.sid);
        if (found != node_.members.end()) {
            node_.ports.peer = found->second.quorum_port;
            node_.ports.election = found->second.election_port;
        }
        std::optional<std::uint16_t> client;
        std::string address;
        if (found != node_.members.end() && found->second.client) {
            client = found->second.client->port;
            address = found->second.client->host;
        }
        if (const auto* const port = server.setting("clientPort")) {
            client = parse_number<std::uint16_t>(port->value);
        }
        if (const auto* const given = server.setting("clientPortAddress")) address = given->value;
        if (!client || *client == 0) {
            return refuse("it has no client port (clientPort) that zkprov could ask it at");
        }
        node_.ports.client = *client;
        if (!address.empty() && address != "0.0.0.0" && address != "::") {
            refuse("clients reach it at " + address +
                   " only (clientPortAddress), and zkprov's agent asks 127.0.0.1; let it listen on "
                   "all addresses first");
        }
    }

    void read_directories(const ServerSurvey& server) {
        node_.data_dir = server.data_dir;
        node_.log_dir = server.log_dir;
        if (server.data_dir.empty()) refuse(server.conf_path + " has no dataDir");
        if (!server.data.unreadable.empty()) refuse(server.data.unreadable);
    }

    void read_config(const ServerSurvey& server) {
        for (const ensemble::ConfigKey* key : ensemble::config_keys()) {
            if (key->set_by != ensemble::SetBy::user || !key->prefix.empty()) continue;
            const SettingSurvey* const found = setting_of(*key, server);
            if (found == nullptr || found->secret) {
                add_default(*key);
                continue;
            }
            const std::string value = plain_value(*key, found->value);
            if (const auto wrong = wrong_value(*key, value)) {
                // A flag stays one.
                if (found->line == 0) continue;
                comment(std::string(key->name) + "=" + value + ": an inventory's " + *wrong);
            } else if (value != key->zkprov_writes) {
                node_.config[std::string(key->name)] = value;
            }
        }
    }

    /// As the server takes it: of the file, else of the command line.
    [[nodiscard]] static const SettingSurvey* setting_of(const ensemble::ConfigKey& key,
                                                         const ServerSurvey& server) {
        const bool property = inventory::is_property_only(key.name);
        // Apache's server gives such a property another name when it stands in its file.
        const SettingSurvey* found = server.setting(key.name);
        if (found != nullptr && !(property && server.flavor == Flavor::apache)) return found;
        const std::string name = (property ? "" : "zookeeper.") + std::string(key.name);
        found = nullptr;
        for (const SettingSurvey& each : server.properties) {
            if (each.key == name) found = &each;
        }
        return found;
    }

    /// What a server without the key does, where zkprov would have it do something else.
    void add_default(const ensemble::ConfigKey& key) {
        if (key.zkprov_writes.empty() || node_.own) return;
        std::string standard = ensemble::default_of(key);
        // Ours is off without it, Apache's was on up to 3.9.
        if (key.name == "admin.enableServer" && node_.flavor == Flavor::apache) standard = "true";
        if (standard == key.zkprov_writes || wrong_value(key, standard)) return;
        node_.config[std::string(key.name)] = standard;
    }

    /// Keys of the file that stand nowhere in an inventory.
    void read_others(const ServerSurvey& server) {
        for (const SettingSurvey& each : server.settings) {
            const auto verdict = judge_key(each);
            const std::string words =
                each.key + "=" + (each.secret ? "***" : each.value) +
                (each.line > 0 ? " (line " + std::to_string(each.line) + ")" : std::string()) +
                ": " + verdict.words;
            if (verdict.standing == KeyVerdict::Standing::refused) {
                refuse(words);
            } else if (verdict.standing == KeyVerdict::Standing::left_out) {
                comment(words);
            }
        }
    }

    void read_java(const ServerSurvey& server) {
        read_heap(server);
        std::string left_out;
        for (const std::string& flag : server.jvm_flags) {
            if (is_units(flag)) continue;
            if (!node_.own && is_scripts(flag)) continue;
            if (flag.ends_with("=***") || !inventory::is_jvm_flag(flag) ||
                flag.starts_with(kAutocreate)) {
                left_out += " " + flag;
            } else {
                node_.jvm_flags.push_back(flag);
            }
        }
        if (left_out.empty()) return;
        comment("flags of its JVM that an inventory cannot hold:" + left_out);
    }

    /// A flag that zkprov's own unit has, or one that says in Java's words what `config` says.
    [[nodiscard]] bool is_units(std::string_view flag) const {
        if (std::ranges::find(kUnitFlags, flag) != kUnitFlags.end()) return true;
        if (node_.own && flag == std::string(kAutocreate) + "=false") return true;
        const std::size_t equals = std::min(flag.find('='), flag.size());
        if (!flag.starts_with("-D")) return false;
        std::string_view key = flag.substr(2, equals - 2);
        if (inventory::is_property_only(key)) return node_.config.contains(std::string(key));
        constexpr std::string_view kPrefix = "zookeeper.";
        if (node_.own || !key.starts_with(kPrefix)) return false;
        key.remove_prefix(kPrefix.size());
        const auto* const row = ensemble::find_config_key(key);
        return row != nullptr && row->prefix.empty() && row->set_by == ensemble::SetBy::user &&
               node_.config.contains(std::string(key));
    }
    [[nodiscard]] static bool is_scripts(std::string_view flag) {
        if (flag == kJmx || flag == std::string(kJmx) + "=") return true;
        return std::ranges::any_of(kScriptFlags,
                                   [&](std::string_view begin) { return flag.starts_with(begin); });
    }

    void read_heap(const ServerSurvey& server) {
        if (server.heap.empty()) {
            if (!node_.own) comment("its JVM has no -Xmx; zkprov's has 1000m, or server.heap");
            return;
        }
        node_.heap = server.heap;
        if (inventory::is_heap(node_.heap)) return;
        const std::string whole = megabytes_of(node_.heap);
        if (inventory::is_heap(whole)) {
            node_.heap = whole;
        } else {
            comment("-Xmx" + server.heap + ": an inventory's heap is a size such as 512m or 2g");
            node_.heap.clear();
        }
    }

    /// "1048576k" as "1024m"; something else where it is no whole number of them.
    static std::string megabytes_of(const std::string& heap) {
        std::string digits = heap;
        std::uint64_t unit = 1;
        if (!digits.empty() && (digits.back() == 'k' || digits.back() == 'K')) {
            digits.pop_back();
            unit = 1024;
        }
        const auto number = parse_number<std::uint64_t>(digits);
        constexpr std::uint64_t kMega = 1024UL * 1024;
        if (!number || *number > (1ULL << 50U) || *number * unit % kMega != 0) return {};
        return std::to_string(*number * unit / kMega) + "m";
    }

    FoundNode node_;
    bool contained_ = false;
    std::vector<std::string> wrong_;
};

}  // namespace

Result<FoundNode> read_node(const SurveyedHost& host) {
    return Reader(host.host, host.host).read(host.survey);
}

Result<FoundNode> read_applied(const std::string& host,
                               const std::string& place,
                               const NodeSpec& spec) {
    return Reader(host, place).read(spec);
}

Result<FoundNode> read_contained(const std::string& host,
                                 const std::string& place,
                                 const agent_api::ContainerSurvey& container) {
    return Reader(host, place).read(container);
}

}  // namespace zk::importing
