#include "status/report.h"

#include <fmt/core.h>

#include "base/log.h"
#include "status/table.h"

namespace zk::status {
namespace {

using agent_api::ElectionEntry;
using agent_api::NodeHealth;
using agent_api::Role;

const std::vector<std::string> kHeader = {
    "ID", "HOST", "ROLE", "EPOCH", "ZXID", "LAG", "CONN", "UPTIME", "AGENT SAYS"};
/// What can be spared first on a narrow terminal.
const std::vector<std::string_view> kSpared = {"EPOCH", "CONN", "UPTIME", "ZXID", "HOST", "LAG"};
constexpr std::size_t kDateSize = std::string_view("2026-01-02 ").size();

template <class T>
std::string text_or_dash(const std::optional<T>& value) {
    return value ? fmt::format("{}", *value) : "-";
}

std::string capitals(const EnsembleVerdict& verdict) {
    switch (verdict.verdict) {
        case Verdict::healthy:
            return "HEALTHY";
        case Verdict::degraded:
            return "DEGRADED, serving";
        case Verdict::no_quorum:
            return "NO QUORUM";
        case Verdict::unknown:
            return "UNKNOWN";
    }
    return "?";
}

std::string colour(const EnsembleVerdict& verdict, const std::string& text) {
    const char* code = verdict.verdict == Verdict::healthy    ? "32"
                       : verdict.verdict == Verdict::degraded ? "33"
                                                              : "31";
    return fmt::format("\x1b[1;{}m{}\x1b[0m", code, text);
}

std::vector<std::string> row_of(const NodeVerdict& node) {
    const std::string id = to_string(node.status.id);
    if (!node.status.answered()) {
        return {id,
                node.host,
                "unknown",
                "-",
                "-",
                "-",
                "-",
                "-",
                node.status.other ? "another node" : "no answer"};
    }
    const NodeHealth& health = *node.status.health;
    const bool down = health.role == Role::down;
    const bool has_uptime = health.pid != 0 || health.uptime_s != 0;
    std::string state(to_string(health.verdict));
    if (health.source == agent_api::HealthSource::fourlw) state += " (no agent)";
    return {id,
            node.host,
            std::string(role_word(health)),
            text_or_dash(health.epoch),
            health.zxid ? to_string(*health.zxid) : "-",
            text_or_dash(node.lag),
            down ? "-" : text_or_dash(health.connections),
            has_uptime ? age_text(static_cast<std::int64_t>(health.uptime_s)) : "-",
            std::move(state)};
}

}  // namespace

std::string format_history(const NodeHealth& health) {
    if (health.history.empty()) return {};
    const ElectionEntry& now = health.history.back();
    // Without an agent this is the first look, and not when that came about.
    if (health.changed_at == WallMs()) return words_of(now) + "; since when is not known";
    const auto age_s = [&](const ElectionEntry& from, std::int64_t to_ms) {
        return (to_ms - from.at.value()) / 1000;
    };
    std::string text = fmt::format("{} since {} ({})",
                                   words_of(now),
                                   utc_text(now.at).substr(kDateSize),
                                   age_text(age_s(now, health.wall_ms.value())));
    // The last settled role says more than the moments of searching in between.
    for (std::size_t i = health.history.size() - 1; i-- > 0;) {
        const ElectionEntry& before = health.history[i];
        const bool settled = before.role == Role::leader || before.role == Role::follower ||
                             before.role == Role::standalone;
        if (!settled && i > 0) continue;
        const std::int64_t until_ms = health.history[i + 1].at.value();
        return text + fmt::format("; before: {}, for {}",
                                  words_of(before),
                                  age_text(age_s(before, until_ms)));
    }
    return text;
}

std::string format_report(const EnsembleVerdict& verdict, Colours colours) {
    const std::string head = capitals(verdict);
    std::string text = fmt::format(
        "{}  {}", verdict.cluster, colours == Colours::yes ? colour(verdict, head) : head);
    if (verdict.standalone) {
        text += "  standalone, bears no failure";
    } else if (verdict.leader) {
        text +=
            fmt::format("  leader {}  epoch {}  {} of {} voters in sync, bears {} more failure{}",
                        *verdict.leader,
                        text_or_dash(verdict.epoch),
                        verdict.voters_in_sync,
                        verdict.voters,
                        verdict.failures_borne(),
                        verdict.failures_borne() == 1 ? "" : "s");
    }
    text += "\n";
    std::vector<std::vector<std::string>> rows;
    for (const NodeVerdict& node : verdict.nodes) rows.push_back(row_of(node));
    text += format_table(kHeader, rows);
    for (const std::string& reason : verdict.reasons) text += "! " + reason + "\n";
    std::string stories;
    for (const NodeVerdict& node : verdict.nodes) {
        if (!node.status.answered()) continue;
        const std::string story = format_history(*node.status.health);
        if (!story.empty()) stories += fmt::format("node {}: {}\n", node.status.id, story);
    }
    return text + stories;
}

std::string format_narrow_report(const EnsembleVerdict& verdict,
                                 Colours colours,
                                 std::size_t columns) {
    const std::string head = capitals(verdict);
    std::string text = wrap(verdict.cluster, columns);
    text += (colours == Colours::yes ? colour(verdict, head) : head) + "\n";
    text += wrap(ensemble_judge::headline(verdict), columns);
    std::vector<std::vector<std::string>> rows;
    for (const NodeVerdict& node : verdict.nodes) rows.push_back(row_of(node));
    text += format_narrow_table(kHeader, std::move(rows), kSpared, columns);
    for (const std::string& reason : verdict.reasons) text += wrap("! " + reason, columns);
    for (const NodeVerdict& node : verdict.nodes) {
        if (!node.status.answered()) continue;
        const std::string story = format_history(*node.status.health);
        if (story.empty()) continue;
        text += wrap(fmt::format("node {}: {}", node.status.id, story), columns);
    }
    return text;
}

}  // namespace zk::status
