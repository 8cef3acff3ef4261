#include "agent_serve/formation_page.h"

#include <chrono>
#include <utility>

#include "agent_api/formation_word.h"
#include "agent_host/host_facts.h"

namespace zk::agent_serve {
namespace {

using agent_api::FormationRecord;
using agent_api::FormationWord;

Result<FormationRecord> record_of(const agent_host::StateDir& state,
                                  const agent_api::NodeSpec& spec) {
    ZK_TRY(auto record, state.load_formation());
    if (record) return *std::move(record);
    // Somebody changes this node: whoever asks, asks again.
    ZK_TRY(const agent_host::Fd lock, state.lock(std::chrono::milliseconds(0)));
    ZK_TRY(auto again, state.load_formation());
    if (again) return *std::move(again);
    return state.begin_formation(agent_host::machine_of(spec));
}

Result<FormationWord> word_now(const agent_host::StateDir& state,
                               const agent_api::NodeSpec& spec,
                               bool serving) {
    ZK_TRY(const auto identity, state.load_identity());
    if (!identity) return Error(Errc::not_found, "this host has no record of its ensemble");
    ZK_TRY(FormationRecord record, record_of(state, spec));
    FormationWord word;
    word.cluster = identity->cluster;
    word.sid = identity->sid;
    word.members_hash = spec.members_digest;
    word.machine = agent_host::machine_of(spec);
    word.nonce = std::move(record.nonce);
    word.generation = identity->generation;
    const auto data = agent_host::read_data_fact(spec.data_dir, spec.log_dir);
    word.has_data = data.state == agent_api::DataState::data;
    word.serving = serving;
    word.incarnation = identity->incarnation;
    ZK_TRY(const auto memory, state.load_memory());
    if (memory && memory->cluster == word.cluster && memory->generation == word.generation) {
        word.remembers = memory->members;
    }
    word.ticket = std::move(record.ticket);
    return word;
}

}  // namespace

http::Response formation_page(const agent_host::StateDir& state,
                              const agent_api::NodeSpec& spec,
                              bool serving) {
    http::Response response;
    const auto word = word_now(state, spec, serving);
    response.status = word.has_value() ? 200 : 503;
    response.content_type = word.has_value() ? "application/json" : "text/plain; charset=utf-8";
    response.body = (word.has_value() ? agent_api::to_json(*word) : word.error().message()) + "\n";
    return response;
}

}  // namespace zk::agent_serve
