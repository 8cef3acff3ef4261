// What an agent finds of ZooKeeper servers that run on its host, whoever installed them: for `zkprov import`.
// Pure. Travels as JSON. No secret is in it: a value that is one is left out, and its key stays.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "agent_api/names.h"
#include "agent_api/node_facts.h"
#include "agent_api/node_spec.h"
#include "base/result.h"

namespace zk::agent_api {

/// A key with its value, of a zoo.cfg or of -D on a command line.
struct SettingSurvey {
    std::string key;
    std::string value;
    std::int64_t line = 0;  ///< of the file; 0: of the command line; -1: of the environment
    bool secret = false;    ///< the value is left out

    friend bool operator==(const SettingSurvey&, const SettingSurvey&) = default;
    static void fields(auto& archive, auto& self) {
        archive("key", self.key);
        archive("value", self.value);
        archive("line", self.line);
        archive("secret", self.secret);
    }
};

/// One server: its process, what holds that, and what it was started with.
struct ServerSurvey {
    Flavor flavor = Flavor::apache;
    std::int64_t pid = 0;
    std::string user;
    std::int64_t parent = 0;  ///< of its process; 1: nobody starts it again but perhaps `unit`
    std::string parent_name;
    std::string unit;        ///< of systemd, whose process it is; empty: of none
    bool container = false;  ///< it runs in one
    std::string program;     ///< java, or zkserver; an absolute path where it is known
    std::string version;
    std::string heap;                       ///< of the last -Xmx; empty: the JVM's own
    std::vector<std::string> jvm_flags;     ///< all others, in their order; a secret value is ***
    std::vector<SettingSurvey> properties;  ///< -D among them, by the names that they have in Java
    std::string conf_path;                  ///< absolute
    std::string conf_failure;               ///< why that file says nothing
    std::vector<SettingSurvey> settings;    ///< of the file, and of a dynamic one beside it
    std::string dynamic_path;               ///< empty: none
    std::string data_dir;                   ///< absolute, without links
    std::string log_dir;                    ///< the same as data_dir when not apart
    DataFact data;
    std::string
        role;  ///< as it says itself: leader, follower, standalone; empty: it does not answer

    friend bool operator==(const ServerSurvey&, const ServerSurvey&) = default;
    static void fields(auto& archive, auto& self) {
        archive("flavor", self.flavor);
        archive("pid", self.pid);
        archive("user", self.user);
        archive("parent", self.parent);
        archive("parent_name", self.parent_name);
        archive("unit", self.unit);
        archive("container", self.container);
        archive("program", self.program);
        archive("version", self.version);
        archive("heap", self.heap);
        archive("jvm_flags", self.jvm_flags);
        archive("properties", self.properties);
        archive("conf_path", self.conf_path);
        archive("conf_failure", self.conf_failure);
        archive("settings", self.settings);
        archive("dynamic_path", self.dynamic_path);
        archive("data_dir", self.data_dir);
        archive("log_dir", self.log_dir);
        archive("data", self.data);
        archive("role", self.role);
    }

    /// The last value of a key of the file; nothing: it is not there.
    [[nodiscard]] const SettingSurvey* setting(std::string_view key) const;
};

/// A volume of a container.
struct MountSurvey {
    std::string type;    ///< bind: a directory or file of the host; volume: the engine's
    std::string name;    ///< of the engine's volume; one that nobody named is 64 hex digits
    std::string source;  ///< on the host
    std::string target;  ///< in the container
    bool read_only = false;

    /// A directory or file of the host that somebody chose.
    [[nodiscard]] bool is_bind() const { return type == "bind"; }
    /// Of the engine's own making, because the image asks for a volume there.
    [[nodiscard]] bool is_nameless() const {
        return !is_bind() && (name.empty() || name.size() == 64);
    }

    friend bool operator==(const MountSurvey&, const MountSurvey&) = default;
    static void fields(auto& archive, auto& self) {
        archive("type", self.type);
        archive("name", self.name);
        archive("source", self.source);
        archive("target", self.target);
        archive("read_only", self.read_only);
    }
};

/// A TCP port of a container under one of its host.
struct PortSurvey {
    std::string address;  ///< of the host; empty: all
    std::uint16_t host_port = 0;
    std::uint16_t port = 0;

    friend bool operator==(const PortSurvey&, const PortSurvey&) = default;
    static void fields(auto& archive, auto& self) {
        archive("address", self.address);
        archive("host_port", self.host_port);
        archive("port", self.port);
    }
};

/// A server that runs in a container.
struct ContainerSurvey {
    std::string name;
    std::string image;  ///< as it was named
    std::int64_t pid = 0;
    std::string cluster;               ///< by zkprov's label; empty: not zkprov's
    std::string sid;                   ///< the same
    std::optional<NodeSpec> applied;   ///< what zkprov applied last to it
    std::string network;               ///< its mode: a network's name, host, bridge or default
    std::string address;               ///< in that network
    bool fixed_address = false;        ///< somebody chose it
    std::vector<std::string> aliases;  ///< other names that the network knows it by
    std::vector<std::string> other_networks;
    std::vector<PortSurvey> ports;
    std::vector<MountSurvey> mounts;
    std::string restart;            ///< the engine's policy
    std::int64_t restarts_max = 0;  ///< of on-failure; 0: no end
    std::string user;               ///< empty: the image's own
    std::vector<std::string> more;  ///< settings that no inventory has, in words
    std::string unknown_layout;     ///< why it is not laid out as the official image's are
    std::optional<ServerId> my_id;  ///< ZOO_MY_ID
    ServerSurvey server;            ///< its directories are the host's

    friend bool operator==(const ContainerSurvey&, const ContainerSurvey&) = default;
    static void fields(auto& archive, auto& self) {
        archive("name", self.name);
        archive("image", self.image);
        archive("pid", self.pid);
        archive("cluster", self.cluster);
        archive("sid", self.sid);
        archive("applied", self.applied);
        archive("network", self.network);
        archive("address", self.address);
        archive("fixed_address", self.fixed_address);
        archive("aliases", self.aliases);
        archive("other_networks", self.other_networks);
        archive("ports", self.ports);
        archive("mounts", self.mounts);
        archive("restart", self.restart);
        archive("restarts_max", self.restarts_max);
        archive("user", self.user);
        archive("more", self.more);
        archive("unknown_layout", self.unknown_layout);
        archive("my_id", self.my_id);
        archive("server", self.server);
    }
};

struct HostSurvey {
    std::string hostname;
    std::uint32_t uid = 0;  ///< of the agent: others than root do not see all
    bool systemd = false;
    std::vector<ServerSurvey> servers;        ///< by pid
    std::optional<NodeSpec> applied;          ///< what zkprov applied last on this host
    std::vector<std::string> existing;        ///< of the directories that were asked for
    std::string engine;                       ///< the socket of the engine that was asked
    std::string engine_failure;               ///< why it says nothing
    std::vector<ContainerSurvey> containers;  ///< of `servers` those in containers, by name
    std::vector<SubnetFact> networks;         ///< of the engine, where it has such containers

    friend bool operator==(const HostSurvey&, const HostSurvey&) = default;
    static void fields(auto& archive, auto& self) {
        archive("hostname", self.hostname);
        archive("uid", self.uid);
        archive("systemd", self.systemd);
        archive("servers", self.servers);
        archive("applied", self.applied);
        archive("existing", self.existing);
        archive("engine", self.engine);
        archive("engine_failure", self.engine_failure);
        archive("containers", self.containers);
        archive("networks", self.networks);
    }
};
/// Which directories of the caller's choice exist: he may want one that nobody uses.
struct SurveyRequest {
    std::vector<std::string> directories;
    std::string engine;  ///< the socket of a Docker engine
    static void fields(auto& archive, auto& self) {
        archive("directories", self.directories);
        archive("engine", self.engine);
    }
};

std::string to_json(const HostSurvey& survey);
std::string to_json(const SurveyRequest& request);

}  // namespace zk::agent_api
