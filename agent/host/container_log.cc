#include "agent_host/container_log.h"

#include <algorithm>
#include <string_view>

#include "agent_api/agent_errc.h"
#include "base/numbers.h"
#include "engine/engine.h"

namespace zk::agent_host {
namespace {

using agent_api::AgentErrc;
using agent_api::ContainerSpec;
using agent_api::from_agent_error;
using agent_api::LogChunk;
using agent_api::LogRequest;
using agent_api::NodeLog;
using engine::Container;
using engine::Engine;

constexpr std::string_view kContainerCursor = "d:";
constexpr std::int64_t kLogNsPerUs = 1000;
/// An engine finds the last messages at once, and the first ones since a time only by reading all from the beginning.
constexpr std::int64_t kQuickTail = 1000;
/// So many lines in front of the first that is shown may be of the same time as the last.
constexpr std::int64_t kSameTimeMost = 64;

struct LogTime {
    std::int64_t at_ns = 0;
    std::int64_t count = 0;  ///< of lines of that time
};

std::string cursor_behind(const LogTime& time) {
    return std::string(kContainerCursor) + std::to_string(time.at_ns) + ":" +
           std::to_string(time.count);
}

Result<LogTime> parse_log_time(std::string_view cursor) {
    const Error wrong(Errc::invalid, "the cursor is not that of a container; ask again without it");
    if (!cursor.starts_with(kContainerCursor)) return wrong;
    cursor.remove_prefix(kContainerCursor.size());
    const std::size_t colon = cursor.find(':');
    if (colon == std::string_view::npos) return wrong;
    const auto at_ns = parse_number<std::int64_t>(cursor.substr(0, colon));
    const auto count = parse_number<std::int64_t>(cursor.substr(colon + 1));
    if (!at_ns || !count || *at_ns < 0 || *count < 0) return wrong;
    return LogTime{*at_ns, *count};
}

Result<Container> logged_container(Engine& docker, const ContainerSpec& spec) {
    ZK_TRY(const auto container, docker.container(spec.name));
    if (!container) {
        return from_agent_error(
            {AgentErrc::not_found,
             "there is no container " + spec.name + " on this host; zkprov apply makes it"});
    }
    if (engine::owned(*container, spec)) return *container;
    return from_agent_error({AgentErrc::identity_conflict,
                             "the container " + spec.name + " is " +
                                 engine::owner_words(*container) +
                                 ", so its log is not this node's; give the node another name "
                                 "(container) in the inventory, or rename that one"});
}

/// What is not older than `from`, of which much is asked for only where little does not reach back so far.
Result<engine::Log> log_since(Engine& docker, const std::string& name, const LogTime& from) {
    ZK_TRY(auto log, docker.log(name, {kQuickTail, from.at_ns}));
    if (!log.cut && log.messages < static_cast<std::size_t>(kQuickTail)) return log;
    return docker.log(name, {std::nullopt, from.at_ns});
}

/// Adds what is behind `read`, and moves that on; the first `silent` lines are only counted. False when it did not fit.
bool take_lines(const std::vector<engine::LoggedLine>& lines,
                std::size_t silent,
                LogTime& read,
                LogChunk& chunk) {
    const LogTime from = read;
    std::int64_t known = from.count;  // lines of that time that are passed over
    for (std::size_t i = 0; i < lines.size(); ++i) {
        const engine::LoggedLine& line = lines[i];
        if (line.at_ns < from.at_ns) continue;
        if (line.at_ns == from.at_ns && known > 0) {
            --known;
            continue;
        }
        if (chunk.full()) return false;
        // Lines of stdout and stderr may stand in another order than that of their times.
        if (line.at_ns > read.at_ns) read = {line.at_ns, 0};
        if (line.at_ns == read.at_ns) ++read.count;
        if (i >= silent) chunk.add(line.at_ns / kLogNsPerUs, line.text);
    }
    return true;
}

Result<NodeLog> read_log_of(Engine& docker, const Container& container, const LogRequest& request) {
    NodeLog answer;
    answer.source = "the container " + container.name;
    const bool first = request.cursor.empty();
    LogTime read;
    engine::Log log;
    if (first) {
        // Where the log ends is known by its last line, and by how many others are of its time.
        ZK_TRY(log, docker.log(container.name, {request.lines + kSameTimeMost, 0}));
    } else {
        ZK_TRY(read, parse_log_time(request.cursor));
        ZK_TRY(log, log_since(docker, container.name, read));
    }
    if (first && log.lines.empty() && container.status == "created") {
        return from_agent_error(
            {AgentErrc::not_found,
             "the container " + container.name + " was never started; zkprov start does it"});
    }
    LogChunk chunk(first ? agent_api::kLogLinesMax : request.lines);
    const std::size_t wanted = std::min(static_cast<std::size_t>(request.lines), log.lines.size());
    const std::size_t silent = first && !log.cut ? log.lines.size() - wanted : 0;
    const bool all = take_lines(log.lines, silent, read, chunk);
    answer.cursor = cursor_behind(read);
    answer.more = !all || (log.cut && !chunk.lines().empty());
    answer.lines = chunk.take();
    return answer;
}

}  // namespace

Result<NodeLog> read_container_log(const ContainerSpec& spec, const LogRequest& request) {
    Engine docker(spec.engine);
    ZK_TRY(const Container container, logged_container(docker, spec));
    return read_log_of(docker, container, request);
}

Result<NodeLog> read_outside_log(const ContainerSpec& spec,
                                 const agent_api::OutsideContainer& outside,
                                 const LogRequest& request) {
    Engine docker(spec.engine);
    ZK_TRY(const auto container, docker.container(outside.name));
    if (!container) {
        return from_agent_error(
            {AgentErrc::not_found, "the container " + outside.name + " is gone"});
    }
    return read_log_of(docker, *container, request);
}

}  // namespace zk::agent_host
