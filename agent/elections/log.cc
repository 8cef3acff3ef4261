#include "elections/log.h"

#include <algorithm>
#include <utility>

#include "elections/causes.h"

namespace zk::elections {
namespace {

using agent_api::ElectionEntry;
using agent_api::ElectionRecord;
using agent_api::KeptSearch;
using election::Moment;
using election::Search;

constexpr WallMs kLatest(32'503'680'000'000);  // the year 3000
constexpr Duration kLongest = std::chrono::hours(24 * 3650);

bool is_sane(Duration after) { return after >= Duration{} && after <= kLongest; }

/// Whether its times can be reckoned with.
bool is_sane(const Search& search) {
    if (search.began < WallMs(0) || search.began > kLatest) return false;
    if (search.decided && !is_sane(search.decided->after)) return false;
    if (search.serving && !is_sane(search.serving->after)) return false;
    if (search.ended && !is_sane(search.ended->after)) return false;
    return std::ranges::all_of(search.moments,
                               [](const Moment& moment) { return is_sane(moment.after); });
}

std::vector<Search> searches_in(std::string_view told) {
    auto searches = election::parse_searches(told);
    if (!searches.has_value()) return {};
    std::erase_if(*searches, [](const Search& search) { return !is_sane(search); });
    return *std::move(searches);
}

bool led_to_something(const Search& search) { return search.serving || search.ended; }

WallMs at(const Search& search, Duration after) {
    return WallMs(search.began.value() + to_ms(after));
}

agent_api::SeenVote seen_vote(const Search& search, const Moment& moment) {
    agent_api::SeenVote vote;
    vote.at = at(search, moment.after);
    vote.kind = election::to_string(moment.kind);
    const bool heard = moment.kind == Moment::Kind::heard || moment.kind == Moment::Kind::doubted;
    const bool told = moment.kind == Moment::Kind::cast && moment.reason != Moment::Reason::own;
    if (heard || told) vote.from = moment.from;
    vote.leader = moment.vote.leader;
    vote.zxid = moment.vote.zxid;
    vote.round = static_cast<std::uint64_t>(moment.vote.round.value());
    vote.epoch = moment.vote.peer_epoch;
    if (moment.rule) vote.rule = election::to_string(*moment.rule);
    return vote;
}

}  // namespace

ElectionLog::ElectionLog(agent_api::ElectionsKept kept) : kept_(std::move(kept)) {
    agent_api::bound(kept_);
    std::erase_if(kept_.searches,
                  [](const KeptSearch& search) { return searches_in(search.told).size() != 1; });
}

void ElectionLog::import(const std::vector<ElectionEntry>& history) {
    auto fresh = history.begin();
    if (!kept_.records.empty()) {
        const auto known = std::find(history.rbegin(), history.rend(), kept_.records.back().entry);
        if (known == history.rend()) {
            fresh = std::find_if(history.begin(), history.end(), [&](const ElectionEntry& entry) {
                return entry.at > kept_.records.back().entry.at;
            });
        } else {
            fresh = known.base();
        }
    }
    for (; fresh != history.end(); ++fresh) {
        ElectionRecord record;
        record.entry = *fresh;
        kept_.records.push_back(std::move(record));
    }
    agent_api::bound(kept_);
}

bool ElectionLog::take_searches(std::string_view told) {
    auto searches = searches_in(told);
    if (searches.empty()) return false;
    told_ = std::move(searches);
    bool changed = false;
    for (const Search& search : told_) {
        if (!led_to_something(search)) continue;
        KeptSearch kept{search.number, search.began, election::to_text(search)};
        const auto same =
            std::find_if(kept_.searches.begin(), kept_.searches.end(), [&](const KeptSearch& each) {
                return each.number == kept.number && each.began == kept.began;
            });
        if (same == kept_.searches.end()) {
            // One that was dropped for its age does not come back.
            const bool old = kept_.searches.size() >= agent_api::kSearchesMax &&
                             kept.began < kept_.searches.front().began;
            if (old || kept.told.size() > agent_api::kSearchBytesMax) continue;
            kept_.searches.push_back(std::move(kept));
            changed = true;
        } else if (same->told != kept.told) {
            same->told = std::move(kept.told);
            changed = true;
        }
    }
    std::ranges::stable_sort(kept_.searches, {}, &KeptSearch::began);
    agent_api::bound(kept_);
    return changed;
}

std::optional<Search> ElectionLog::last_search(WallMs since) const {
    if (told_.empty() || told_.back().began < since) return std::nullopt;
    return told_.back();
}

std::optional<WallMs> ElectionLog::searching_since() const {
    auto first = told_.rbegin();
    while (std::next(first) != told_.rend() && !std::next(first)->serving) ++first;
    // The search that a process begins with follows no leader that was lost.
    if (first->number <= 1) return std::nullopt;
    return first->began;
}

/// From the first entry without a leader to when the server served, by its own word where it gave one.
std::optional<std::uint64_t> ElectionLog::without_leader(const ElectionRecord& record) const {
    if (!has_leader(record.entry) || record.entry.role == agent_api::Role::standalone) {
        return std::nullopt;
    }
    if (kept_.records.empty()) return std::nullopt;
    const ElectionRecord& before = kept_.records.back();
    const bool told =
        !told_.empty() && told_.back().serving && told_.back().serving->epoch == record.entry.epoch;
    const WallMs served = told ? at(told_.back(), told_.back().serving->after) : WallMs(0);
    if (has_leader(before.entry)) {
        // It lost one leader and found another between two looks: only the server knows.
        const auto since = told ? searching_since() : std::nullopt;
        if (!since || *since < before.entry.at || served < *since) return std::nullopt;
        return static_cast<std::uint64_t>(served.value() - since->value());
    }
    auto first = kept_.records.rbegin();
    for (auto each = first; each != kept_.records.rend() && !has_leader(each->entry); ++each) {
        if (each->agent_away) return std::nullopt;
        first = each;
    }
    // When the agent began to look there was none already: since when is not known.
    const bool since_ever = std::next(first) == kept_.records.rend();
    if (since_ever || record.agent_away) return std::nullopt;
    const WallMs since = first->cause_at.value_or(first->entry.at);
    // A server that was silent tells how it came to serve before that; and clocks are set back.
    const WallMs until = served >= since ? served : record.entry.at;
    if (until < since) return std::nullopt;
    return static_cast<std::uint64_t>(until.value() - since.value());
}

void ElectionLog::add(ElectionRecord record) {
    record.without_leader_ms = without_leader(record);
    kept_.records.push_back(std::move(record));
    agent_api::bound(kept_);
}

std::string text_of(const std::vector<KeptSearch>& searches) {
    std::string text;
    for (const KeptSearch& search : searches) text += search.told;
    return text;
}

std::vector<agent_api::SeenSearch> seen_in(const std::vector<KeptSearch>& kept) {
    std::vector<agent_api::SeenSearch> all;
    for (const KeptSearch& each : kept) {
        for (const Search& search : searches_in(each.told)) {
            agent_api::SeenSearch seen;
            seen.began = search.began;
            seen.why = search.why;
            if (search.decided) {
                seen.leader = search.decided->vote.leader;
                seen.decided = at(search, search.decided->after);
            }
            if (search.serving) {
                seen.epoch = search.serving->epoch;
                seen.served = at(search, search.serving->after);
            }
            for (const Moment& moment : search.moments) {
                seen.votes.push_back(seen_vote(search, moment));
            }
            all.push_back(std::move(seen));
        }
    }
    return all;
}

}  // namespace zk::elections
