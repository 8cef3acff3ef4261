#include "first_boot/node_setup.h"

#include <chrono>
#include <filesystem>
#include <set>
#include <utility>
#include <variant>

#include <arpa/inet.h>
#include <netdb.h>
#include <sys/socket.h>

#include "agent_api/agent_errc.h"
#include "agent_host/host_facts.h"
#include "agent_host/own_addresses.h"
#include "agent_host/posix.h"
#include "agent_host/server_probe.h"
#include "clocks/clocks.h"
#include "identity/identity.h"
#include "inventory/render.h"
#include "node_plan/node_plan.h"

namespace zk::first_boot {
namespace {

using agent_api::NodeSpec;
using std::chrono::milliseconds;

constexpr auto kProbePatience = milliseconds(1000);
/// A controller's session or the resident agent may hold the lock for a moment.
constexpr auto kLockPatience = std::chrono::seconds(10);
constexpr const char* kNoGeneration = "none";

std::string text_of(const sockaddr* address) {
    char text[INET6_ADDRSTRLEN] = "";
    const void* bytes =
        address->sa_family == AF_INET
            ? static_cast<const void*>(&reinterpret_cast<const sockaddr_in*>(address)->sin_addr)
            : &reinterpret_cast<const sockaddr_in6*>(address)->sin6_addr;
    return ::inet_ntop(address->sa_family, bytes, text, sizeof text) == nullptr ? "" : text;
}

/// All addresses of a name; none when nobody knows it now.
std::vector<std::string> look_up(const std::string& host) {
    addrinfo hints{};
    hints.ai_socktype = SOCK_STREAM;
    addrinfo* list = nullptr;
    if (::getaddrinfo(host.c_str(), nullptr, &hints, &list) != 0) return {};
    std::set<std::string> found;
    for (const addrinfo* entry = list; entry != nullptr; entry = entry->ai_next) {
        if (entry->ai_family != AF_INET && entry->ai_family != AF_INET6) continue;
        found.insert(text_of(entry->ai_addr));
    }
    ::freeaddrinfo(list);
    return {found.begin(), found.end()};
}

/// What the data on this host say of themselves.
std::vector<formation::Claim> claims_of(const inventory::Inventory& inventory) {
    // Of servers that share a machine each has its own directories beside those of the others.
    if (inventory.transport == inventory::Transport::local) return {};
    std::set<std::pair<std::string, std::string>> places;
    for (const inventory::Node& node : inventory.nodes) places.emplace(node.data_dir, node.log_dir);
    std::vector<formation::Claim> claims;
    for (const auto& [data_dir, log_dir] : places) {
        const auto data = agent_host::read_data_fact(data_dir, log_dir);
        if (data.state != agent_api::DataState::data) continue;
        const std::string where = "the data in " + data_dir;
        claims.push_back({where, "", data.myid, "", ""});
        if (const auto& owner = data.owner) {
            claims.push_back({where, owner->cluster, owner->sid, owner->generation, ""});
        }
    }
    return claims;
}

}  // namespace

NodeSetup::NodeSetup(inventory::Inventory inventory,
                     agent_host::StateDir state,
                     std::string server_program,
                     agent_host::EventSink events)
    : inventory_(std::move(inventory)),
      state_(std::move(state)),
      server_program_(std::move(server_program)),
      events_(std::move(events)) {}

Result<> NodeSetup::read_release() {
    std::error_code code;
    const auto size = std::filesystem::file_size(server_program_, code);
    if (code) {
        return Error(code,
                     "the server's program " + server_program_ +
                         ", which comes with this agent (unpack the whole bundle)");
    }
    release_.size = size;
    ZK_TRY(release_.sha256, agent_host::sha256_of_file(server_program_));
    release_.version = agent_host::agent_version() + "-" + release_.sha256.substr(0, 8);
    return ok();
}

Result<std::optional<join::Record>> NodeSetup::load() const {
    ZK_TRY(const auto formation, state_.load_formation());
    if (!formation) return std::optional<join::Record>();
    join::Record record;
    record.formation = *formation;
    ZK_TRY(const auto identity, state_.load_identity());
    // Another cluster's is not taken over: looking at the node tells it as a conflict.
    if (identity && identity->cluster == inventory_.cluster) {
        record.generation = identity->generation;
        record.incarnation = identity->incarnation;
    }
    return std::optional(std::move(record));
}

Result<join::Addresses> NodeSetup::find_addresses() const {
    join::Addresses addresses;
    ZK_TRY(addresses.own, agent_host::own_addresses());
    for (const inventory::Node& node : inventory_.nodes) {
        addresses.members[node.id] = look_up(node.host);
    }
    ZK_TRY(const auto identity, state_.load_identity());
    if (identity) {
        addresses.claims.push_back({"the record in " + state_.path(),
                                    identity->cluster,
                                    identity->sid,
                                    identity->generation,
                                    ""});
    }
    for (auto& claim : claims_of(inventory_)) addresses.claims.push_back(std::move(claim));
    return addresses;
}

Result<NodeSpec> NodeSetup::render(ServerId sid,
                                   const std::string& generation,
                                   const std::optional<agent_api::Incarnation>& incarnation) const {
    const inventory::Node* const node = inventory_.find(sid);
    if (node == nullptr) {
        return Error(Errc::invalid, "the inventory has no server " + to_string(sid));
    }
    return inventory::render_node(inventory_, *node, release_, generation, incarnation);
}

Result<join::Looked> NodeSetup::look(ServerId sid) {
    if (release_.sha256.empty()) ZK_CHECK(read_release());
    join::Looked looked;
    ZK_TRY(looked.spec, render(sid, kNoGeneration, std::nullopt));
    ZK_TRY(looked.facts, agent_host::gather_facts(agent_api::facts_for(looked.spec), state_));
    spec_ = looked.spec;
    looked_data_ = looked.facts.data.state;
    return looked;
}

Result<agent_host::Fd> NodeSetup::lock() const {
    ZK_TRY(agent_host::Fd held, state_.lock(kLockPatience));
    if (state_.join_ended()) {
        return Error(Errc::refused, "zkprov apply has taken this node over");
    }
    ZK_TRY(const auto holder, state_.run_lock_holder());
    if (holder) return Error(Errc::refused, "a controller changes this ensemble right now");
    return held;
}

Result<> NodeSetup::check_data() const {
    const auto data = agent_host::read_data_fact(spec_->data_dir, spec_->log_dir);
    if (!data.unreadable.empty()) return Error(Errc::failed, data.unreadable);
    const bool had = looked_data_ == agent_api::DataState::data;
    if ((data.state == agent_api::DataState::data) == had) return ok();
    return Error(Errc::refused,
                 "there are " + std::string(had ? "no data" : "data") + " in " + spec_->data_dir +
                     " by now, and there were " + (had ? "some" : "none"));
}

Result<> NodeSetup::fetch() {
    if (release_.sha256.empty()) ZK_CHECK(read_release());
    const std::string blob = state_.blob_file(release_.sha256);
    if (agent_host::exists(blob)) return ok();
    const auto installed = agent_host::sha256_of_file(spec_->server_path());
    if (installed.has_value() && *installed == release_.sha256) return ok();
    ZK_TRY(const agent_host::Fd held, lock());
    std::vector<std::string> made;
    ZK_CHECK(agent_host::make_directories(state_.blob_dir(), 0700, made));
    agent_host::FileOptions options;
    options.mode = 0600;
    const std::string part = blob + ".join";
    ZK_CHECK(agent_host::copy_file(server_program_, part, options));
    ZK_TRY(const std::string digest, agent_host::sha256_of_file(part));
    if (digest == release_.sha256) return agent_host::rename_durably(part, blob);
    ZK_CHECK(agent_host::remove_durably(part));
    release_ = {};  // another program lies there by now: named again by the next look
    return Error(Errc::corrupt, server_program_ + " has changed while it was copied");
}

Result<> NodeSetup::store(const join::Record& record) {
    ZK_CHECK(state_.prepare());
    ZK_TRY(const agent_host::Fd held, lock());
    ZK_CHECK(check_data());
    ZK_TRY(const auto known, state_.load_formation());
    if (known && known->nonce != record.formation.nonce) {
        return Error(Errc::refused, "the record of formation on this host is another one by now");
    }
    ZK_TRY(const auto before, state_.load_identity());
    const bool is_another = before && before->formed && !record.generation.empty() &&
                            before->generation != record.generation;
    if (is_another) {
        return Error(Errc::refused,
                     "this host has become a part of formation " + before->generation);
    }
    if (!known || *known != record.formation) {
        ZK_CHECK(state_.save_formation(record.formation));
    }
    if (record.generation.empty()) return ok();
    const bool same = before && before->cluster == inventory_.cluster &&
                      before->sid == spec_->sid && before->generation == record.generation;
    if (same && before->incarnation == record.incarnation) return ok();
    agent_api::RecordedIdentity identity;
    identity.cluster = inventory_.cluster;
    identity.sid = spec_->sid;
    identity.generation = record.generation;
    identity.incarnation = record.incarnation;
    // A node that was made anew has lost what it had, and must not form.
    identity.formed = same && before->formed;
    identity.data_dir = spec_->data_dir;
    identity.recorded_at = clocks::wall_now();
    return state_.save_identity(identity);
}

Result<> NodeSetup::set_mark() {
    ZK_TRY(const agent_host::Fd held, lock());
    ZK_CHECK(check_data());
    // The server's user may not exist yet: bringing the node up gives it the directory, and there it may remove what it
    // can read.
    std::vector<std::string> made;
    ZK_CHECK(agent_host::make_directories(spec_->log_dir, 0750, made));
    agent_host::FileOptions options;
    options.mode = 0644;
    return agent_host::replace_file(spec_->log_dir + "/initialize", ByteView(), options);
}

Result<> NodeSetup::take_mark() {
    ZK_TRY(const agent_host::Fd held, lock());
    return agent_host::remove_durably(spec_->log_dir + "/initialize");
}

Result<> NodeSetup::bring_up(const join::BringUp& how) {
    ZK_TRY(NodeSpec spec, render(spec_->sid, how.generation, how.incarnation));
    spec.formation = how.formation;
    ZK_CHECK(state_.prepare());
    ZK_TRY(const agent_host::Fd held, lock());
    ZK_TRY(const auto facts, agent_host::gather_facts(agent_api::facts_for(spec), state_));
    if (auto wrong = identity::check_identity(spec, facts)) {
        return agent_api::from_agent_error(*wrong);
    }
    auto decision = node_plan::make_plan(spec, facts, false);
    if (auto* wrong = std::get_if<agent_api::AgentError>(&decision)) {
        return agent_api::from_agent_error(*wrong);
    }
    const auto done = agent_host::NodeExecutor(spec, facts, state_, events_)
                          .run(std::get<node_plan::NodePlan>(decision));
    if (done.error) return agent_api::from_agent_error(*done.error);
    return ok();
}

join::Served NodeSetup::look_at_server() const {
    const auto answer =
        agent_host::probe_server(spec_->address, spec_->client_port, kProbePatience);
    join::Served served;
    served.serving = answer.serving;
    const auto data = agent_host::read_data_fact(spec_->data_dir, spec_->log_dir);
    served.has_data = data.state == agent_api::DataState::data;
    if (answer.serving) {
        served.words = "serves";
    } else if (answer.answered) {
        served.words = "the server runs and waits for a leader: a majority has to be up";
    } else {
        served.words = "the server does not answer yet: " + answer.failure;
    }
    return served;
}

}  // namespace zk::first_boot
