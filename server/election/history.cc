// What was seen of elections. See history.h.
#include "election/history.h"

#include <algorithm>
#include <utility>

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

}  // namespace

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
                      Mistrust::Doubt doubt,
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

}  // namespace zk::election
