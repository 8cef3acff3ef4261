// Taking a node away from its host: what is asked of the agent, and what it says of it (decisions/0016).
// Pure. Travels as JSON. The work itself: agent_host/removal.
#pragma once

#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "agent_api/link.h"
#include "agent_api/names.h"
#include "agent_api/node_facts.h"
#include "agent_api/node_spec.h"
#include "base/ids.h"

namespace zk::agent_api {

/// In this order; each may be repeated, and a run that was cut short begins at the first again.
enum class RemovalStage {
    look,    ///< only say what would go and what would stay; changes nothing
    stop,    ///< the server; nothing is removed yet, and `start` brings it back
    remove,  ///< all but the agent's record, by which another run would go on
    leave,  ///< the agent's record and its program; the session goes on answering until its link ends
};
constexpr std::array<std::string_view, 4> enum_words(RemovalStage) {
    return {"look", "stop", "remove", "leave"};
}

/// The node as the inventory has it. What is removed is what the agent's own record says; where the two differ, nothing is.
struct RemovalRequest {
    RemovalStage stage = RemovalStage::look;
    std::string cluster;
    ServerId sid;
    std::string install_dir;
    std::string data_dir;
    std::string log_dir;
    bool delete_data = false;  ///< also the data and log directories
    bool own_program = false;  ///< a controller put the agent's program on this host

    static void fields(auto& archive, auto& self) {
        archive("stage", self.stage);
        archive("cluster", self.cluster);
        archive("sid", self.sid);
        archive("install_dir", self.install_dir);
        archive("data_dir", self.data_dir);
        archive("log_dir", self.log_dir);
        archive("delete_data", self.delete_data);
        archive("own_program", self.own_program);
    }
};

/// Something that stays on the host.
struct KeptThing {
    std::string what;  ///< a path, an account, a network
    std::string why;
    friend bool operator==(const KeptThing&, const KeptThing&) = default;
    static void fields(auto& archive, auto& self) {
        archive("what", self.what);
        archive("why", self.why);
    }
};

struct RemovalReport {
    bool installed = false;            ///< the agent has a record of what was installed here
    std::vector<std::string> removed;  ///< `look`: would be
    std::vector<KeptThing> kept;
    static void fields(auto& archive, auto& self) {
        archive("installed", self.installed);
        archive("removed", self.removed);
        archive("kept", self.kept);
    }
};

std::string to_json(const RemovalRequest& request);
std::string to_json(const RemovalReport& report);

/// Left in a data directory that stays, so that a later run may still delete it: the specification, as JSON.
inline constexpr std::string_view kLeftDataFile = "zkprov.left";

/// Why nothing may be removed: the host holds another node, or the inventory names other directories than those that were
/// installed. Nothing: they agree.
std::optional<AgentError> check_removal(const RemovalRequest& request, const NodeSpec& applied);
/// The same by the record alone, which may outlive the specification.
std::optional<AgentError> check_removal(const RemovalRequest& request,
                                        const RecordedIdentity& identity);

}  // namespace zk::agent_api
