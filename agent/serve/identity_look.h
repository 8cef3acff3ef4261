// Finds out who answers on the node's client port: what the server says of its configuration, the
// file myid (read_myid), and which process listens. Shell. Decides nothing: node_judge does. What is dear to
// find out is looked at when another process answers and now and then.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>

#include "agent_api/node_spec.h"
#include "node_judge/probe.h"

namespace zk::agent_serve {

node_judge::MyIdFile read_myid(const std::string& data_dir);

class IdentityLook {
  public:
    /// Whether it is time to look closely. REQUIRES: answer and process of `probe` are filled in.
    /// Called once for each probe.
    bool is_due(const node_judge::Probe& probe);
    /// Looks who listens. REQUIRES: the process of `probe` is the node's server, or it has none, at
    /// this moment.
    void look_at_port(const node_judge::Probe& probe, const agent_api::NodeSpec& spec);
    /// What `conf` answered; kept until it is due again, as what look_at_port() found.
    void take(std::map<std::string, std::string> conf) { conf_ = std::move(conf); }
    /// What was found is a conflict: it is looked at each time until it is gone. An apply writes the
    /// specification down before it restarts the server, which is another one till then.
    void look_again() { seen_.reset(); }
    /// Fills in what was found; of the file myid HostLook does.
    void fill(node_judge::Probe& probe, const agent_api::NodeSpec& spec) const;

  private:
    struct Seen {
        std::int64_t pid = 0;
        bool answered = false;
        bool serving = false;
        friend bool operator==(const Seen&, const Seen&) = default;
    };
    std::optional<Seen> seen_;
    std::uint32_t probes_since_ = 0;
    std::map<std::string, std::string> conf_;
    std::optional<node_judge::PortHolder> stranger_;
};

}  // namespace zk::agent_serve
