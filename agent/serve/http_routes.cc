#include "agent_serve/http_routes.h"

#include "agent_metrics/metrics.h"
#include "elections/log.h"

namespace zk::agent_serve {
namespace {

using agent_api::NodeHealth;
using agent_api::NodeVerdict;
using http::Response;

constexpr std::string_view kText = "text/plain; charset=utf-8";
constexpr std::string_view kJson = "application/json";

Response page(unsigned status, std::string_view type, std::string body) {
    Response response;
    response.status = status;
    response.content_type = type;
    response.body = std::move(body);
    return response;
}

std::string stale_words(const NodeHealth& health) {
    return "the agent has not looked at the server for " + std::to_string(health.age_ms) + " ms\n";
}

/// The agent lives, or nobody would answer; the question is whether it still does its work.
Response healthz(const NodeHealth& health) {
    if (agent_api::is_fresh(health)) return page(200, kText, "ok\n");
    return page(503, kText, stale_words(health));
}

Response readyz(const NodeHealth& health) {
    if (!agent_api::is_fresh(health)) return page(503, kText, stale_words(health));
    if (health.verdict == NodeVerdict::serving) return page(200, kText, "serving\n");
    std::string words(agent_api::to_string(health.verdict));
    for (const std::string& reason : health.reasons) words += "\n" + reason;
    return page(503, kText, words + "\n");
}

/// A JSON object with the schema's name and the age of what `inner` says.
Response dated(const NodeHealth& health,
               std::string_view schema,
               std::string_view name,
               const std::string& inner) {
    std::string body = "{\"schema\":\"";
    body.append(schema).append("\",\"fresh\":");
    body += agent_api::is_fresh(health) ? "true" : "false";
    body += ",\"age_ms\":" + std::to_string(health.age_ms) + ",\"";
    body.append(name).append("\":").append(inner).append("}\n");
    return page(200, kJson, std::move(body));
}

Response election(const NodeHealth& health, const agent_api::ElectionsKept& kept) {
    agent_api::ElectionView view;
    view.history = health.history;
    view.changes = kept.records;
    view.searches = elections::seen_in(kept.searches);
    view.silence = kept.silence;
    if (agent_api::is_fresh(health)) {
        view.role = health.role;
        view.epoch = health.epoch;
        view.leader = health.leader;
        view.vote = health.vote;
    }
    return dated(health, "zkprov-election/1", "election", to_json(view));
}

Response stream(const http::Request& request, const EventLog& events) {
    Response response = page(200, "text/event-stream", "retry: 2000\n\n");
    response.stream = true;
    response.body += events.since(request.last_event_id);
    return response;
}

}  // namespace

Response answer_http(const http::Request& request,
                     const NodeHealth& health,
                     const EventLog& events,
                     const agent_api::ElectionsKept& kept) {
    const std::string_view path =
        std::string_view(request.target).substr(0, request.target.find('?'));
    if (path == "/healthz") return healthz(health);
    if (path == "/readyz") return readyz(health);
    if (path == "/v1/status") return dated(health, "zkprov-node/1", "node", to_json(health));
    if (path == "/v1/election") return election(health, kept);
    if (path == "/v1/events") return stream(request, events);
    if (path == "/metrics")
        return page(200, agent_metrics::kContentType, agent_metrics::render(health));
    return page(
        404,
        kText,
        "here are / /healthz /readyz /v1/ensemble /v1/status /v1/election /v1/events /v1/formation "
        "/metrics\n");
}

}  // namespace zk::agent_serve
