#include "agent_api/removal.h"

#include <tuple>

namespace zk::agent_api {
namespace {

std::optional<AgentError> other_node(const RemovalRequest& request,
                                     const std::string& cluster,
                                     ServerId sid) {
    if (cluster == request.cluster && sid == request.sid) return std::nullopt;
    return AgentError{AgentErrc::identity_conflict,
                      "this host holds server " + to_string(sid) + " of " + cluster +
                          ", and the inventory says server " + to_string(request.sid) + " of " +
                          request.cluster + "; nothing of another node is removed"};
}

}  // namespace

std::optional<AgentError> check_removal(const RemovalRequest& request, const NodeSpec& applied) {
    if (auto other = other_node(request, applied.cluster, applied.sid)) return other;
    using Row = std::tuple<const char*, const std::string&, const std::string&>;
    for (const auto& [key, wanted, there] :
         {Row{"install_dir", request.install_dir, applied.install_dir},
          Row{"data_dir", request.data_dir, applied.data_dir},
          Row{"log_dir", request.log_dir, applied.log_dir}}) {
        if (wanted == there) continue;
        return AgentError{AgentErrc::identity_conflict,
                          "the inventory says " + std::string(key) + " " + wanted +
                              ", and what was installed here has " + there +
                              "; take the inventory that was applied last, or correct it"};
    }
    return std::nullopt;
}

std::optional<AgentError> check_removal(const RemovalRequest& request,
                                        const RecordedIdentity& identity) {
    return other_node(request, identity.cluster, identity.sid);
}

}  // namespace zk::agent_api
