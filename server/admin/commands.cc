#include "admin/commands.h"

#include <algorithm>
#include <array>
#include <charconv>

#include "admin/json.h"
#include "admin/mntr.h"
#include "admin/session_words.h"
#include "base/json_text.h"

namespace zk::admin {
namespace {

using core::Role;
using frontend::ConnectionStatistics;

constexpr std::string_view kNothingServed =
    "This ZooKeeper instance is not currently serving requests";
constexpr std::string_view kNoTraceMask = "setTraceMask requires long traceMask argument";

struct Context {
    const Facts& facts;
    const ensemble::ServerConfig& config;
};

/// What a command answers beside "command" and "error".
using Write = void (*)(const Context&, Json&);

void configuration(const Context& context, Json& json) {
    const ensemble::ServerConfig& config = context.config;
    json.number("client_port", context.facts.client_port)
        .text("data_dir", config.data_dir + "/version-2")
        .text("data_log_dir", config.log_dir() + "/version-2")
        .number("tick_time", config.tick_time.count())
        .number("max_client_cnxns", config.client_connections_max)
        .number("min_session_timeout", config.session_timeout_lowest().count())
        .number("max_session_timeout", config.session_timeout_highest().count())
        .number("server_id", context.facts.status.my_id.value())
        .number("client_port_listen_backlog", config.client_backlog);
}

void write_brief(const ConnectionStatistics& connection, Json& json) {
    json.text("remote_socket_address", connection.address)
        .number("interest_ops", interest_of(connection))
        .number("outstanding_requests", connection.queued)
        .number("packets_received", connection.activity.received)
        .number("packets_sent", connection.activity.sent);
}

void write_whole(const Facts& facts, const ConnectionStatistics& connection, Json& json) {
    const frontend::Activity& did = connection.activity;
    write_brief(connection, json);
    json.number("session_id", connection.session.value())
        .text("last_operation", operation_text(did.last_op))
        .number("established", facts.wall.value() + to_ms(connection.established - facts.now))
        .number("session_timeout", connection.timeout_ms)
        .number("last_cxid", did.last_cxid)
        .number("last_zxid", did.last_zxid.value())
        .number("last_response_time", to_ms(did.last_answer.time_since_epoch()))
        .number("last_latency", did.last_latency_ms)
        .number("min_latency", did.latency.min_ms)
        .number("avg_latency", did.latency.total_ms / std::max<std::int64_t>(1, did.latency.count))
        .number("max_latency", did.latency.max_ms);
}

template <class WriteOne>
void write_connections(const Facts& facts, Json& json, const WriteOne& write_one) {
    json.name("connections").open_array();
    for (const ConnectionStatistics& connection : facts.connections) {
        json.open_object();
        write_one(connection);
        json.close_object();
    }
    json.close_array();
    json.name("secure_connections").open_array().close_array();
}

void connections(const Context& context, Json& json) {
    write_connections(context.facts, json, [&](const ConnectionStatistics& connection) {
        write_whole(context.facts, connection, json);
    });
}

void directories(const Context& context, Json& json) {
    json.number("datadir_size", context.facts.process.data_bytes.value_or(-1))
        .number("logdir_size", context.facts.process.log_bytes.value_or(-1));
}

void write_sessions(const std::vector<SessionId>& sessions, Json& json) {
    json.open_array();
    for (const SessionId session : sessions) json.number(session.value());
    json.close_array();
}

void write_paths(const std::vector<std::string>& paths, Json& json) {
    json.open_array();
    for (const std::string& path : paths) json.text(path);
    json.close_array();
}

void dump_sessions(const Context& context, Json& json) {
    const core::SessionsPage& page = context.facts.sessions;
    json.name("expiry_time_to_session_ids").open_object();
    for (const auto& bucket : page.buckets) {
        const Instant at = context.facts.now + bucket.in;
        json.name(std::to_string(to_ms(at.time_since_epoch())));
        write_sessions(bucket.sessions, json);
    }
    json.close_object();
    json.name("session_id_to_ephemeral_paths").open_object();
    for (const auto& [session, paths] : page.ephemerals) {
        json.name(std::to_string(session.value()));
        write_paths(paths, json);
    }
    json.close_object();
}

void write_texts(const Environment& texts, Json& json) {
    for (const auto& [key, value] : texts) json.text(key, value);
}
void environment(const Context& context, Json& json) {
    write_texts(context.facts.environment, json);
}
void properties(const Context& context, Json& json) { write_texts(context.facts.properties, json); }

void trace_mask(const Context& context, Json& json) {
    json.number("tracemask", context.facts.trace_mask);
}

void digests(const Context& context, Json& json) {
    json.name("digests").open_array();
    for (const auto& [zxid, digest] : context.facts.digests) {
        json.open_object()
            .number("zxid", zxid.value())
            .number("digest", static_cast<std::int64_t>(digest))
            .number("digest_version", 2)
            .close_object();
    }
    json.close_array();
}

void initial_configuration(const Context& context, Json& json) {
    json.text("initial_configuration", context.facts.configuration);
}

void is_read_only(const Context& context, Json& json) {
    json.flag("read_only", context.facts.status.read_only);
}

void last_snapshot(const Context& context, Json& json) {
    const SnapshotFacts& snapshot = context.facts.snapshot;
    json.text("zxid", hex(snapshot.zxid.value()).substr(2))
        .number("timestamp", snapshot.modified_s);
}

void leader(const Context& context, Json& json) {
    const core::StatusPage& status = context.facts.status;
    json.flag("is_leader", status.role == Role::leading)
        .number("leader_id", status.leader.value_or(ServerId(-1)).value());
    const ensemble::Member* member =
        status.leader ? context.config.ensemble.find(*status.leader) : nullptr;
    json.text("leader_ip", member != nullptr ? member->host : "");
}

void monitor(const Context& context, Json& json) {
    for (const Measure& measure : measures_of(context.facts, context.config)) {
        if (measure.is_text) {
            json.text(measure.name, measure.value);
        } else {
            json.raw(measure.name, measure.value);
        }
    }
}

void observers(const Context&, Json& json) {
    json.number("synced_observers", 0);
    json.name("observers").open_array().close_array();
}

void nothing(const Context&, Json&) {}

void write_sizes(std::string_view name, const metrics::SizeStatistics& sizes, Json& json) {
    json.name(name)
        .open_object()
        .number("last_buffer_size", sizes.last)
        .number("min_buffer_size", sizes.min)
        .number("max_buffer_size", sizes.max)
        .close_object();
}

void server_stats(const Context& context, Json& json) {
    const Facts& facts = context.facts;
    const frontend::Statistics& traffic = facts.traffic;
    json.text("version", facts.version).flag("read_only", facts.status.read_only);
    json.name("server_stats").open_object();
    json.number("packets_sent", traffic.packets_sent)
        .number("packets_received", traffic.packets_received)
        .number("fsync_threshold_exceed_count", facts.log.slow);
    write_sizes("client_response_stats", traffic.answers, json);
    json.number("data_dir_size", facts.process.data_bytes.value_or(-1))
        .number("log_dir_size", facts.process.log_bytes.value_or(-1))
        .flag("provider_null", false)
        .text("server_state", role_text(facts.status))
        .number("last_processed_zxid", facts.status.last_zxid.value())
        .number("outstanding_requests", traffic.outstanding)
        .raw("avg_latency", average_text(traffic.latency.total_ms, traffic.latency.count))
        .number("max_latency", traffic.latency.max_ms)
        .number("min_latency", traffic.latency.min_ms)
        .number("num_alive_client_connections", traffic.connections)
        .number("auth_failed_count", traffic.auth_failures)
        .number("non_mtlsremote_conn_count", 0)
        .number("non_mtlslocal_conn_count", 0)
        .number("uptime", to_ms(facts.uptime))
        .close_object();
    write_sizes("client_response", traffic.answers, json);
    if (facts.status.role == Role::leading)
        write_sizes("proposal_stats", facts.status.proposals, json);
    json.number("node_count", static_cast<std::int64_t>(facts.status.znode_count));
}

void stats(const Context& context, Json& json) {
    server_stats(context, json);
    write_connections(context.facts, json, [&](const ConnectionStatistics& connection) {
        write_brief(connection, json);
    });
}

void voting_view(const Context& context, Json& json) {
    json.name("current_config").open_object();
    for (const auto& [sid, member] : context.config.ensemble.members) {
        if (!context.config.replicated() || member.role != ensemble::Role::participant) continue;
        json.name(to_string(sid)).open_object();
        json.name("server_addresses")
            .open_array()
            .text(ensemble::to_string(member.quorum_address()))
            .close_array();
        json.name("election_addresses")
            .open_array()
            .text(ensemble::to_string(member.election_address()))
            .close_array();
        json.text("client_address", member.client ? ensemble::to_string(*member.client) : "");
        json.text("learner_type", "participant").close_object();
    }
    json.close_object();
}

void watches(const Context& context, Json& json) {
    json.name("session_id_to_watched_paths").open_object();
    for (const auto& [session, paths] : watched_by_session(context.facts.watched)) {
        json.name(std::to_string(session.value()));
        write_paths(paths, json);
    }
    json.close_object();
}

void watches_of_paths(const Context& context, Json& json) {
    json.name("path_to_session_ids").open_object();
    for (const auto& [path, sessions] : context.facts.watched) {
        json.name(path);
        write_sessions(sessions, json);
    }
    json.close_object();
}

void watch_counts(const Context& context, Json& json) {
    const auto& watched = context.facts.watched;
    std::int64_t total = 0;
    for (const auto& one : watched) total += static_cast<std::int64_t>(one.sessions.size());
    json.number("num_connections", static_cast<std::int64_t>(watched_by_session(watched).size()))
        .number("num_paths", static_cast<std::int64_t>(watched.size()))
        .number("num_total_watches", total);
}

/// Apache's MultipleAddresses, of which ours have one each.
void write_address(std::string_view name, const ensemble::HostPort& address, Json& json) {
    const std::string text = ensemble::to_string(address);
    const auto list = [&](std::string_view own_name, std::string_view value) {
        json.name(own_name).open_array().text(value).close_array();
    };
    json.name(name).open_object().flag("empty", false);
    list("all_addresses", text);
    list("all_reachable_addresses", text);
    json.text("one", text).text("reachable_address", text);
    list("wildcard_addresses", ensemble::to_string(ensemble::HostPort{"0.0.0.0", address.port}));
    json.name("all_ports").open_array().number(address.port).close_array();
    list("all_host_strings", address.host);
    list("all_reachable_addresses_or_all", text);
    json.text("reachable_or_one", text).close_object();
}

void zab_state(const Context& context, Json& json) {
    const core::StatusPage& status = context.facts.status;
    const ensemble::Member* own = context.config.ensemble.find(status.my_id);
    const bool in_quorum = status.role == Role::leading || status.role == Role::following;
    if (!status.serving || !in_quorum || own == nullptr) {
        json.flag("voting", false).text("zabstate", "");
        return;
    }
    json.number("myid", status.my_id.value()).flag("is_leader", status.role == Role::leading);
    write_address("quorum_address", own->quorum_address(), json);
    write_address("election_address", own->election_address(), json);
    json.text("client_address", own->client ? ensemble::to_string(*own->client) : "")
        .flag("voting", own->role == ensemble::Role::participant)
        .text("last_zxid", hex(status.last_zxid.value()))
        .number("zab_epoch", status.last_zxid.epoch().value())
        .number("zab_counter", status.last_zxid.counter())
        .text("zabstate", "broadcast");
}

struct Command {
    std::string_view name;
    std::array<std::string_view, 2> aliases{};
    Write write = nullptr;
    AdminQuestion question{};
};

constexpr AdminQuestion kPlain{};
constexpr AdminQuestion kOfSome{.wanted = {}, .needs_rights = true};
constexpr AdminQuestion without_service(Wanted wanted) {
    return {.wanted = wanted, .needs_service = false};
}
constexpr AdminQuestion with(Wanted wanted) { return {.wanted = wanted}; }
constexpr AdminQuestion does(Deed deed) { return {.wanted = {}, .deed = deed}; }

// By name.
constexpr std::array kCommands = {
    Command{"configuration", {"conf", "config"}, configuration, kPlain},
    Command{"connection_stat_reset", {"crst"}, nothing, does(Deed::reset_connections)},
    Command{"connections", {"cons"}, connections, with({.connections = true})},
    Command{"dirs", {}, directories, with({.process = true})},
    Command{"dump", {}, dump_sessions, with({.sessions = true})},
    Command{"environment", {"env", "envi"}, environment, without_service({.environment = true})},
    Command{"get_trace_mask", {"gtmk"}, trace_mask, without_service({})},
    Command{"hash", {}, digests, with({.digests = true})},
    Command{
        "initial_configuration", {"icfg"}, initial_configuration, with({.configuration = true})},
    Command{"is_read_only", {"isro"}, is_read_only, kPlain},
    Command{"last_snapshot", {"lsnp"}, last_snapshot, with({.snapshot = true})},
    Command{"leader", {"lead"}, leader, kPlain},
    Command{"monitor", {"mntr"}, monitor, with({.process = true, .log = true, .quotas = true})},
    Command{"observer_connection_stat_reset", {"orst"}, nothing, kPlain},
    Command{"observers", {"obsr"}, observers, kPlain},
    Command{"restore", {"rest"}, nothing, kOfSome},
    Command{"ruok", {}, nothing, kPlain},
    Command{"server_stats", {"srvr"}, server_stats, with({.process = true, .log = true})},
    Command{"set_trace_mask",
            {"stmk"},
            trace_mask,
            {.wanted = {}, .needs_service = false, .deed = Deed::set_trace_mask}},
    Command{"snapshot",
            {"snap"},
            nothing,
            {.wanted = {}, .deed = Deed::take_snapshot, .needs_rights = true}},
    Command{"stat_reset", {"srst"}, nothing, does(Deed::reset_server)},
    Command{"stats", {"stat"}, stats, with({.process = true, .log = true, .connections = true})},
    Command{"system_properties", {"sysp"}, properties, without_service({.properties = true})},
    Command{"voting_view", {}, voting_view, kPlain},
    Command{"watch_summary", {"wchs"}, watch_counts, with({.watches = true})},
    Command{"watches", {"wchc"}, watches, with({.watches = true})},
    Command{"watches_by_path", {"wchp"}, watches_of_paths, with({.watches = true})},
    Command{"zabstate", {}, zab_state, without_service({})},
};

const Command* find_command(std::string_view name) {
    const auto found =
        std::find_if(kCommands.begin(), kCommands.end(), [name](const Command& command) {
            return command.name == name ||
                   std::find(command.aliases.begin(), command.aliases.end(), name) !=
                       command.aliases.end();
        });
    return found == kCommands.end() || name.empty() ? nullptr : &*found;
}

std::optional<std::int64_t> trace_mask_of(const AdminTarget& target) {
    const auto text = target.parameter("traceMask");
    if (!text) return std::nullopt;
    std::string_view digits = *text;
    if (digits.size() > 1 && digits.front() == '+' && digits[1] != '-') digits.remove_prefix(1);
    std::int64_t mask = 0;
    const char* end = digits.data() + digits.size();
    const auto [stop, code] = std::from_chars(digits.data(), end, mask);
    if (code != std::errc() || stop != end) return std::nullopt;
    return mask;
}

/// Where a command fails by itself the error comes first, as in Apache's.
std::string failed(std::string_view command, std::string_view error) {
    Json json;
    json.open_object().text("error", error).text("command", command).close_object();
    return json.take();
}

std::string refused(std::string_view command, std::string_view error) {
    Json json;
    json.open_object().text("command", command).text("error", error).close_object();
    return json.take();
}

}  // namespace

std::optional<AdminQuestion> question_of(const AdminTarget& target) {
    const Command* command = find_command(target.command);
    if (command == nullptr) return std::nullopt;
    AdminQuestion question = command->question;
    if (question.deed == Deed::set_trace_mask) {
        const auto mask = trace_mask_of(target);
        if (!mask) return std::nullopt;
        question.trace_mask = *mask;
    }
    return question;
}

std::string answer_command(const AdminTarget& target,
                           const Facts& facts,
                           const ensemble::ServerConfig& config) {
    const Command* command = find_command(target.command);
    if (command == nullptr) return refused(target.command, "Unknown command: " + target.command);
    const std::string_view name = command->name;
    if (command->question.deed == Deed::set_trace_mask && !trace_mask_of(target)) {
        const auto text = target.parameter("traceMask");
        return failed(name, std::string(kNoTraceMask) + (text ? ", got " + *text : ""));
    }
    if (command->question.needs_service && !facts.status.serving)
        return refused(name, kNothingServed);
    const bool alone = facts.status.role == Role::standalone || facts.status.read_only;
    if (command->write == leader && alone) return failed(name, "server is not initialized");
    Json json;
    json.open_object();
    command->write({facts, config}, json);
    json.text("command", name).raw("error", "null").close_object();
    return json.take();
}

std::string command_list(std::string_view command_url) {
    std::string page;
    for (const Command& command : kCommands) {
        page.append("<a href=\"").append(command_url).append("/").append(command.name);
        page.append("\">").append(command.name).append("</a>\n<br/>\n");
    }
    return page;
}

std::vector<std::vector<std::string_view>> command_names() {
    std::vector<std::vector<std::string_view>> all;
    for (const Command& command : kCommands) {
        all.push_back({command.name});
        for (const std::string_view alias : command.aliases) {
            if (!alias.empty()) all.back().push_back(alias);
        }
    }
    return all;
}

}  // namespace zk::admin
