// The JSON form of events: the only file of this room that knows Boost.JSON.
#include <boost/json.hpp>

#include "events/timeline.h"

namespace zk::events {
namespace {

namespace json = boost::json;

template <class Number>
json::value value_or_null(const std::optional<Number>& number) {
    return number ? json::value(number->value()) : json::value(nullptr);
}
json::value word_of(std::string_view text) { return json::string(text); }
json::value words_or_null(const std::string& text) {
    return text.empty() ? json::value(nullptr) : word_of(text);
}

json::object node_of(const Witness& witness) {
    json::object object;
    object["id"] = witness.word.sid.value();
    object["host"] = word_of(witness.host);
    object["answered"] = witness.silence.empty();
    object["error"] = words_or_null(witness.silence);
    object["tells_votes"] = witness.word.searches.has_value() && witness.word.why_not.empty();
    object["searches_kept"] = witness.word.kept;
    object["why_not"] = words_or_null(witness.silence.empty() ? witness.word.why_not : "");
    object["clock_ahead_ms"] = to_ms(witness.clock.ahead);
    object["clock_uncertain_ms"] = to_ms(witness.clock.uncertain);
    object["clock_corrected_ms"] = to_ms(witness.word.clock_ahead);
    return object;
}

template <class Number>
json::value count_or_null(const std::optional<Number>& number) {
    return number ? json::value(*number) : json::value(nullptr);
}

void add_cause(json::object& object, const Happened& happened) {
    if (!happened.change) return;
    const agent_api::ElectionRecord& change = *happened.change;
    object["role"] = word_of(to_string(change.entry.role));
    object["cause"] = word_of(to_string(change.cause));
    object["cause_words"] = words_or_null(words_of(change));
    object["signal"] = count_or_null(change.signal);
    object["exit_status"] = count_or_null(change.exit_status);
    object["without_leader_ms"] = count_or_null(change.without_leader_ms);
    object["agent_away"] = change.agent_away;
    object["leader_fate"] = nullptr;
    if (!happened.fate) return;
    json::object fate;
    fate["leader"] = happened.fate->leader.value();
    fate["cause"] = word_of(happened.fate->cause);
    fate["words"] = word_of(happened.fate->words);
    object["leader_fate"] = std::move(fate);
}

json::object event_of(const Happened& happened) {
    json::object object;
    object["at_ms"] = happened.at.value();
    object["node"] = happened.node.value();
    object["seen_by"] = word_of(to_string(happened.source));
    object["kind"] = word_of(to_string(happened.kind));
    object["epoch"] = value_or_null(happened.epoch);
    object["leader"] = value_or_null(happened.leader);
    object["words"] = word_of(happened.words);
    add_cause(object, happened);
    return object;
}

}  // namespace

std::string events_json(const Told& told, const std::vector<Witness>& witnesses) {
    json::object document;
    document["schema"] = "zkprov.events/1";
    document["cluster"] = word_of(told.cluster);
    document["exit_code"] = told.exit_code;
    document["since_ms"] = value_or_null(told.since);
    json::array nodes;
    for (const Witness& witness : witnesses) nodes.push_back(node_of(witness));
    document["nodes"] = std::move(nodes);
    json::array events;
    for (const Happened& each : timeline(witnesses, told.since)) events.push_back(event_of(each));
    document["events"] = std::move(events);
    if (told.explained) {
        json::array lines;
        for (const std::string& line : explain(words_since(witnesses, told.since))) {
            lines.push_back(word_of(line));
        }
        document["explanation"] = std::move(lines);
    }
    return json::serialize(document) + "\n";
}

}  // namespace zk::events
