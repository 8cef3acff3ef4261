#include "agent_serve/event_log.h"

#include <algorithm>

#include "base/numbers.h"

namespace zk::agent_serve {
namespace {

constexpr std::size_t kEventsMax = 2 * agent_api::kHistoryMax;

}  // namespace

std::string EventLog::add(std::string_view kind, WallMs at, const std::string& data) {
    const std::int64_t next = events_.empty() ? 1 : events_.back().id + 1;
    Event event;
    event.id = std::max(next, at.value());
    event.text = "id: " + std::to_string(event.id) + "\nevent: ";
    event.text.append(kind).append("\ndata: ").append(data).append("\n\n");
    events_.push_back(std::move(event));
    if (events_.size() > kEventsMax) events_.pop_front();
    return events_.back().text;
}

void EventLog::restore(const std::vector<agent_api::ElectionRecord>& changes) {
    for (const agent_api::ElectionRecord& change : changes) {
        add("election", change.entry.at, to_json(news_of(change)));
        last_election_ = change.entry;
    }
}

std::string EventLog::note(const agent_api::NodeHealth& health,
                           const std::vector<agent_api::ElectionRecord>& changes) {
    std::string news;
    if (last_verdict_ != health.verdict) {
        last_verdict_ = health.verdict;
        agent_api::VerdictEntry entry{health.wall_ms, health.verdict, health.reasons};
        news += add("verdict", entry.at, to_json(entry));
    }
    // They are bounded in number: what is new stands behind what was their end.
    auto fresh = changes.begin();
    if (last_election_) {
        const auto known = std::find_if(changes.rbegin(), changes.rend(), [&](const auto& change) {
            return change.entry == *last_election_;
        });
        if (known != changes.rend()) fresh = known.base();
    }
    for (; fresh != changes.end(); ++fresh) {
        news += add("election", fresh->entry.at, to_json(news_of(*fresh)));
        last_election_ = fresh->entry;
    }
    return news;
}

std::string EventLog::since(std::string_view last_event_id) const {
    const auto last = parse_number<std::int64_t>(last_event_id);
    std::string text;
    if (!last) return text;
    for (const Event& event : events_) {
        if (event.id > *last) text += event.text;
    }
    return text;
}

}  // namespace zk::agent_serve
