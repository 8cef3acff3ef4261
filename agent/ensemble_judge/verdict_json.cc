#include "ensemble_judge/verdict_json.h"

#include <boost/json.hpp>

namespace zk::ensemble_judge {
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
        const agent_api::RoleCause* const cause = cause_of(health, entry);
        object["why"] = cause == nullptr ? json::value(nullptr) : word(cause->words);
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
json::value zxid_or_null(const std::optional<Zxid>& zxid) {
    return zxid ? json::value(json::string(to_string(*zxid))) : json::value(nullptr);
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
    object["memory_bytes"] = number_or_null(health.memory_bytes);
    object["memory_available_bytes"] = number_or_null(health.memory_available_bytes);
    object["memory_stalled_parts"] = number_or_null(health.memory_stalled_parts);
    object["memory_limit_bytes"] = number_or_null(health.memory_limit_bytes);
    object["memory_limited_bytes"] = number_or_null(health.memory_limited_bytes);
    object["clock_offset_ms"] = number_or_null(health.clock_offset_ms);
    object["clock_uncertain_ms"] = number_or_null(health.clock_uncertain_ms);
}

json::value vote_of(const NodeHealth& health) {
    if (!health.vote) return nullptr;
    json::object vote;
    vote["leader"] = health.vote->leader.value();
    vote["zxid"] = zxid_or_null(health.vote->zxid);
    vote["epoch"] = number_or_null(health.vote->epoch);
    vote["round"] = number_or_null(health.vote->round);
    return vote;
}

}  // namespace

void add_health(json::object& node, const NodeHealth& health) {
    node["role"] = word(role_word(health));
    node["health"] = word(to_string(health.verdict));
    node["health_since_ms"] = known(health.verdict_since != WallMs(), health.verdict_since.value());
    node["reasons"] = texts(health.reasons);
    node["findings"] = findings_of(health);
    node["source"] = word(to_string(health.source));
    node["epoch"] = number_or_null(health.epoch);
    node["zxid"] = zxid_or_null(health.zxid);
    node["leader"] = number_or_null(health.leader);
    node["vote"] = vote_of(health);
    node["answered_sid"] = number_or_null(health.answered_sid);
    node["connections"] = number_or_null(health.connections);
    node["outstanding"] = number_or_null(health.outstanding);
    node["znodes"] = number_or_null(health.znodes);
    node["synced_followers"] = number_or_null(health.synced_followers);
    node["uptime_s"] = known(health.pid != 0 || health.uptime_s != 0, health.uptime_s);
    node["restarts"] = health.restarts;
    node["rss_bytes"] = known(health.pid != 0, health.rss_bytes);
    node["agent_rss_bytes"] = known(health.agent_pid != 0, health.agent_rss_bytes);
    add_measured(node, health);
    node["server_version"] = text_or_null(health.server_version);
    node["agent_version"] = text_or_null(health.agent_version);
    node["changed_at_ms"] = known(health.changed_at != WallMs(), health.changed_at.value());
    node["age_ms"] = health.age_ms;
    node["history"] = history_of(health);
}

void add_verdict(json::object& document, const EnsembleVerdict& verdict) {
    document["cluster"] = json::string(verdict.cluster);
    document["verdict"] = word(to_string(verdict.verdict));
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
}

}  // namespace zk::ensemble_judge
