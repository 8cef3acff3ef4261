// What a Docker engine is told and what it says, in the JSON of its API.
// Pure within a shell's room: values in, text out, and the reverse. What an engine leaves out reads as empty; podman's
// says less than Docker's. Source: the Engine API's reference, versions 1.40 to 1.44.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "agent_api/container_spec.h"
#include "base/result.h"

namespace zk::engine {

struct Version {
    std::string engine;  ///< "20.10.24"
    std::string api;     ///< "1.41", the newest that it speaks
    std::string api_least;
};
Result<Version> parse_version(std::string_view json);
/// The version to ask in: the newest that both know, written "/v1.41". Errors: the engine knows none of ours.
Result<std::string> choose_api(const Version& version);

struct Container {
    std::string id;
    std::string name;
    std::string image;  ///< the name that it was made from
    std::string image_id;
    std::string status;  ///< created, running, paused, restarting, removing, exited, dead
    std::int64_t pid = 0;
    std::int64_t exit_code = 0;
    std::uint64_t restarts = 0;
    bool killed_for_memory = false;
    std::string restart;  ///< its policy
    std::vector<std::uint16_t> host_ports;
    std::map<std::string, std::string> labels;

    [[nodiscard]] std::string label(std::string_view label_name) const;
};
Result<Container> parse_container(std::string_view json);
/// A network for each subnet; one without any stands once, with none.
Result<std::vector<agent_api::SubnetFact>> parse_networks(std::string_view json);
/// Of one network: the value of kClusterLabel; empty: it has none.
Result<std::string> parse_network_cluster(std::string_view json);
/// Of an image: its id.
Result<std::string> parse_image_id(std::string_view json);
/// Why a call failed, in the engine's words; those of `json` itself where it is no JSON.
std::string failure_words(std::string_view json);
/// The answer to loading an image is a line of JSON for each thing done. Errors: what the engine says went wrong.
Result<> check_load(std::string_view lines);
/// The lines of a log, which come in pieces with eight bytes in front of each; of a terminal's without.
std::string plain_log(std::string_view stream);

/// A line of a log that was asked for with times. Without its line end.
struct LoggedLine {
    std::int64_t at_ns = 0;  ///< since 1970; 0: the engine does not say
    std::string text;
    friend bool operator==(const LoggedLine&, const LoggedLine&) = default;
};
struct LoggedLines {
    std::vector<LoggedLine> lines;
    std::size_t messages = 0;  ///< of the engine: a long line is several
};
/// Pieces as of plain_log(), each with its time in front; a line of several pieces has that of its first. What is cut off
/// at the end, or has no line end yet, is left out.
LoggedLines parse_log(std::string_view stream);
/// "2026-11-30T09:15:00.123456789Z" or with an offset in place of Z, in ns since 1970; nothing: it is none.
std::optional<std::int64_t> parse_time_ns(std::string_view text);

/// `generation` and the hash of the specification become labels.
std::string create_body(const agent_api::ContainerSpec& spec, const std::string& generation);
std::string network_body(const agent_api::ContainerSpec& spec);
/// Of an update of a container.
std::string restart_body(const std::string& policy, std::int64_t restarts_max);

}  // namespace zk::engine
