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

#include "admin/facts.h"
#include "ensemble/zoo_cfg.h"

namespace zk::admin {

/// "3.8.0-zkprov-0.1.0, built on 2026-01-31 12:00 UTC".
std::string full_version(std::string_view own_version, std::string_view built_on);

/// True if `whitelist` (4lw.commands.whitelist) allows the word. As in ZooKeeper, `srvr` is always
/// allowed.
bool is_allowed(std::string_view word, const std::vector<std::string>& whitelist);

/// What answer() reads of the facts for this word.
Wanted wanted_by(std::string_view word);

/// A word that changes something. Whoever asked does it when the word is allowed and something is served, before answer().
enum class Deed { none, reset_connections, reset_server, set_trace_mask, take_snapshot, restore };
Deed deed_of(std::string_view word);

/// It says only that nothing is served while nothing is.
bool needs_service(std::string_view word);

/// The raw text that answers `word`. A word that is not allowed is answered with a sentence that says so.
std::string answer(std::string_view word, const Facts& facts, const ensemble::ServerConfig& config);

}  // namespace zk::admin
