#include "agent_api/election_record.h"

#include <algorithm>
#include <utility>

namespace zk::agent_api {
namespace {

constexpr std::int64_t kWallMsMax =
    32'503'680'000'000;  // the year 3000: sums of times stay in range

std::string signal_name(std::int64_t signal) {
    constexpr std::array<std::pair<int, std::string_view>, 12> kNames = {{{1, "SIGHUP"},
                                                                          {2, "SIGINT"},
                                                                          {3, "SIGQUIT"},
                                                                          {4, "SIGILL"},
                                                                          {6, "SIGABRT"},
                                                                          {7, "SIGBUS"},
                                                                          {8, "SIGFPE"},
                                                                          {9, "SIGKILL"},
                                                                          {11, "SIGSEGV"},
                                                                          {13, "SIGPIPE"},
                                                                          {15, "SIGTERM"},
                                                                          {31, "SIGSYS"}}};
    for (const auto& [number, name] : kNames) {
        if (number == signal) return std::to_string(signal) + " (" + std::string(name) + ")";
    }
    return std::to_string(signal);
}

std::string said_of(const ElectionRecord& record) {
    switch (record.cause) {
        case Cause::unknown:
            return {};
        case Cause::first_look:
            return "the first look of this node's agent";
        case Cause::host_booted:
            return "its host booted";
        case Cause::killed:
            return "its process was killed by signal " + signal_name(record.signal.value_or(0));
        case Cause::exited:
            return "its process ended with status " +
                   std::to_string(record.exit_status.value_or(0));
        case Cause::watchdog:
            return "its watchdog ended its process";
        case Cause::ended:
            return "its process ended; how is not known";
        case Cause::restarted:
            return "restarted by zkprov";
        case Cause::stopped:
            return "stopped by zkprov";
        case Cause::stopped_else:
            return "stopped on purpose, not by zkprov";
        case Cause::started:
            return "its process was started";
        case Cause::silent:
            return "its process does not answer";
        case Cause::answers:
            return "the same process answers again";
        case Cause::stranger:
            return "another server answers in its place";
        case Cause::leader_lost:
            return "its leader went away";
        case Cause::quorum_lost:
            return "it lost its quorum";
        case Cause::role_left:
            return "it ceased to lead";
        case Cause::elected:
            return "the search for a leader came to its end";
    }
    return {};
}

void cut(std::string& text, std::size_t bytes) {
    if (text.size() > bytes) text.resize(bytes);
    for (char& c : text) {
        if (c < ' ' || c > '~') c = '?';
    }
}

WallMs bounded(WallMs at) { return std::clamp(at, WallMs(0), WallMs(kWallMsMax)); }

template <class T>
void drop_oldest(std::vector<T>& items, std::size_t most) {
    if (items.size() <= most) return;
    items.erase(items.begin(), items.end() - static_cast<std::ptrdiff_t>(most));
}

}  // namespace

std::string words_of(const ElectionRecord& record) {
    std::string words = said_of(record);
    if (!record.words.empty()) words += (words.empty() ? "" : " (") + record.words;
    if (words.size() > record.words.size() && !record.words.empty()) words += ")";
    if (record.agent_away) {
        words += std::string(words.empty() ? "" : "; ") + "no agent looked for a while before";
    }
    return words;
}

std::string without_leader_words(const ElectionRecord& record) {
    if (!record.without_leader_ms) return {};
    const std::uint64_t ms = *record.without_leader_ms;
    if (ms < 1000) return std::to_string(ms) + " ms without a leader";
    const std::uint64_t tenths = (ms + 50) / 100;
    return std::to_string(tenths / 10) + "." + std::to_string(tenths % 10) + " s without a leader";
}

ElectionNews news_of(const ElectionRecord& record) {
    return {record.entry, record.cause, words_of(record), record.without_leader_ms};
}

std::vector<RoleCause> causes_of(const std::vector<ElectionRecord>& records) {
    std::vector<RoleCause> causes;
    for (const ElectionRecord& record : records) {
        std::string words = words_of(record);
        const std::string without = without_leader_words(record);
        if (!words.empty() && !without.empty()) words += "; ";
        words += without;
        if (!words.empty()) causes.push_back({record.entry.at, std::move(words)});
    }
    return causes;
}

void bound(ElectionsKept& kept) {
    drop_oldest(kept.records, kRecordsMax);
    for (ElectionRecord& record : kept.records) {
        record.entry.at = bounded(record.entry.at);
        if (record.cause_at) record.cause_at = bounded(*record.cause_at);
        cut(record.words, kRecordWordsMax);
    }
    cut(kept.boot, 64);
    cut(kept.silence, kRecordWordsMax);
    drop_oldest(kept.searches, kSearchesMax);
    std::size_t bytes = 0;
    std::size_t keep = 0;
    for (auto search = kept.searches.rbegin(); search != kept.searches.rend(); ++search) {
        bytes += search->told.size();
        if (search->told.size() > kSearchBytesMax || bytes > kSearchesBytesMax) break;
        ++keep;
    }
    drop_oldest(kept.searches, keep);
}

}  // namespace zk::agent_api
