// The JSON form of the report: the only file of this room that knows Boost.JSON.
#include <boost/json.hpp>

#include "status/report.h"

namespace zk::status {
namespace {

namespace json = boost::json;
using agent_api::ElectionEntry;
using agent_api::NodeHealth;

template <class T>
json::value number_or_null(const std::optional<T>& value) {
    if (!value) return nullptr;
    if constexpr (requires { value->value(); }) {
        return value->value();
    } else {
        return *value;
    }
}

json::array texts(const std::vector<std::string>& all) {
    json::array array;
    for (const std::string& each : all) array.push_back(json::string(each));
    return array;
}

json::value word(std::string_view text) { return json::string(text); }

json::array history_of(const NodeHealth& health) {
    json::array array;
    for (const ElectionEntry& entry : health.history) {
        json::object object;
        object["at_ms"] = entry.at.value();
        object["role"] = word(to_string(entry.role));
        object["epoch"] = number_or_null(entry.epoch);
        object["leader"] = number_or_null(entry.leader);
        array.push_back(std::move(object));
    }
    return array;
}

/// Empty text, and a number that stands for "none", are not known.
json::value text_or_null(const std::string& text) {
    return text.empty() ? json::value(nullptr) : json::value(json::string(text));
}
template <class Number>
json::value known(bool is_known, Number number) {
    return is_known ? json::value(number) : json::value(nullptr);
}

json::value conflict_of(const NodeVerdict& node) {
    if (!node.conflict) return nullptr;
    json::object object;
    object["kind"] = word(to_string(node.conflict->kind));
    object["words"] = json::string(node.conflict->words);
    return object;
}

json::array findings_of(const NodeHealth& health) {
    json::array array;
    for (const agent_api::Finding& finding : health.findings) {
        json::object object;
        object["id"] = json::string(finding.id);
        object["subject"] = text_or_null(finding.subject);
        object["level"] = word(to_string(finding.level));
        object["words"] = json::string(finding.words);
        object["value"] = finding.value ? json::value(*finding.value) : nullptr;
        object["limit"] = finding.limit ? json::value(*finding.limit) : nullptr;
        object["since_ms"] = known(finding.since != WallMs(), finding.since.value());
        array.push_back(std::move(object));
    }
    return array;
}

void add_measured(json::object& object, const NodeHealth& health) {
    object["data_free_bytes"] = number_or_null(health.data_free_bytes);
    object["log_free_bytes"] = number_or_null(health.log_free_bytes);
    object["full_in_s"] = number_or_null(health.full_in_s);
    object["fsync_ms"] = number_or_null(health.fsync_ms);
    object["open_files"] = number_or_null(health.open_files);
    object["open_files_max"] = number_or_null(health.open_files_max);
    object["snapshots"] = number_or_null(health.snapshots);
    object["logs"] = number_or_null(health.logs);
    object["snapshot_age_s"] = number_or_null(health.snapshot_age_s);
}

void add_health(json::object& object, const NodeHealth& health) {
    object["role"] = word(role_word(health));
    object["health"] = word(to_string(health.verdict));
    object["health_since_ms"] =
        known(health.verdict_since != WallMs(), health.verdict_since.value());
    object["reasons"] = texts(health.reasons);
    object["findings"] = findings_of(health);
    object["source"] = word(to_string(health.source));
    object["epoch"] = number_or_null(health.epoch);
    object["zxid"] = health.zxid ? json::value(json::string(to_string(*health.zxid))) : nullptr;
    object["leader"] = number_or_null(health.leader);
    if (health.vote) {
        json::object vote;
        vote["leader"] = health.vote->leader.value();
        vote["zxid"] =
            health.vote->zxid ? json::value(json::string(to_string(*health.vote->zxid))) : nullptr;
        vote["epoch"] = number_or_null(health.vote->epoch);
        vote["round"] = number_or_null(health.vote->round);
        object["vote"] = std::move(vote);
    } else {
        object["vote"] = nullptr;
    }
    object["answered_sid"] = number_or_null(health.answered_sid);
    object["connections"] = number_or_null(health.connections);
    object["outstanding"] = number_or_null(health.outstanding);
    object["znodes"] = number_or_null(health.znodes);
    object["synced_followers"] = number_or_null(health.synced_followers);
    object["uptime_s"] = known(health.pid != 0 || health.uptime_s != 0, health.uptime_s);
    object["restarts"] = health.restarts;
    object["rss_bytes"] = known(health.pid != 0, health.rss_bytes);
    object["agent_rss_bytes"] = known(health.agent_pid != 0, health.agent_rss_bytes);
    add_measured(object, health);
    object["server_version"] = text_or_null(health.server_version);
    object["agent_version"] = text_or_null(health.agent_version);
    object["changed_at_ms"] = known(health.changed_at != WallMs(), health.changed_at.value());
    object["age_ms"] = health.age_ms;
    object["history"] = history_of(health);
}

}  // namespace

std::string report_json(const EnsembleVerdict& verdict, int exit_code) {
    json::object document;
    document["schema"] = "zkprov.status/1";
    document["cluster"] = json::string(verdict.cluster);
    document["verdict"] = word(to_string(verdict.verdict));
    document["exit_code"] = exit_code;
    document["leader"] = number_or_null(verdict.leader);
    document["epoch"] = number_or_null(verdict.epoch);
    document["voters"] = verdict.voters;
    document["voters_in_sync"] = verdict.voters_in_sync;
    document["failures_borne"] = verdict.failures_borne();
    document["reasons"] = texts(verdict.reasons);
    json::array nodes;
    for (const NodeVerdict& node : verdict.nodes) {
        json::object object;
        object["id"] = node.status.id.value();
        object["host"] = json::string(node.host);
        object["answered"] = node.status.answered();
        object["in_sync"] = node.in_sync;
        object["lag"] = number_or_null(node.lag);
        object["conflict"] = conflict_of(node);
        if (node.status.answered()) {
            add_health(object, *node.status.health);
        } else {
            object["role"] = "unknown";
            object["error"] = json::string(node.status.silence);
        }
        nodes.push_back(std::move(object));
    }
    document["nodes"] = std::move(nodes);
    return json::serialize(document) + "\n";
}

std::string error_json(const std::string& command,
                       const std::vector<std::string>& messages,
                       int exit_code) {
    json::object document;
    document["schema"] = "zkprov.error/1";
    document["command"] = json::string(command);
    document["exit_code"] = exit_code;
    document["errors"] = texts(messages);
    return json::serialize(document) + "\n";
}

}  // namespace zk::status
