#include "clock_offset/clock_offset.h"

#include <algorithm>
#include <utility>

#include "base/check.h"

namespace zk::clock_offset {
namespace {

using agent_api::FindingLevel;

/// The end of the year 9999: nothing overflows that is reckoned with less.
constexpr WallMs kWallMax{253'402'300'799'999};

/// Between two ends, both possible.
struct Range {
    Duration low{};
    Duration high{};

    [[nodiscard]] ClockLook look() const {
        const Duration half = (high - low) / 2;
        return {low + half, half};
    }
};
Range range_of(const ClockLook& look) {
    return {look.ahead - look.uncertain, look.ahead + look.uncertain};
}

/// Where the one at `place` of all clocks in their order lies: order statistics grow with each of their values, so the lows
/// give its low and the highs its high.
Range in_order(const std::vector<HeardClock>& clocks, std::size_t place) {
    ZK_ASSERT(place < clocks.size());
    std::vector<Duration> lows;
    std::vector<Duration> highs;
    for (const HeardClock& clock : clocks) {
        const Range range = range_of(clock.look);
        lows.push_back(range.low);
        highs.push_back(range.high);
    }
    std::ranges::sort(lows);
    std::ranges::sort(highs);
    return {lows[place], highs[place]};
}

ClockLook difference(const ClockLook& one, const Range& other) {
    const ClockLook from = other.look();
    return {one.ahead - from.ahead, one.uncertain + from.uncertain};
}

/// "0.7 s", "12.3 s", "2h 5m".
std::string time_words(Duration time) {
    const std::int64_t ms = to_ms(time);
    if (ms >= 120'000) return age_text(ms / 1000);
    const std::int64_t tenths = (ms + 50) / 100;
    return std::to_string(tenths / 10) + "." + std::to_string(tenths % 10) + " s";
}

}  // namespace

std::optional<ClockLook> look_at_clock(WallMs asked, WallMs told, WallMs answered) {
    if (told <= WallMs() || told > kWallMax || answered < asked) return std::nullopt;
    const Duration round = milliseconds(answered.value() - asked.value());
    const Duration ahead = milliseconds(told.value() - asked.value());
    // Each clock is read in whole milliseconds.
    return ClockLook{ahead - round / 2, round / 2 + milliseconds(1)};
}

ClockLook ClockFilter::aged(const Kept& kept, Instant now) {
    return {kept.look.ahead, kept.look.uncertain + (now - kept.at) / kDriftParts};
}

void ClockFilter::add(Instant now, ClockLook look) {
    const Range newest = range_of(look);
    std::erase_if(kept_, [&](const Kept& kept) {
        const Range range = range_of(aged(kept, now));
        return range.high < newest.low || newest.high < range.low;
    });
    kept_.push_back({now, look});
    if (kept_.size() > kLooksMax) kept_.pop_front();
}

std::optional<ClockLook> ClockFilter::best(Instant now) const {
    std::optional<ClockLook> best;
    for (const Kept& kept : kept_) {
        if (now - kept.at > kLookTime) continue;
        const ClockLook look = aged(kept, now);
        if (!best || look.uncertain <= best->uncertain) best = look;
    }
    return best;
}

std::optional<Deviation> deviation_of(ServerId node, const std::vector<HeardClock>& clocks) {
    const auto own = std::ranges::find(clocks, node, &HeardClock::node);
    if (own == clocks.end() || clocks.size() < 2) return std::nullopt;
    Deviation deviation;
    deviation.clocks = clocks.size();
    const std::size_t half = clocks.size() / 2;
    const Range upper = in_order(clocks, half);
    if (clocks.size() % 2 == 1) {
        deviation.look = difference(own->look, upper);
        return deviation;
    }
    const Range lower = in_order(clocks, half - 1);
    deviation.split = upper.low - lower.high > kOffsetAdvised;
    if (!deviation.split) {
        const Range median{(lower.low + upper.low) / 2, (lower.high + upper.high) / 2};
        deviation.look = difference(own->look, median);
        return deviation;
    }
    const bool behind = own->look.ahead < upper.look().ahead;
    deviation.look = difference(own->look, behind ? upper : lower);
    if (clocks.size() == 2) {
        deviation.other = own == clocks.begin() ? clocks[1].node : clocks[0].node;
    }
    return deviation;
}

std::optional<agent_api::Finding> finding_of(const Deviation& deviation) {
    const bool behind = deviation.look.ahead < Duration(0);
    const Duration offset = behind ? -deviation.look.ahead : deviation.look.ahead;
    const Duration certain = offset - deviation.look.uncertain;
    if (certain <= kOffsetAdvised) return std::nullopt;
    std::string words = "its clock is " + time_words(offset) + (behind ? " behind " : " ahead of ");
    if (!deviation.split) {
        words += "the median of " + std::to_string(deviation.clocks) +
                 " nodes' clocks; set up NTP (chrony) there";
    } else if (deviation.clocks == 2) {
        words += "node " + to_string(deviation.other) +
                 "'s, and of two nobody can tell which is wrong; set up NTP (chrony) on both";
    } else {
        words += "half of " + std::to_string(deviation.clocks) +
                 " nodes' clocks, and nobody can tell which half is wrong; set up NTP (chrony)";
    }
    const bool much = certain > kOffsetMax;
    auto finding = agent_api::make_finding(
        "clock.offset", much ? FindingLevel::critical : FindingLevel::warning, std::move(words));
    finding.value = to_ms(offset);
    finding.limit = to_ms(much ? kOffsetMax : kOffsetAdvised);
    return finding;
}

}  // namespace zk::clock_offset
