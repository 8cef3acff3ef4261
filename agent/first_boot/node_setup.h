// What joining does to the host, one effect at a time: look, fetch, record, mark, bring up.
// Shell, blocking. Each change holds the state directory's lock. Who wants it and in which order: agent/join.
#pragma once

#include <optional>
#include <string>

#include "agent_api/node_spec.h"
#include "agent_host/node_executor.h"
#include "agent_host/state_dir.h"
#include "base/result.h"
#include "inventory/inventory.h"
#include "join/join.h"

namespace zk::first_boot {

class NodeSetup {
  public:
    /// `server_program`: the zkserver that came with this agent. Without it no release can be named.
    NodeSetup(inventory::Inventory inventory,
              agent_host::StateDir state,
              std::string server_program,
              agent_host::EventSink events);

    /// Names the release; again after it failed.
    Result<> read_release();
    /// What is on the disk of what joining has recorded.
    [[nodiscard]] Result<std::optional<join::Record>> load() const;
    [[nodiscard]] Result<join::Addresses> find_addresses() const;
    Result<join::Looked> look(ServerId sid);
    Result<> fetch();
    /// First what this node has agreed to, then of which formation it is: a crash between the two leaves it without one.
    Result<> store(const join::Record& record);
    Result<> set_mark();
    Result<> take_mark();
    Result<> bring_up(const join::BringUp& how);
    [[nodiscard]] join::Served look_at_server() const;

    /// Of the node looked at last; nothing before.
    [[nodiscard]] const std::optional<agent_api::NodeSpec>& spec() const { return spec_; }

  private:
    /// For a change. Errors: somebody changes this node now, or a controller has taken it over.
    [[nodiscard]] Result<agent_host::Fd> lock() const;
    /// The data are what they were when the node was looked at.
    [[nodiscard]] Result<> check_data() const;
    Result<agent_api::NodeSpec> render(
        ServerId sid,
        const std::string& generation,
        const std::optional<agent_api::Incarnation>& incarnation) const;

    inventory::Inventory inventory_;
    agent_host::StateDir state_;
    std::string server_program_;
    agent_host::EventSink events_;
    agent_api::ReleaseSpec release_;
    std::optional<agent_api::NodeSpec> spec_;
    agent_api::DataState looked_data_ = agent_api::DataState::missing;
};

}  // namespace zk::first_boot
