#include "plan/observe.h"

namespace zk::plan {
namespace {

using agent_api::DataState;
using agent_api::NodeFacts;
using agent_api::NodeSpec;

bool server_runs(const NodeSpec& spec, const NodeFacts& facts) {
    const agent_api::UnitFact* const unit = facts.unit(spec.server_unit);
    if (unit == nullptr) return false;
    return unit->pid > 0 || unit->state == "active" || unit->state == "activating";
}

}  // namespace

NodeActual observe(const NodeSpec& spec, const NodeFacts& facts) {
    NodeActual actual;
    actual.id = spec.sid;
    actual.arch = facts.arch;
    actual.root = facts.uid == 0;
    if (facts.identity) {
        const agent_api::RecordedIdentity& record = *facts.identity;
        actual.identity = Identity{record.cluster, record.sid, record.formed, record.generation};
    }
    actual.data_empty = facts.data.state != DataState::data;
    // No transaction and epoch 0: it never followed an established leader, so it holds nothing that
    // was acknowledged.
    const auto& epoch = facts.data.current_epoch;
    actual.ever_served =
        !actual.data_empty && (facts.data.transactions || (epoch && epoch->value() > 0));
    actual.server_running = server_runs(spec, facts);
    for (const agent_api::SpaceFact& fact : facts.space) {
        if (fact.path != spec.data_dir && fact.path != spec.log_dir &&
            fact.path != spec.install_dir) {
            continue;
        }
        actual.spaces.push_back({fact.path, fact.free_bytes, fact.read_only});
    }
    for (const agent_api::PortFact& fact : facts.ports) {
        if (!fact.ours) actual.taken_ports.push_back({fact.port, fact.owner});
    }
    return actual;
}

}  // namespace zk::plan
