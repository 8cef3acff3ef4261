#include "events/timeline.h"

#include <algorithm>

#include <fmt/core.h>

#include "events/fate.h"
#include "status/table.h"

namespace zk::events {
namespace {

using election::Search;
using Kind = Happened::Kind;
using Source = Happened::Source;

WallMs on_our_clock(WallMs began, Duration after, const NodeWord& word) {
    const Duration at = Duration(milliseconds(began.value())) + after - word.clock_ahead;
    return WallMs(to_ms(at));
}

Duration last_word(const Search& search) {
    Duration last{};
    if (!search.moments.empty()) last = search.moments.back().after;
    if (search.decided) last = std::max(last, search.decided->after);
    if (search.serving) last = std::max(last, search.serving->after);
    if (search.ended) last = std::max(last, search.ended->after);
    return last;
}

/// `next`: that of the same server behind it.
void add_search(const NodeWord& word,
                const Search& search,
                const Search* next,
                std::vector<Happened>& all) {
    const auto add = [&](Duration after, Kind kind, std::string words) -> Happened& {
        all.push_back({on_our_clock(search.began, after, word),
                       word.sid,
                       Source::server,
                       kind,
                       std::move(words)});
        return all.back();
    };
    add(Duration{}, Kind::looks, "looks for a leader: " + search.why);
    if (search.decided) {
        const bool leads = search.decided->state == election::PeerState::leading;
        const ServerId leader = search.decided->vote.leader;
        add(search.decided->after,
            Kind::decided,
            leads ? "is elected" : "decides to follow " + to_string(leader))
            .leader = leader;
    }
    if (search.serving) {
        Happened& serves = add(search.serving->after,
                               Kind::serves,
                               "serves in epoch " + to_string(search.serving->epoch));
        serves.epoch = search.serving->epoch;
        if (search.decided) serves.leader = search.decided->vote.leader;
    }
    if (!search.ended) return;
    Happened& ended = add(search.ended->after, Kind::ended, "ends its role: " + search.ended->why);
    // The same moment, which the server reads from two clocks.
    if (next != nullptr) ended.at = std::min(ended.at, on_our_clock(next->began, {}, word));
}

Happened as_agent_saw(const std::vector<Witness>& witnesses,
                      const Witness& witness,
                      std::size_t index) {
    const agent_api::ElectionRecord& change = witness.changes[index];
    Happened saw{on_our_clock(change.entry.at, {}, witness.word),
                 witness.word.sid,
                 Source::agent,
                 Kind::role,
                 words_of(change.entry),
                 change.entry.epoch,
                 change.entry.leader};
    saw.change = change;
    saw.fate = fate_of_leader(witnesses, witness, index);
    if (const std::string why = words_of(change); !why.empty()) saw.words += ": " + why;
    if (saw.fate) saw.words += "; " + saw.fate->words;
    if (const std::string without = without_leader_words(change); !without.empty()) {
        saw.words += "; " + without;
    }
    return saw;
}

/// "13.4 ms": whole ones above ten.
std::string ms_text(Duration duration) { return std::to_string(to_ms(duration)) + " ms"; }

std::string clock_remark(const Witness& witness) {
    const Duration ahead = correction(witness.clock);
    if (ahead == Duration{}) return {};
    return fmt::format("The clock of {} is {} {} ours (within {}); that is taken off its times.",
                       witness.word.sid.value(),
                       ms_text(ahead < Duration{} ? -ahead : ahead),
                       ahead < Duration{} ? "behind" : "ahead of",
                       ms_text(witness.clock.uncertain));
}

}  // namespace

std::string_view to_string(Source source) { return source == Source::server ? "server" : "agent"; }

std::string_view to_string(Kind kind) {
    switch (kind) {
        case Kind::looks:
            return "looks";
        case Kind::decided:
            return "decided";
        case Kind::serves:
            return "serves";
        case Kind::ended:
            return "ended";
        case Kind::role:
            return "role";
    }
    return "unknown";
}

void take_elections(NodeWord& word,
                    const std::string& told,
                    const std::string& silence,
                    const std::string& kept) {
    std::vector<Search> all;
    // What was kept and cannot be read is not told: the agent has checked it.
    if (auto searches = election::parse_searches(kept); searches.has_value()) {
        all = *std::move(searches);
    }
    std::vector<Search> live;
    if (told.empty()) {
        word.why_not = silence.empty() ? "it says nothing of its elections" : silence;
    } else if (auto searches = election::parse_searches(told); searches.has_value()) {
        live = *std::move(searches);
    } else {
        word.why_not = searches.error().words;
    }
    // Of a search that both tell the server knows more.
    std::erase_if(all, [&](const Search& search) {
        return std::ranges::any_of(live, [&](const Search& each) {
            return each.number == search.number && each.began == search.began;
        });
    });
    word.kept = all.size();
    all.insert(all.end(), live.begin(), live.end());
    if (word.why_not.empty() || word.kept > 0) word.searches = std::move(all);
}

std::vector<agent_api::ElectionRecord> changes_of(
    std::vector<agent_api::ElectionRecord> changes,
    const std::vector<agent_api::ElectionEntry>& history) {
    for (const agent_api::ElectionEntry& entry : history) {
        const bool known = std::ranges::any_of(
            changes, [&](const agent_api::ElectionRecord& each) { return each.entry == entry; });
        if (known) continue;
        agent_api::ElectionRecord record;
        record.entry = entry;
        changes.push_back(std::move(record));
    }
    std::ranges::stable_sort(
        changes, {}, [](const agent_api::ElectionRecord& record) { return record.entry.at; });
    return changes;
}

std::vector<Happened> timeline(const std::vector<Witness>& witnesses, std::optional<WallMs> since) {
    std::vector<Happened> all;
    for (const Witness& witness : witnesses) {
        const NodeWord& word = witness.word;
        if (word.searches) {
            const auto& searches = *word.searches;
            for (std::size_t i = 0; i < searches.size(); ++i) {
                add_search(
                    word, searches[i], i + 1 < searches.size() ? &searches[i + 1] : nullptr, all);
            }
        }
        for (std::size_t i = 0; i < witness.changes.size(); ++i) {
            all.push_back(as_agent_saw(witnesses, witness, i));
        }
    }
    if (since) {
        std::erase_if(all, [&](const Happened& each) { return each.at < *since; });
    }
    std::ranges::stable_sort(all, {}, &Happened::at);
    return all;
}

std::vector<NodeWord> words_since(const std::vector<Witness>& witnesses,
                                  std::optional<WallMs> since) {
    std::vector<NodeWord> words;
    for (const Witness& witness : witnesses) {
        NodeWord word = witness.word;
        if (since && word.searches) {
            const auto is_old = [&](const Search& search) {
                return on_our_clock(search.began, last_word(search), word) < *since;
            };
            const auto kept = word.searches->begin() + static_cast<std::ptrdiff_t>(word.kept);
            word.kept -=
                static_cast<std::size_t>(std::count_if(word.searches->begin(), kept, is_old));
            std::erase_if(*word.searches, is_old);
        }
        words.push_back(std::move(word));
    }
    return words;
}

std::vector<std::string> remarks(const std::vector<Witness>& witnesses, Silent silent) {
    std::vector<std::string> lines;
    Duration uncertain{};
    for (const Witness& witness : witnesses) {
        if (!witness.silence.empty()) {
            lines.push_back(fmt::format(
                "! node {} does not answer: {}", witness.word.sid.value(), witness.silence));
            continue;
        }
        uncertain = std::max(uncertain, witness.clock.uncertain);
        if (!witness.word.why_not.empty() && silent == Silent::to_name) {
            lines.push_back(
                fmt::format("! node {} does not tell of votes: {}{}",
                            witness.word.sid.value(),
                            witness.word.why_not,
                            witness.word.kept > 0 ? "; what its agent has kept is told" : ""));
        }
        if (auto line = clock_remark(witness); !line.empty()) lines.push_back(std::move(line));
    }
    if (uncertain > Duration{}) {
        lines.push_back(fmt::format(
            "Times are of this host's clock; between two nodes an order is sure beyond {}.",
            ms_text(2 * uncertain)));
    }
    return lines;
}

std::string format_events(const Told& told, const std::vector<Witness>& witnesses) {
    std::string text;
    auto silent = Silent::to_name;
    const std::string where = told.since ? " since " + utc_text(*told.since) : "";
    if (told.explained) {
        const auto lines = explain(words_since(witnesses, told.since));
        for (const std::string& line : lines) text += line + "\n";
        if (!lines.empty()) silent = Silent::named;
        if (lines.empty()) text = "No server tells of an election that was decided" + where + ".\n";
    } else {
        std::vector<std::vector<std::string>> rows;
        for (const Happened& each : timeline(witnesses, told.since)) {
            rows.push_back({utc_text(each.at).substr(0, 19) +
                                fmt::format(".{:03}", ((each.at.value() % 1000) + 1000) % 1000),
                            to_string(each.node),
                            std::string(to_string(each.source)),
                            each.words});
        }
        text = rows.empty() ? "Nothing is remembered" + where + ".\n"
                            : status::format_table({"TIME (UTC)", "NODE", "SEEN BY", "WHAT"}, rows);
    }
    for (const std::string& line : remarks(witnesses, silent)) text += line + "\n";
    return text;
}

}  // namespace zk::events
