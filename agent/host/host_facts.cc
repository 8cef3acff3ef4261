#include "agent_host/host_facts.h"

#include <algorithm>
#include <filesystem>
#include <ifaddrs.h>
#include <set>
#include <unistd.h>

#include <arpa/inet.h>
#include <net/if.h>
#include <sys/stat.h>
#include <sys/utsname.h>

#include "agent_api/digest.h"
#include "agent_host/accounts.h"
#include "agent_host/agent_socket.h"
#include "agent_host/apache_release.h"
#include "agent_host/containers.h"
#include "agent_host/data_copy.h"
#include "agent_host/data_owner.h"
#include "agent_host/disks.h"
#include "agent_host/journal.h"
#include "agent_host/outside_container.h"
#include "agent_host/ports.h"
#include "agent_host/posix.h"
#include "agent_host/process.h"
#include "agent_host/server_probe.h"
#include "agent_host/server_survey.h"
#include "agent_host/systemd.h"
#include "base/numbers.h"
#include "clocks/clocks.h"

namespace zk::agent_host {
namespace {

using agent_api::DataFact;
using agent_api::DataState;
using agent_api::FactsRequest;
using agent_api::NodeFacts;
using agent_api::PathFact;
using agent_api::PortFact;
using agent_api::SpaceFact;
using agent_api::UnitFact;

std::optional<std::int64_t> number_in(const std::string& path) {
    const auto text = read_file(path, 4096);
    if (!text.has_value()) return std::nullopt;
    const std::size_t end = text->find_last_not_of(" \r\n");
    return parse_number(ByteView(*text).substr(0, end + 1));
}

void look_into(const std::string& directory, DataFact& fact) {
    namespace fs = std::filesystem;
    std::error_code code;
    // A link into a disk that is not there is no empty directory.
    if (fs::symlink_status(directory, code).type() == fs::file_type::not_found) return;
    fs::directory_iterator at(directory, code);
    for (const fs::directory_iterator end; !code && at != end; at.increment(code)) {
        const std::string name = at->path().filename().string();
        const auto snapshot = zxid_in_name(name, "snapshot.");
        const auto log = zxid_in_name(name, "log.");
        if (!snapshot && !log) continue;
        fact.state = DataState::data;
        if (log || *snapshot > 0) fact.transactions = true;
    }
    if (code) fact.unreadable = "cannot read " + directory + ": " + code.message();
}

std::string os_name() {
    const auto text = read_file("/etc/os-release", 65536);
    if (!text.has_value()) return {};
    const std::string_view key = "PRETTY_NAME=";
    std::size_t at = text->find(key);
    if (at == Bytes::npos) return {};
    at += key.size();
    std::string name = text->substr(at, text->find('\n', at) - at);
    if (name.size() >= 2 && name.front() == '"') name = name.substr(1, name.size() - 2);
    return name;
}

void gather_host(const FactsRequest& request, NodeFacts& facts) {
    utsname names{};
    if (::uname(&names) == 0) {
        facts.hostname = names.nodename;
        facts.arch = names.machine;
    }
    facts.os = os_name();
    facts.uid = ::geteuid();
    facts.systemd = runs_systemd();
    facts.sudo_ok = facts.uid == 0;
    facts.user_exists = request.user.empty() || user_id(request.user).has_value();
    facts.group_exists = request.group.empty() || group_id(request.group).has_value();
    facts.agent_version = agent_version();
    facts.agent_sha256 = own_sha256();
    facts.wall_ms = clocks::wall_now();
}

void gather_addresses(NodeFacts& facts) {
    ifaddrs* list = nullptr;
    if (::getifaddrs(&list) != 0) return;
    for (const ifaddrs* entry = list; entry != nullptr; entry = entry->ifa_next) {
        if (entry->ifa_addr == nullptr || (entry->ifa_flags & IFF_UP) == 0) continue;
        char text[INET6_ADDRSTRLEN] = {};
        const int family = entry->ifa_addr->sa_family;
        const void* raw = nullptr;
        if (family == AF_INET) {
            raw = &reinterpret_cast<const sockaddr_in*>(entry->ifa_addr)->sin_addr;
        } else if (family == AF_INET6) {
            raw = &reinterpret_cast<const sockaddr_in6*>(entry->ifa_addr)->sin6_addr;
        }
        if (raw != nullptr && ::inet_ntop(family, raw, text, sizeof text) != nullptr) {
            facts.own_addresses.emplace_back(text);
        }
    }
    ::freeifaddrs(list);
    std::sort(facts.own_addresses.begin(), facts.own_addresses.end());
}

void gather_path(const std::string& path, NodeFacts& facts) {
    struct stat status {};
    if (::stat(path.c_str(), &status) != 0) return;
    PathFact fact;
    fact.path = path;
    fact.mode = status.st_mode & 07777;
    fact.owner = owner_name(status.st_uid, status.st_gid);
    fact.owner_ids = std::to_string(status.st_uid) + ":" + std::to_string(status.st_gid);
    fact.directory = S_ISDIR(status.st_mode);
    if (!fact.directory) {
        const auto digest = sha256_of_file(path);
        fact.sha256 = digest.has_value() ? *digest : "unreadable";
    }
    facts.paths.push_back(std::move(fact));
}

/// By which the release in `release_dir` is known; a directory has that name once it is whole.
std::string kept_release(const FactsRequest& request) {
    if (request.release_dir.empty()) return {};
    if (!request.release_record.empty()) {
        return recorded_release(request.release_dir + "/" + std::string(agent_api::kReleaseRecord));
    }
    const auto digest = sha256_of_file(request.release_dir + "/bin/zkserver");
    return digest.has_value() ? *digest : std::string();
}

void gather_programs(const FactsRequest& request, NodeFacts& facts) {
    if (const auto digest = sha256_of_file(request.agent_path); digest.has_value()) {
        facts.installed_agent_sha256 = *digest;
    }
    if (!request.release_record.empty()) {
        facts.release_sha256 = recorded_release(request.release_record);
    } else if (const auto digest = sha256_of_file(request.server_path); digest.has_value()) {
        facts.release_sha256 = *digest;
    }
    if (!request.container) {
        facts.release_flavor = release_flavor(request.install_dir + "/current");
    }
    if (!request.java.empty()) {
        auto java = ask_java(request.java);
        facts.java_version = java.version;
        facts.java_words = std::move(java.words);
    }
    std::error_code code;
    const auto target = std::filesystem::read_symlink(request.install_dir + "/current", code);
    if (!code) facts.release_target = target.string();
    const bool current =
        request.release_dir == request.install_dir + "/" + facts.release_target && !code;
    facts.kept_sha256 = current ? facts.release_sha256 : kept_release(request);
}

UnitFact supervised_fact(const std::string& name, const std::optional<ProcessId>& process) {
    UnitFact fact;
    fact.name = name;
    fact.enabled = true;
    fact.state = "inactive";
    if (!process || !is_alive(*process)) return fact;
    const auto info = process_info(process->pid);
    fact.state = "active";
    fact.pid = process->pid;
    if (info) {
        fact.started_at =
            WallMs(clocks::wall_now().value() - static_cast<std::int64_t>(info->uptime_ms));
    }
    return fact;
}

UnitFact fact_of(const UnitState& state, const std::string& name) {
    UnitFact fact;
    fact.name = name;
    fact.state = state.active;
    fact.enabled = state.enabled;
    fact.pid = state.main_pid;
    if (const auto info = process_info(fact.pid)) {
        fact.started_at =
            WallMs(clocks::wall_now().value() - static_cast<std::int64_t>(info->uptime_ms));
    }
    return fact;
}

/// The container, and its agent, which is a unit or not. Of an engine that cannot be asked container_facts() tells.
Result<> gather_container(const FactsRequest& request, const StateDir& state, NodeFacts& facts) {
    facts.container = container_facts(*request.container, state);
    if (request.units.size() < 2) return ok();
    if (facts.container->failure.empty()) {
        ZK_TRY(const auto container, container_state(*request.container));
        facts.units.push_back(fact_of(container, request.units[0]));
    }
    if (!request.agent_is_unit) {
        facts.units.push_back(
            supervised_fact(request.units[1], read_pid_file(state.agent_pid_file())));
    } else if (facts.systemd) {
        ZK_TRY(const auto states, unit_states({request.units[1]}));
        facts.units.push_back(fact_of(states.front(), request.units[1]));
    }
    return ok();
}

Result<> gather_units(const FactsRequest& request, const StateDir& state, NodeFacts& facts) {
    if (request.container) return gather_container(request, state, facts);
    if (!request.any_address) {
        // The order of facts_for: the server, then the agent.
        if (!request.units.empty()) {
            facts.units.push_back(supervised_fact(
                request.units[0], running_process(state.server_pid_file(), request.server_path)));
        }
        if (request.units.size() > 1) {
            facts.units.push_back(
                supervised_fact(request.units[1], read_pid_file(state.agent_pid_file())));
        }
    } else if (facts.systemd && !request.units.empty()) {
        ZK_TRY(const auto states, unit_states(request.units));
        for (std::size_t i = 0; i < states.size(); ++i) {
            facts.units.push_back(fact_of(states[i], request.units[i]));
        }
    }
    return ok();
}

void gather_resident(const StateDir& state, NodeFacts& facts) {
    agent_api::Hello hello;
    hello.program = "zkprov-agent " + agent_version();
    const auto answer = ask_resident(
        state, agent_api::MessageType::hello, agent_api::to_json(hello), std::chrono::seconds(2));
    if (!answer.has_value() || answer->type != agent_api::MessageType::hello_ok) return;
    const auto said = agent_api::parse_payload<agent_api::HelloOk>(answer->payload);
    if (!said.has_value()) return;
    facts.resident_agent = true;
    facts.resident_agent_sha256 = said->agent_sha256;
}

/// The node's container, or the one that serves in its place.
bool publishes(const NodeFacts& facts, std::uint16_t port) {
    const auto holds = [port](const std::vector<std::uint16_t>& ports) {
        return std::find(ports.begin(), ports.end(), port) != ports.end();
    };
    if (facts.container && holds(facts.container->host_ports)) return true;
    return facts.outside && facts.outside->held_by && holds(facts.outside->held_by->host_ports);
}

Result<> gather_ports(const FactsRequest& request, std::int64_t server_pid, NodeFacts& facts) {
    ZK_TRY(const auto listeners, listeners_on(request.ports));
    for (const Listener& listener : listeners) {
        if (!is_in_the_way(listener, request.address, request.any_address)) continue;
        PortFact fact;
        fact.port = listener.port;
        // What a container publishes the engine holds for it, or nobody whom /proc shows.
        fact.ours =
            (server_pid != 0 && listener.pid == server_pid) || publishes(facts, listener.port);
        if (listener.pid != 0) {
            fact.owner = listener.program + " (" + std::to_string(listener.pid) + ")";
        }
        facts.ports.push_back(std::move(fact));
    }
    return ok();
}

Result<> gather_journal(const StateDir& state, const FactsRequest& request, NodeFacts& facts) {
    ZK_TRY(const JournalState journal, read_journal(state.journal_file()));
    facts.interrupted = journal.interrupted;
    if (!journal.interrupted) return ok();
    for (const JournalStep& step : journal.steps) {
        if (step.done) continue;
        if (step.begun && step.pid != 0) {
            // The restart was begun: when another process runs by now, it happened.
            const bool agent = step.step == "restart-agent";
            const std::size_t index = agent ? 1 : 0;
            const UnitFact* unit =
                request.units.size() > index ? facts.unit(request.units[index]) : nullptr;
            if (unit != nullptr && unit->pid != 0 && unit->pid != step.pid) continue;
        }
        facts.pending.push_back(step.step);
    }
    return ok();
}

/// Where the agent runs the server, all it knows is what it started.
Result<> gather_outside(const FactsRequest& request,
                        const StateDir& state,
                        std::int64_t unit_pid,
                        NodeFacts& facts) {
    if (request.container) {
        // Why the engine cannot be asked stands with the container.
        if (facts.container->data_user.empty()) return ok();
        ZK_TRY(facts.outside, find_outside_container(*request.container));
        return ok();
    }
    if (!request.any_address || request.ports.empty()) return ok();
    ZK_TRY(const auto applied, state.load_spec());
    facts.outside = find_outside_server({request.data_dir,
                                         request.log_dir,
                                         request.ports[0],
                                         unit_pid,
                                         applied ? applied->conf_path : std::string()});
    return ok();
}

std::string role_word(const ServerAnswer& answer) {
    if (!answer.answered) return {};
    if (!answer.serving) return "looking";
    const auto state = answer.mntr.find("server_state");
    if (state != answer.mntr.end()) return state->second;
    const auto mode = answer.srvr.find("Mode");
    return mode == answer.srvr.end() ? std::string() : mode->second;
}

}  // namespace

std::string agent_version() { return ZKPROV_VERSION; }

std::string own_program() {
    std::error_code code;
    const auto path = std::filesystem::read_symlink("/proc/self/exe", code);
    return code ? std::string() : path.string();
}

std::string machine_hash() {
    const auto text = read_file("/etc/machine-id", 4096);
    if (!text.has_value()) return {};
    const std::string_view id = std::string_view(*text).substr(0, text->find('\n'));
    // systemd writes "uninitialized" into images.
    if (id.size() != 32) return {};
    return agent_api::sha256_hex("zkprov machine " + std::string(id));
}

std::string machine_of(const agent_api::NodeSpec& spec) {
    return spec.manager == agent_api::Manager::systemd ? machine_hash() : "";
}

const std::string& own_sha256() {
    static const std::string digest = [] {
        auto own = sha256_of_file("/proc/self/exe");
        return own.has_value() ? *own : std::string();
    }();
    return digest;
}

std::optional<Epoch> read_current_epoch(const std::string& data_dir) {
    const auto epoch = number_in(data_dir + "/version-2/currentEpoch");
    if (!epoch) return std::nullopt;
    return Epoch(*epoch);
}

namespace {

constexpr std::uint32_t kNobodyYet = 0xffffffff;  // no file has this owner
constexpr std::size_t kOwnerBytesMax = 4096;

void read_owner(const std::string& data_dir, DataFact& fact) {
    const auto text =
        read_file(data_dir + "/" + std::string(agent_api::kDataOwnerFile), kOwnerBytesMax);
    if (!text.has_value()) {
        fact.owner_damaged = !is_not_found(text.error());
        return;
    }
    auto owner = agent_api::parse_data_owner(*text);
    fact.owner_damaged = !owner.has_value();
    if (owner.has_value()) fact.owner = *std::move(owner);
}

/// A host whose record is lost is what its data say.
void repair_identity(NodeFacts& facts) {
    if (facts.identity || facts.data.state != DataState::data || !facts.data.owner) return;
    agent_api::RecordedIdentity identity;
    identity.cluster = facts.data.owner->cluster;
    identity.sid = facts.data.owner->sid;
    identity.generation = facts.data.owner->generation;
    identity.incarnation = facts.data.owner->incarnation;
    // No data_dir: so the plan writes the record anew.
    facts.identity = std::move(identity);
}

}  // namespace

DataFact read_data_fact(const std::string& data_dir, const std::string& log_dir) {
    DataFact fact;
    read_owner(data_dir, fact);
    fact.state = exists(data_dir) ? DataState::empty : DataState::missing;
    if (const auto myid = number_in(data_dir + "/myid")) fact.myid = ServerId(*myid);
    look_into(data_dir + "/version-2", fact);
    if (log_dir != data_dir) look_into(log_dir + "/version-2", fact);
    if (const auto epoch = number_in(data_dir + "/version-2/acceptedEpoch")) {
        fact.accepted_epoch = Epoch(*epoch);
        if (*epoch > 0) fact.state = DataState::data;
    }
    if (const auto epoch = number_in(data_dir + "/version-2/currentEpoch")) {
        fact.current_epoch = Epoch(*epoch);
        if (*epoch > 0) fact.state = DataState::data;
    }
    fact.initialize = exists(log_dir + "/initialize");
    return fact;
}

SpaceFact read_space(const std::string& path) {
    SpaceFact fact;
    fact.path = path;
    const auto disk = read_disk(path);
    if (!disk) return fact;
    fact.free_bytes = disk->free_bytes;
    fact.total_bytes = disk->total_bytes;
    fact.read_only = disk->read_only;
    return fact;
}

Result<NodeFacts> gather_facts(const FactsRequest& request, const StateDir& state) {
    NodeFacts facts;
    gather_host(request, facts);
    gather_addresses(facts);
    for (const std::string& path : request.directories) gather_path(path, facts);
    for (const std::string& path : request.files) gather_path(path, facts);
    gather_programs(request, facts);
    ZK_CHECK(gather_units(request, state, facts));
    if (facts.container) facts.release_flavor = facts.container->flavor;
    gather_resident(state, facts);
    const UnitFact* server = request.units.empty() ? nullptr : facts.unit(request.units[0]);
    const std::int64_t unit_pid = server == nullptr ? 0 : server->pid;
    ZK_CHECK(gather_outside(request, state, unit_pid, facts));
    const std::int64_t server_pid = facts.outside ? facts.outside->pid : unit_pid;
    ZK_CHECK(gather_ports(request, server_pid, facts));
    if (server_pid != 0 && !request.container) {
        facts.running_sha256 = request.release_record.empty() ? program_sha256(server_pid)
                                                              : running_release(server_pid);
        if (!request.ports.empty()) {
            facts.server_role = role_word(
                probe_server(request.address, request.ports[0], std::chrono::milliseconds(1000)));
        }
    }
    ZK_TRY(facts.identity, state.load_identity());
    ZK_TRY(facts.memory, state.load_memory());
    facts.data = read_data_fact(request.data_dir, request.log_dir);
    const CopySize size = copy_size(request.data_dir, request.log_dir);
    facts.data.copy_bytes = size.copied;
    facts.data.link_bytes = size.linked;
    if (request.specs) {
        ZK_TRY(facts.applied, state.load_spec());
        ZK_TRY(facts.before, state.load_before());
    }
    if (request.survey) facts.survey = survey_data(request);
    if (!request.user.empty()) {
        // Nobody's files are a user's that is yet to be made: an earlier one left them.
        const std::uint32_t uid = user_id(request.user).value_or(kNobodyYet);
        facts.others_file = find_others_file(request.data_dir, request.log_dir, uid);
    }
    repair_identity(facts);
    if (facts.identity && facts.data.state == DataState::data) {
        facts.identity->formed = true;
    } else if (facts.identity && facts.data.initialize) {
        // The server removes the marker when it makes its database: it has not done so yet, and
        // what never began is not lost. Without this an apply cut short before the first start
        // would be taken for the loss of all data.
        facts.identity->formed = false;
    }
    for (const std::string& path :
         {request.install_dir, request.data_dir, request.log_dir, state.path()}) {
        facts.space.push_back(read_space(path));
    }
    ZK_CHECK(gather_journal(state, request, facts));
    return facts;
}

}  // namespace zk::agent_host
