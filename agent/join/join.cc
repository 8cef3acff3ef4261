#include "join/join.h"

#include <algorithm>
#include <utility>

#include "base/check.h"
#include "identity/identity.h"

namespace zk::join {
namespace {

constexpr Duration kPause = std::chrono::seconds(1);
constexpr int kPauseDoublings = 5;  ///< the longest pause is 32 s

/// What is in the way and may go away by itself; empty: nothing.
std::string obstacle_in(const Looked& looked) {
    if (!looked.facts.data.unreadable.empty()) {
        return looked.facts.data.unreadable + "; whether there are data cannot be known";
    }
    for (const agent_api::PortFact& port : looked.facts.ports) {
        if (port.ours) continue;
        return "port " + std::to_string(port.port) + " is held by " +
               (port.owner.empty() ? "another program" : port.owner) + "; stop that program";
    }
    // Taking it in is a controller's to ask for.
    if (looked.facts.outside) {
        return words_of(*looked.facts.outside) +
               " serves from this node's directories already; stop that program, or let zkprov "
               "import take it in";
    }
    for (const agent_api::SpaceFact& space : looked.facts.space) {
        if (space.read_only) return space.path + " lies on a disk that cannot be written";
    }
    return "";
}

}  // namespace

Join::Join(Settings settings, std::optional<Record> record)
    : settings_(std::move(settings)), record_(record.value_or(Record())) {}

Effects Join::on(const Event& event, Instant now) {
    out_.clear();
    now_ = now;
    if (!began_) began_ = now;
    if (ended()) return {};
    std::visit([this](const auto& what) { take(what); }, event);
    if (!ended() && !pending_ && now_ >= retry_at_) go_on();
    return std::exchange(out_, {});
}

std::optional<formation::Word> Join::word() const {
    // Before it has looked at its disks it does not know whether it is empty.
    const bool known = sid_ && looked_ && !record_.formation.nonce.empty() &&
                       stage_ != Stage::identify && stage_ != Stage::preflight;
    if (!known) return std::nullopt;
    formation::Word word;
    word.cluster = settings_.cluster;
    word.sid = *sid_;
    word.members_hash = settings_.members_hash;
    word.machine = settings_.machine;
    word.nonce = record_.formation.nonce;
    word.generation = record_.generation;
    word.has_data = has_data_;
    word.serving = stage_ == Stage::done;
    word.ticket = record_.formation.ticket;
    word.incarnation = record_.incarnation;
    const bool remembers = memory_ && memory_->cluster == settings_.cluster &&
                           memory_->generation == record_.generation;
    if (remembers) word.remembers = memory_->members;
    return word;
}

agent_api::JoinReport Join::report() const {
    agent_api::JoinReport report;
    report.stage = stage_;
    report.cluster = settings_.cluster;
    report.sid = sid_;
    report.generation = record_.generation;
    report.way = way_;
    report.words = words_;
    report.warnings = warnings_;
    if (!sid_ || !record_.generation.empty()) return report;
    for (const auto& member : settings_.members) {
        if (member.first == *sid_ || heard_.contains(member.first)) continue;
        report.unheard.push_back(member.first);
    }
    return report;
}

void Join::take(const Addresses& addresses) {
    if (!pending_ || !std::holds_alternative<FindAddresses>(*pending_)) return;
    pending_.reset();
    failures_ = 0;
    std::vector<formation::Claim> claims = addresses.claims;
    claims.push_back({"this host's record of its formation",
                      "",
                      std::nullopt,
                      record_.generation,
                      record_.formation.machine});
    const formation::Host host{addresses.own, settings_.machine, settings_.node};
    const auto who = formation::identify({settings_.cluster, addresses.members}, host, claims);
    words_ = who.words;
    if (!who.sid && !who.may_change) return fail(who.words);
    if (!who.sid) {
        retry_at_ = now_ + kPause;
        return;
    }
    sid_ = who.sid;
    stage_ = Stage::preflight;
}

void Join::take(const Looked& looked) {
    if (!pending_ || !std::holds_alternative<Look>(*pending_)) return;
    pending_.reset();
    failures_ = 0;
    const auto& recorded = looked.facts.identity;
    // A controller was here before, or the record of joining was lost: the host's other record stands in for it.
    const bool same = recorded && recorded->cluster == settings_.cluster && recorded->sid == *sid_;
    if (record_.generation.empty() && same) {
        adopted_ = recorded->generation;
        adopted_incarnation_ = recorded->incarnation;
    }
    agent_api::NodeSpec spec = looked.spec;
    spec.generation = record_.generation.empty() ? adopted_ : record_.generation;
    spec.incarnation = record_.generation.empty() ? adopted_incarnation_ : record_.incarnation;
    spec.formation = agent_api::Formation::join;
    words_ = obstacle_in(looked);
    if (!words_.empty()) {
        retry_at_ = now_ + kPause;
        return;
    }
    if (auto conflict = identity::check_identity(spec, looked.facts)) return fail(conflict->words);
    has_data_ = looked.facts.data.state == agent_api::DataState::data;
    mark_ = looked.facts.data.initialize;
    lost_data_ = same && recorded->stored && !has_data_ && recorded->generation == spec.generation;
    memory_ = looked.facts.memory;
    looked_ = true;
    stage_ = Stage::fetch;
}

void Join::take(const Heard& heard) {
    if (asked_.erase(heard.from) > 0) heard_[heard.from] = heard.word;
}

void Join::take(const Unheard& unheard) {
    asked_.erase(unheard.from);
    if (ran_) heard_.erase(unheard.from);  // whether the data are lost depends on who is there now
}

void Join::take(const Done& done) {
    if (!pending_) return;
    const Effect effect = *std::exchange(pending_, std::nullopt);
    if (done.hopeless) return fail(done.error);
    if (!done.error.empty()) {
        words_ = done.error;
        // What was seen of the host may not be true any more: it is looked at again.
        const bool looks_again = std::holds_alternative<Store>(effect) ||
                                 std::holds_alternative<SetMark>(effect) ||
                                 std::holds_alternative<TakeMark>(effect);
        if (looks_again) stage_ = Stage::preflight;
        retry_at_ = now_ + kPause * (1 << std::min(failures_++, kPauseDoublings));
        return;
    }
    failures_ = 0;
    if (const auto* store = std::get_if<Store>(&effect)) {
        if (store->record.incarnation != record_.incarnation) lost_data_ = false;
        record_ = store->record;
    } else if (std::holds_alternative<SetMark>(effect)) {
        mark_ = true;
    } else if (std::holds_alternative<TakeMark>(effect)) {
        mark_ = false;
    } else if (std::holds_alternative<Fetch>(effect)) {
        stage_ = Stage::wait_peers;
        record_.generation.empty() ? ask_all() : ask_once();
    } else if (std::holds_alternative<BringUp>(effect)) {
        ran_ = true;
        heard_.clear();
    }
}

void Join::take(const Served& served) {
    if (!pending_ || !std::holds_alternative<LookAtServer>(*pending_)) return;
    pending_.reset();
    words_ = served.words;
    retry_at_ = now_ + kPause;
    has_data_ = has_data_ || served.serving || served.has_data;
    if (awaits_data()) {
        // Who served when it joined may be the last one by now, or have said so a moment too long.
        auto lost = formation::words_if_lost(settings_.members, *word(), heard_);
        refused_ = !lost.empty();
        if (refused_) return fail(std::move(lost));
    }
    if (!served.serving) return;
    stage_ = Stage::done;
}

void Join::take(const Tick&) {
    if (settings_.patience > Duration(0) && now_ - *began_ >= settings_.patience) {
        return fail("gave up after " + std::to_string(to_ms(settings_.patience) / 1000) +
                    " s: " + words_);
    }
    if (stage_ == Stage::wait_peers || stage_ == Stage::decide) ask_all();
    if (awaits_data()) ask_others();
}

bool Join::awaits_data() const {
    return stage_ == Stage::run && ran_ && way_ == agent_api::JoinWay::joined && !has_data_;
}

void Join::ask_others() {
    for (const auto& member : settings_.members) {
        if (member.first == *sid_ || !asked_.insert(member.first).second) continue;
        out_.emplace_back(Ask{member.first});
    }
}

/// What has a record starts, unless the others say that it was replaced. One answer or none of each is enough: a member that
/// is silent must not keep it waiting.
void Join::ask_once() {
    waits_for_all_ = true;
    ask_others();
}

/// The next in the place of all that this node has heard of itself.
agent_api::Incarnation Join::next_incarnation() const {
    std::uint64_t number = agent_api::number_of(record_.incarnation);
    for (const auto& [from, word] : heard_) {
        const auto told = word.remembers.find(*sid_);
        if (told != word.remembers.end()) number = std::max(number, told->second.number);
    }
    agent_api::Incarnation next = settings_.fresh_incarnation;
    next.number = std::min(number + 1, agent_api::kIncarnationMax);
    return next;
}

void Join::ask_all() {
    if (record_.generation.empty()) ask_others();
}

/// REQUIRES: no effect is under way.
void Join::go_on() {
    switch (stage_) {
        case Stage::identify:
            return demand(FindAddresses{});
        case Stage::preflight:
            return demand(Look{*sid_});
        case Stage::fetch: {
            Record record = record_;
            if (record.formation.nonce.empty()) {
                record.formation.machine = settings_.machine;
                record.formation.nonce = settings_.fresh_nonce;
            }
            if (record.generation.empty()) {
                record.generation = adopted_;
                record.incarnation = adopted_incarnation_;
            }
            if (record != record_) return demand(Store{std::move(record)});
            return demand(Fetch{});
        }
        case Stage::wait_peers:
        case Stage::decide:
            return decide();
        case Stage::run:
            if (ran_) return demand(LookAtServer{});
            return start(words_);
        case Stage::done:
        case Stage::failed:
            return;
    }
}

void Join::decide() {
    if (waits_for_all_ && !asked_.empty()) return;
    waits_for_all_ = false;
    formation::Decision decision =
        formation::decide(settings_.members, *word(), heard_, settings_.fresh_generation);
    words_ = decision.words;
    warnings_ = decision.warnings;
    stage_ = report().unheard.empty() ? Stage::decide : Stage::wait_peers;
    Record record = record_;
    switch (decision.step) {
        case formation::Step::wait:
            return;
        case formation::Step::refuse:
            refused_ = true;
            return fail(std::move(decision.words));
        case formation::Step::start:
            if (!lost_data_) return start(decision.words);
            // The disk with the data may come back: it must not be taken for this node's.
            record.incarnation = next_incarnation();
            return demand(Store{std::move(record)});
        case formation::Step::sign:
            record.formation.ticket = std::move(decision.ticket);
            return demand(Store{std::move(record)});
        case formation::Step::form:
            // The mark first: a crash in between forms again, and no server has started.
            if (!mark_) return demand(SetMark{});
            record.formation.ticket = std::move(decision.ticket);
            record.generation = std::move(decision.generation);
            record.incarnation.reset();
            return demand(Store{std::move(record)});
        case formation::Step::join:
            // Whoever has not answered yet may remember a later incarnation.
            if (!asked_.empty()) return;
            // A mark that is still there would be a vote; once the record is written nobody asks for it again.
            if (mark_) return demand(TakeMark{});
            way_ = agent_api::JoinWay::joined;
            record.incarnation = next_incarnation();
            record.generation = std::move(decision.generation);
            return demand(Store{std::move(record)});
    }
}

void Join::start(const std::string& words) {
    stage_ = Stage::run;
    words_ = words;
    // After a crash the mark may be all that is left of forming: it is kept, and never written anew here.
    const bool forms = mark_ && !has_data_;
    if (forms) {
        way_ = agent_api::JoinWay::formed;
    } else if (way_ == agent_api::JoinWay::none) {
        way_ = agent_api::JoinWay::started;
    }
    demand(BringUp{record_.generation,
                   record_.incarnation,
                   forms ? agent_api::Formation::form : agent_api::Formation::join});
}

void Join::demand(Effect effect) {
    ZK_ASSERT(!pending_);
    pending_ = effect;
    out_.push_back(std::move(effect));
}

void Join::fail(std::string words) {
    stage_ = Stage::failed;
    words_ = std::move(words);
    pending_.reset();
}

}  // namespace zk::join
