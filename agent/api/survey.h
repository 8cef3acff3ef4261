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
    std::int64_t line = 0;  ///< of the file; 0: of the command line
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

struct HostSurvey {
    std::string hostname;
    std::uint32_t uid = 0;  ///< of the agent: others than root do not see all
    bool systemd = false;
    std::vector<ServerSurvey> servers;  ///< by pid
    std::optional<NodeSpec> applied;    ///< what zkprov applied last on this host
    std::vector<std::string> existing;  ///< of the directories that were asked for

    friend bool operator==(const HostSurvey&, const HostSurvey&) = default;
    static void fields(auto& archive, auto& self) {
        archive("hostname", self.hostname);
        archive("uid", self.uid);
        archive("systemd", self.systemd);
        archive("servers", self.servers);
        archive("applied", self.applied);
        archive("existing", self.existing);
    }
};
/// Which directories of the caller's choice exist: he may want one that nobody uses.
struct SurveyRequest {
    std::vector<std::string> directories;
    static void fields(auto& archive, auto& self) { archive("directories", self.directories); }
};

std::string to_json(const HostSurvey& survey);
std::string to_json(const SurveyRequest& request);

}  // namespace zk::agent_api
