// Answers to four-letter words, in the text of Apache's server, so that scripts and monitors that
// read that text work. Pure: facts in, text out. Source: ZooKeeper FourLetterCommands and
// org.apache.zookeeper.server.command.
//
// The version reads "3.8.0-zkprov-<our version>": tools take the first number for the protocol and
// feature level, which is that of Apache's 3.8.0, and people see which server it really is.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/ids.h"
#include "base/time.h"
#include "core/status_page.h"
#include "ensemble/zoo_cfg.h"
#include "frontend/statistics.h"
#include "tree/quotas.h"

namespace zk::admin {

/// What the operating system says of this process and its files; absent means not known.
struct ProcessFacts {
    std::optional<std::int64_t> data_bytes;      ///< size of the files in dataDir
    std::optional<std::int64_t> log_bytes;       ///< size of the files in dataLogDir
    std::optional<std::int64_t> open_files;      ///< open file descriptors
    std::optional<std::int64_t> open_files_max;  ///< their limit
};

/// How syncing the log went since the server began.
struct LogFacts {
    std::int64_t syncs = 0;
    Duration total{};
    Duration shortest{};
    Duration longest{};
    Duration pending{};  ///< the one that goes on now; 0: none
};

/// Everything a word may tell.
struct Facts {
    core::StatusPage status;
    frontend::Statistics traffic;
    std::vector<frontend::ConnectionStatistics> connections;
    std::string elections;  ///< to_text(election::History); only read for "elec"
    ProcessFacts process;
    LogFacts log;
    std::map<std::string, tree::QuotaUsage> quotas;      ///< only read for "mntr"
    std::map<std::string, std::int64_t> quota_refusals;  ///< the same
    std::uint16_t client_port = 0;                       ///< as bound
    Duration uptime{};
    std::string version;  ///< full_version()
};

/// "3.8.0-zkprov-0.1.0, built on 2026-01-31 12:00 UTC".
std::string full_version(std::string_view own_version, std::string_view built_on);

/// True if `whitelist` (4lw.commands.whitelist) allows the word. As in ZooKeeper, `srvr` is always
/// allowed.
bool is_allowed(std::string_view word, const std::vector<std::string>& whitelist);

/// The raw text that answers `word`. A word that is not allowed, or that this server does not have,
/// is answered with a sentence that says so. `connections` is only read for "stat".
std::string answer(std::string_view word, const Facts& facts, const ensemble::ServerConfig& config);

/// An average as ZooKeeper prints it: at most four decimals, at least one.
std::string average_text(std::int64_t total, std::int64_t count);

}  // namespace zk::admin
