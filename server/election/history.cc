// What was seen of elections. See history.h.
#include "election/history.h"

#include <algorithm>
#include <utility>

#include <fmt/core.h>

namespace zk::election {
namespace {

/// Words that end up in a line: nothing in them ends it, or a quoted value.
std::string one_line(std::string_view words) {
    std::string line(words.substr(0, History::kWhyBytes));
    for (char& c : line) {
        if (c == '"') c = '\'';
        if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = ' ';
    }
    return line;
}

std::string list_of(const std::vector<ServerId>& servers) {
    std::string list;
    for (const ServerId sid : servers) list += (list.empty() ? "" : ",") + zk::to_string(sid);
    return list;
}

}  // namespace

std::string_view to_string(Moment::Kind kind) {
    switch (kind) {
        case Moment::Kind::cast:
            return "cast";
        case Moment::Kind::heard:
            return "heard";
        case Moment::Kind::doubted:
            return "doubted";
        case Moment::Kind::majority:
            return "majority";
        case Moment::Kind::lost:
            return "majority_lost";
    }
    return "unknown";
}

std::string_view to_string(Moment::Reason reason) {
    switch (reason) {
        case Moment::Reason::own:
            return "own";
        case Moment::Reason::better:
            return "better";
        case Moment::Reason::round:
            return "round";
        case Moment::Reason::overrated:
            return "overrated";
    }
    return "unknown";
}

void History::begin(const Beginning& beginning, Instant now) {
    if (searches_.size() == kSearches) searches_.pop_front();
    Search& search = searches_.emplace_back();
    search.number = ++count_;
    search.began = beginning.wall;
    search.why = why_;
    search.zxid = beginning.zxid;
    search.epoch = beginning.epoch;
    search.votes = beginning.votes;
    began_ = now;
    last_heard_.clear();
    majority_.clear();
}

void History::cast(const Vote& vote, Moment::Reason reason, Instant now) {
    majority_.clear();
    add({.kind = Moment::Kind::cast, .vote = vote, .reason = reason}, now);
}

void History::cast(
    const Vote& vote, Moment::Reason reason, ServerId from, std::optional<Rule> rule, Instant now) {
    majority_.clear();
    add({.kind = Moment::Kind::cast, .from = from, .vote = vote, .reason = reason, .rule = rule},
        now);
}

void History::heard(ServerId from, const Notification& notification, const Vote& own, Instant now) {
    const Notification said{notification.state, notification.vote, notification.version, {}};
    const auto [last, first_time] = last_heard_.try_emplace(from, said);
    if (!first_time && std::exchange(last->second, said) == said) return;
    // Votes of other rounds, and of those that have a leader, are not compared.
    const bool comparable = said.state == PeerState::looking && said.vote.round == own.round;
    add({.kind = Moment::Kind::heard,
         .from = from,
         .state = said.state,
         .vote = said.vote,
         .rule = comparable ? better_by(said.vote, own) : std::nullopt},
        now);
}

void History::doubted(ServerId from,
                      const Notification& notification,
                      std::string_view doubt,
                      Instant now) {
    add({.kind = Moment::Kind::doubted,
         .from = from,
         .state = notification.state,
         .vote = notification.vote,
         .doubt = doubt},
        now);
}

void History::majority(const std::vector<ServerId>& who, const Vote& vote, Instant now) {
    if (who == majority_) return;
    majority_ = who;
    const auto kind = who.empty() ? Moment::Kind::lost : Moment::Kind::majority;
    add({.kind = kind, .vote = vote, .who = who}, now);
}

void History::decided(PeerState state, const Vote& vote, Instant now) {
    if (searches_.empty()) return;
    searches_.back().decided = Search::Decision{since(now), state, vote};
    last_heard_.clear();
}

void History::serving(Epoch epoch, Instant now) {
    if (searches_.empty()) return;
    searches_.back().serving = Search::Reign{since(now), epoch};
}

void History::ended(std::string_view why, Instant now) {
    why_ = one_line(why);
    if (!searches_.empty()) searches_.back().ended = Search::End{since(now), why_};
}

void History::add(Moment moment, Instant now) {
    if (searches_.empty()) return;
    moment.after = since(now);
    std::vector<Moment>& moments = searches_.back().moments;
    if (moments.size() == kMoments) {
        moments.erase(moments.begin() + kFirst);
        ++searches_.back().left_out;
    }
    moments.push_back(std::move(moment));
}

namespace {

std::string line_of(const Moment& moment) {
    std::string line = fmt::format("{} after_us={}", to_string(moment.kind), moment.after.count());
    const bool heard = moment.kind == Moment::Kind::heard || moment.kind == Moment::Kind::doubted;
    if (moment.kind == Moment::Kind::cast) {
        line += fmt::format(" reason={}", to_string(moment.reason));
        if (moment.reason != Moment::Reason::own) line += " from=" + zk::to_string(moment.from);
    }
    if (heard)
        line += fmt::format(" from={} state={}", moment.from.value(), to_string(moment.state));
    line += " " + to_string(moment.vote);
    if (moment.rule) line += fmt::format(" rule={}", to_string(*moment.rule));
    if (!moment.doubt.empty()) line += fmt::format(" doubt={}", moment.doubt);
    if (!moment.who.empty()) line += " who=" + list_of(moment.who);
    return line + "\n";
}

std::string text_of(const Search& search) {
    std::string text = fmt::format(
        "search number={} began_ms={} epoch={} zxid={} votes={} left_out={} why=\"{}\"\n",
        search.number,
        search.began.value(),
        search.epoch.value(),
        zk::to_string(search.zxid),
        search.votes ? "yes" : "no",
        search.left_out,
        search.why);
    for (const Moment& moment : search.moments) text += line_of(moment);
    if (search.decided) {
        text += fmt::format("decided after_us={} state={} {}\n",
                            search.decided->after.count(),
                            to_string(search.decided->state),
                            to_string(search.decided->vote));
    }
    if (search.serving) {
        text += fmt::format("serving after_us={} epoch={}\n",
                            search.serving->after.count(),
                            search.serving->epoch.value());
    }
    if (search.ended) {
        text += fmt::format(
            "ended after_us={} why=\"{}\"\n", search.ended->after.count(), search.ended->why);
    }
    return text;
}

}  // namespace

std::string to_text(const History& history) {
    std::string text;
    for (const Search& search : history.searches()) text += text_of(search);
    return text;
}

}  // namespace zk::election
