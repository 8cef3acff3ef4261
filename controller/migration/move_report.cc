#include "migration/move_report.h"

#include <algorithm>

#include <fmt/core.h>

#include "base/log.h"

namespace zk::migration {
namespace {

std::string seconds(milliseconds time) {
    return fmt::format("{:.1f} s", std::chrono::duration<double>(time).count());
}

std::string probe_line(const ProbeHistory& probes) {
    if (!probes.unmeasured.empty()) {
        return "writes and sessions were not measured: " + probes.unmeasured;
    }
    std::string text = fmt::format(
        "{} writes acknowledged in {}, {} lost; longest gap between two {} ms, {} after the first; "
        "{} of 2 sessions lost; {} watches came",
        probes.acknowledged,
        seconds(probes.lasted),
        probes.lost,
        probes.longest_gap.count(),
        seconds(probes.gap_at),
        probes.sessions_lost,
        probes.watches);
    if (probes.unanswered > 0) {
        text += fmt::format("; {} without an answer were found done", probes.unanswered);
    }
    return text;
}

}  // namespace

void WriteLedger::begin(milliseconds at) { begun_ = last_at_ = at; }

void WriteLedger::step(milliseconds at) {
    if (at - last_at_ > gap_) {
        gap_ = at - last_at_;
        gap_at_ = last_at_ - begun_;
    }
    last_at_ = at;
}

void WriteLedger::acknowledge(milliseconds at) {
    ++last_;
    ++acknowledged_;
    step(at);
}

void WriteLedger::find(std::uint64_t number, milliseconds at) {
    if (number < last_) lost_ += last_ - number;
    if (number > last_) {
        unanswered_ += number - last_;
        step(at);
    }
    last_ = number;
}

void WriteLedger::tell(ProbeHistory& history) const {
    history.acknowledged = acknowledged_;
    history.unanswered = unanswered_;
    history.lost = lost_;
    history.longest_gap = gap_;
    history.gap_at = gap_at_;
    history.lasted = last_at_ - begun_;
}

std::vector<Reign> reigns_since(WallMs began, const std::vector<Seen>& seen) {
    std::vector<Reign> reigns;
    for (const Seen& node : seen) {
        std::optional<Reign> before;
        for (const agent_api::ElectionEntry& entry : node.history) {
            const bool leads = entry.role == agent_api::Role::leader;
            const milliseconds at(entry.at.value() - node.clock_ahead.count() - began.value());
            if (at.count() > 0) {
                if (leads) reigns.push_back({node.id, entry.epoch, at});
            } else {
                before.reset();
                if (leads) before = Reign{node.id, entry.epoch, milliseconds(0)};
            }
        }
        if (before) reigns.push_back(*before);
    }
    std::ranges::stable_sort(reigns, {}, &Reign::at);
    return reigns;
}

std::vector<std::string> report_lines(const MoveReport& report) {
    std::vector<std::string> lines = {probe_line(report.probes)};
    for (const NodeMove& move : report.moves) {
        std::string line = fmt::format("node {}: ", move.id);
        if (move.gone_back.empty()) {
            line += "away " + seconds(move.away);
        } else {
            line += "has its old server again: " + move.gone_back;
        }
        if (!move.copy.empty()) line += "; its data as they were: " + move.copy;
        lines.push_back(std::move(line));
    }
    std::string led;
    for (const Reign& reign : report.reigns) {
        led += fmt::format("{}server {}{}{}",
                           led.empty() ? "" : ", then ",
                           reign.leader,
                           reign.epoch ? " (epoch " + to_string(*reign.epoch) + ")" : "",
                           reign.at.count() > 0 ? " after " + seconds(reign.at) : "");
    }
    if (!led.empty()) lines.push_back("led: " + led);
    if (!report.moves.empty()) {
        lines.emplace_back("the copies are yours to keep or to remove; nothing else needs them");
    }
    return lines;
}

}  // namespace zk::migration
