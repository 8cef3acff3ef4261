#include "admin/four_letter.h"

#include <algorithm>
#include <array>

#include <fmt/core.h>

#include "admin/mntr.h"
#include "admin/session_words.h"
#include "ensemble/ensemble_config.h"

namespace zk::admin {
namespace {

constexpr std::string_view kNotServing =
    "This ZooKeeper instance is not currently serving requests\n";

std::string server_lines(const Facts& facts) {
    const frontend::LatencyStatistics& latency = facts.traffic.latency;
    std::string text;
    text += fmt::format("Latency min/avg/max: {}/{}/{}\n",
                        latency.min_ms,
                        average_text(latency.total_ms, latency.count),
                        latency.max_ms);
    text += fmt::format("Received: {}\n", facts.traffic.packets_received);
    text += fmt::format("Sent: {}\n", facts.traffic.packets_sent);
    text += fmt::format("Connections: {}\n", facts.traffic.connections);
    text += fmt::format("Outstanding: {}\n", facts.traffic.outstanding);
    text += fmt::format("Zxid: {}\n", hex(facts.status.last_zxid.value()));
    text += fmt::format("Mode: {}\n", role_text(facts.status));
    text += fmt::format("Node count: {}\n", facts.status.znode_count);
    if (facts.status.role == core::Role::leading) {
        const metrics::SizeStatistics& sizes = facts.status.proposals;
        text += fmt::format(
            "Proposal sizes last/min/max: {}/{}/{}\n", sizes.last, sizes.min, sizes.max);
    }
    return text;
}

std::string version_line(const Facts& facts) {
    return fmt::format("Zookeeper version: {}\n", facts.version) +
           (facts.status.read_only ? "READ-ONLY mode; serving only read-only clients\n" : "");
}

std::string srvr(const Facts& facts) { return version_line(facts) + server_lines(facts); }

std::string stat(const Facts& facts) {
    std::string text = version_line(facts) + "Clients:\n";
    for (const frontend::ConnectionStatistics& connection : facts.connections) {
        text += fmt::format(" /{}[{:x}](queued={},recved={},sent={})\n",
                            connection.address,
                            interest_of(connection),
                            connection.queued,
                            connection.activity.received,
                            connection.activity.sent);
    }
    return text + "\n" + server_lines(facts);
}

/// What `vote` tells of now, this tells of the last elections. The first line says in which form.
std::string elec(const Facts& facts) {
    return fmt::format("elections form=1 server={} uptime_ms={}\n",
                       facts.status.my_id.value(),
                       to_ms(facts.uptime)) +
           facts.elections;
}

std::string dirs(const ProcessFacts& process) {
    return fmt::format("datadir_size: {}\nlogdir_size: {}\n",
                       process.data_bytes.value_or(-1),
                       process.log_bytes.value_or(-1));
}

std::string envi(const Environment& environment) {
    std::string text = "Environment:\n";
    for (const auto& [key, value] : environment) text += key + "=" + value + "\n";
    return text;
}

std::string hash(const Facts& facts) {
    std::string text;
    for (const auto& [zxid, digest] : facts.digests) {
        text += fmt::format("{:x}: {}\n",
                            static_cast<std::uint64_t>(zxid.value()),
                            static_cast<std::int64_t>(digest));
    }
    return text;
}

std::string conf(const Facts& facts, const ensemble::ServerConfig& config) {
    std::string text;
    const auto line = [&text](std::string_view key, const auto& value) {
        text += fmt::format("{}={}\n", key, value);
    };
    line("clientPort", facts.client_port);
    line("secureClientPort", -1);
    line("dataDir", config.data_dir + "/version-2");
    if (facts.process.data_bytes) line("dataDirSize", *facts.process.data_bytes);
    line("dataLogDir", config.log_dir() + "/version-2");
    if (facts.process.log_bytes) line("dataLogSize", *facts.process.log_bytes);
    line("tickTime", config.tick_time.count());
    line("maxClientCnxns", config.client_connections_max);
    line("minSessionTimeout", config.session_timeout_lowest().count());
    line("maxSessionTimeout", config.session_timeout_highest().count());
    line("clientPortListenBacklog", config.client_backlog);
    line("serverId", facts.status.my_id.value());
    if (!config.replicated()) return text;
    line("initLimit", config.init_limit_ticks);
    line("syncLimit", config.sync_limit_ticks);
    line("electionAlg", 3);
    if (const ensemble::Member* own = config.ensemble.find(facts.status.my_id)) {
        line("electionPort", own->election_port);
        line("quorumPort", own->quorum_port);
        line("peerType", own->role == ensemble::Role::observer ? 1 : 0);
    }
    return text + "membership: \n" + ensemble::to_string(config.ensemble);
}

}  // namespace

std::string full_version(std::string_view own_version, std::string_view built_on) {
    return fmt::format("3.8.0-zkprov-{}, built on {}", own_version, built_on);
}

bool is_allowed(std::string_view word, const std::vector<std::string>& whitelist) {
    if (word == "srvr") return true;  // zkServer.sh status needs it
    return std::any_of(whitelist.begin(), whitelist.end(), [word](const std::string& allowed) {
        return allowed == "*" || allowed == word;
    });
}

Wanted wanted_by(std::string_view word) {
    Wanted wanted;
    wanted.process = word == "conf" || word == "mntr" || word == "dirs";
    wanted.log = word == "mntr";
    wanted.quotas = word == "mntr";
    wanted.connections = word == "stat" || word == "cons" || word == "dump";
    wanted.watches = word == "wchs" || word == "wchc" || word == "wchp";
    wanted.sessions = word == "dump";
    wanted.digests = word == "hash";
    wanted.elections = word == "elec";
    wanted.environment = word == "envi";
    return wanted;
}

Deed deed_of(std::string_view word) {
    if (word == "crst") return Deed::reset_connections;
    if (word == "srst") return Deed::reset_server;
    if (word == "stmk") return Deed::set_trace_mask;
    return Deed::none;
}

bool needs_service(std::string_view word) {
    constexpr std::array kOthers = {"ruok", "isro", "vote", "elec", "envi", "gtmk", "stmk"};
    return std::find(kOthers.begin(), kOthers.end(), word) == kOthers.end();
}

std::string answer(std::string_view word,
                   const Facts& facts,
                   const ensemble::ServerConfig& config) {
    const bool asks_read_only = word == "isro" && config.read_only_mode;  // clients need it then
    if (!asks_read_only && !is_allowed(word, config.four_letter_words)) {
        return fmt::format("{} is not executed because it is not in the whitelist.\n", word);
    }
    if (word == "ruok") return "imok";
    if (word == "isro") return facts.status.read_only ? "ro" : facts.status.serving ? "rw" : "null";
    if (word == "vote") return to_text(vote_of(facts.status));
    // Also while nothing is served: that is when somebody asks.
    if (word == "elec") return elec(facts);
    if (word == "envi") return envi(facts.environment);
    if (word == "gtmk" || word == "stmk") return fmt::format("{}", facts.trace_mask);
    if (!facts.status.serving) {
        std::string text(kNotServing);
        if (word == "hash") text.pop_back();
        return text;
    }
    if (word == "srvr") return srvr(facts);
    if (word == "stat") return stat(facts);
    if (word == "mntr") return to_text(measures_of(facts, config));
    if (word == "conf") return conf(facts, config);
    if (word == "cons") return cons(facts);
    if (word == "dump") return dump(facts);
    if (word == "wchs") return watch_summary(facts);
    if (word == "wchc") return watches_by_session(facts);
    if (word == "wchp") return watches_by_path(facts);
    if (word == "dirs") return dirs(facts.process);
    if (word == "hash") return hash(facts);
    if (word == "crst") return "Connection stats reset.\n";
    if (word == "srst") return "Server stats reset.\n";
    return fmt::format("{} is not supported by this server.\n", word);
}

}  // namespace zk::admin
