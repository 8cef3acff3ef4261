#include "ensemble_view/peer_answer.h"

#include <algorithm>
#include <string>
#include <vector>

#include <boost/json.hpp>

namespace zk::ensemble_view {
namespace {

namespace json = boost::json;

constexpr std::string_view kSchema = "zkprov-node/1";
constexpr std::size_t kReasonsMax = 16;  ///< and as many findings
constexpr std::size_t kMembersMax = 64;
constexpr std::size_t kWordBytesMax = 160;
constexpr std::size_t kSentenceBytesMax = 600;
/// Some 3000 years: more than any age, and small enough to be added to others.
constexpr std::uint64_t kAgeMax = 100'000'000'000'000;
/// The end of the year 9999.
constexpr std::int64_t kWallMax = 253'402'300'799'999;

/// Not within a character of UTF-8.
void cut(std::string& text, std::size_t bytes_max) {
    if (text.size() <= bytes_max) return;
    std::size_t end = bytes_max;
    while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xc0U) == 0x80U) --end;
    text.resize(end);
    text += "…";
}
void cut(std::vector<std::string>& texts, std::size_t count_max, std::size_t bytes_max) {
    if (texts.size() > count_max) texts.resize(count_max);
    for (std::string& text : texts) cut(text, bytes_max);
}
void bound(WallMs& at) { at = WallMs(std::clamp<std::int64_t>(at.value(), 0, kWallMax)); }

Error not_understood(const std::string& why) {
    return {Errc::corrupt, "its agent's answer is not understood: " + why};
}

}  // namespace

void bound(agent_api::NodeHealth& health) {
    cut(health.cluster, kWordBytesMax);
    if (health.conflict) cut(health.conflict->words, kSentenceBytesMax);
    cut(health.members, kMembersMax, kSentenceBytesMax);
    cut(health.reasons, kReasonsMax, kSentenceBytesMax);
    if (health.findings.size() > kReasonsMax) health.findings.resize(kReasonsMax);
    for (agent_api::Finding& finding : health.findings) {
        cut(finding.id, kWordBytesMax);
        cut(finding.subject, kWordBytesMax);
        cut(finding.words, kSentenceBytesMax);
        bound(finding.since);
    }
    cut(health.server_version, kWordBytesMax);
    cut(health.agent_version, kWordBytesMax);
    auto& history = health.history;
    if (history.size() > agent_api::kHistoryMax) {
        const auto surplus = history.size() - agent_api::kHistoryMax;
        history.erase(history.begin(), history.begin() + static_cast<std::ptrdiff_t>(surplus));
    }
    for (agent_api::ElectionEntry& entry : history) bound(entry.at);
    auto& causes = health.causes;
    if (causes.size() > agent_api::kHistoryMax) causes.resize(agent_api::kHistoryMax);
    for (agent_api::RoleCause& cause : causes) {
        bound(cause.at);
        cut(cause.words, kWordBytesMax);
    }
    bound(health.changed_at);
    bound(health.verdict_since);
    bound(health.wall_ms);
    for (auto* const clock : {&health.clock_offset_ms, &health.clock_uncertain_ms}) {
        if (*clock) *clock = std::clamp<std::int64_t>(**clock, -kWallMax, kWallMax);
    }
    health.age_ms = std::min(health.age_ms, kAgeMax);
    health.uptime_s = std::min(health.uptime_s, kAgeMax);
    if (health.synced_followers) {
        health.synced_followers = std::min<std::uint64_t>(*health.synced_followers, kMembersMax);
    }
}

Result<agent_api::NodeHealth> read_peer_answer(std::string_view body) {
    if (body.size() > kPeerAnswerBytesMax) return not_understood("it is too large");
    boost::system::error_code code;
    const json::value value = json::parse(json::string_view(body.data(), body.size()), code);
    if (code) return not_understood(code.message());
    const json::object* const page = value.if_object();
    const json::value* const schema = page == nullptr ? nullptr : page->if_contains("schema");
    if (schema == nullptr || !schema->is_string() || schema->get_string() != kSchema) {
        return not_understood("it is no page of a node");
    }
    const json::value* const node = page->if_contains("node");
    if (node == nullptr) return not_understood("it tells of no node");
    auto health = agent_api::parse_node_health(json::serialize(*node));
    if (!health.has_value()) return not_understood(health.error().message());
    bound(*health);
    return health;
}

}  // namespace zk::ensemble_view
