// The leader's phases, and broadcast.
// Pure. Source: ZooKeeper Leader.lead; docs/PROTOCOL.md 3.2 to 3.8.
#include "zab/leader.h"

#include <algorithm>
#include <utility>

#include "base/check.h"

namespace zk::zab {

Leader::Leader(Settings settings, Log log)
    : settings_(std::move(settings)), log_(std::move(log)), proposals_(settings_.members) {}

void Leader::start(Epoch accepted,
                   Epoch current,
                   Zxid last_logged,
                   Zxid last_durable,
                   const CommittedLog& committed,
                   Instant now,
                   Actions& out) {
    ZK_ASSERT(phase_ == Phase::idle);
    // Our own file may hold an absurd number as well; the history tells what reigns there have been.
    const Epoch reigned = std::max(current, last_logged.epoch());
    if (accepted.value() - reigned.value() > limits::kEpochStep) {
        ZK_COVERED("leader.absurd_own_epoch");
        log_.warn("leader.absurd_own_epoch accepted_epoch={} current_epoch={}", accepted, current);
        accepted = reigned;
    }
    highest_accepted_ = accepted_at_start_ = accepted;
    current_ = current;
    last_logged_ = last_logged;
    last_durable_ = last_durable;
    last_proposed_ = last_logged;
    committed_ = &committed;
    phase_ = Phase::discovery;
    phase_deadline_ = now + settings_.init_timeout();
    next_ping_ = now + settings_.tick / 2;
    log_.info("leader.start accepted_epoch={} current_epoch={} last_logged={}",
              accepted,
              current,
              last_logged);
    fix_epoch(now, out);
}

void Leader::on_learner_connected(LinkId link, std::set<ServerId> claims, Instant now, Actions&) {
    if (phase_ == Phase::gone) return;
    ZK_ASSERT(phase_ != Phase::idle);
    const bool added = links_.emplace(link, Link{}).second;
    ZK_ASSERT(added);
    links_.at(link).deadline = now + settings_.init_timeout();
    links_.at(link).claims = std::move(claims);
}

void Leader::on_link_closed(LinkId link, Instant, Actions&) {
    const auto it = links_.find(link);
    if (it == links_.end()) return;
    log_.info("leader.learner_lost link={} sid={}", link, it->second.sid);
    links_.erase(it);
}

// --- Discovery

/// Once FOLLOWERINFOs of a quorum are here, the epoch is the largest accepted one plus 1.
void Leader::fix_epoch(Instant, Actions& out) {
    ZK_ASSERT(phase_ == Phase::discovery);
    std::set<ServerId> present = sids_at_least(Stage::waiting_epoch);
    present.insert(settings_.my_id);
    if (!quorum().has_quorum(present)) return;
    epoch_ = Epoch(highest_accepted_.value() + 1);
    phase_ = Phase::saving_accepted;
    log_.info("leader.epoch epoch={}", epoch_);
    out.push_back(SaveAcceptedEpoch{epoch_});
}

void Leader::on_accepted_epoch_saved(Epoch epoch, Instant now, Actions& out) {
    if (phase_ != Phase::saving_accepted || epoch != epoch_) return;  // of an earlier role
    phase_ = Phase::collecting_acks;
    phase_deadline_ = now + settings_.init_timeout();
    for (auto& [id, link] : links_) {
        if (link.stage == Stage::waiting_epoch) send_leader_info(id, link, now, out);
    }
    epoch_acks_.insert(settings_.my_id);
    if (quorum().has_quorum(epoch_acks_)) begin_synchronization(now, out);
}

// --- Synchronisation

void Leader::begin_synchronization(Instant now, Actions& out) {
    ZK_ASSERT(phase_ == Phase::collecting_acks);
    phase_ = Phase::synchronization;
    phase_deadline_ = now + settings_.init_timeout();
    out.push_back(SaveCurrentEpoch{epoch_});
    for (auto& [id, link] : links_) {
        if (link.stage == Stage::waiting_quorum) synchronize(id, link, now, out);
    }
}

void Leader::on_current_epoch_saved(Epoch epoch, Instant now, Actions& out) {
    if (phase_ != Phase::synchronization || epoch != epoch_) return;  // of an earlier role
    // Our own NEWLEADER ack. The disk works first in, first out: our complete history is durable, then the epoch.
    self_acked_ = true;
    maybe_establish(now, out);
}

void Leader::maybe_establish(Instant now, Actions& out) {
    ZK_ASSERT(phase_ == Phase::synchronization);
    std::set<ServerId> acks = sids_at_least(Stage::acked);
    if (self_acked_) acks.insert(settings_.my_id);
    // Without our own ack our log may end before the history that the learners were sent.
    if (!self_acked_ || !quorum().has_quorum(acks)) return;
    phase_ = Phase::established;
    last_proposed_ = Zxid(epoch_, 0);
    quorum_check_due_ = false;
    log_.info("leader.established epoch={} followers={}", epoch_, acks.size() - 1);
    out.push_back(EpochChanged{epoch_});
    out.push_back(Established{epoch_});
    for (auto& [id, link] : links_) {
        if (link.stage == Stage::acked) send_up_to_date(id, link, now, out);
    }
}

// --- Broadcast

bool Leader::propose(Zxid zxid, SharedBytes bytes, Instant now, Actions& out) {
    if (phase_ == Phase::gone) return false;
    ZK_ASSERT(established() && zxid == next_zxid() && !window_full());
    if (zxid.counter() >= settings_.counter_limit) {
        ZK_COVERED("leader.rollover");
        give_up("the counter of epoch " + to_string(epoch_) + " is used up: a new epoch must start",
                out);
        return false;
    }
    last_proposed_ = zxid;
    for (auto& [id, link] : links_) {
        if (link.stage < Stage::syncing) continue;
        out.push_back(SendProposal{id, zxid, bytes});
        note_sent(link, zxid, now);
    }
    out.push_back(AppendTxn{zxid, bytes});
    proposals_.add(zxid, std::move(bytes));
    return true;
}

void Leader::on_log_durable(Zxid up_to, Instant, Actions& out) {
    if (phase_ == Phase::gone) return;
    const Zxid before = last_durable_;
    last_durable_ = std::max(last_durable_, up_to);
    proposals_.ack_range(before, last_durable_, settings_.my_id);
    commit_ready(out);
}

/// Commits from the oldest on, never out of order.
void Leader::commit_ready(Actions& out) {
    while (auto txn = proposals_.take_committed()) {
        // The quorum that has logged it follows us still; and answers come in the order of the requests.
        answer_syncs_below(txn->zxid, out);
        send_commit(*txn, out);
        const Zxid zxid = txn->zxid;
        out.push_back(Committed{zxid, std::move(txn->bytes)});
        answer_syncs(out);
    }
}

/// A learner between NEWLEADER and UPTODATE gets its COMMITs later: Java followers up to 3.9.2 leave otherwise.
void Leader::send_commit(const CommittedTxn& txn, Actions& out) {
    for (auto& [id, link] : links_) {
        if (link.stage < Stage::syncing) continue;
        Packet commit{PacketType::commit, txn.zxid, {}, {}};
        if (link.stage == Stage::serving) {
            out.push_back(SendToLearner{id, std::move(commit)});
        } else {
            ZK_COVERED("leader.commit_held");
            link.held_commits.push_back(std::move(commit));
        }
    }
}

// --- Syncs

void Leader::request_sync(std::uint64_t token, Actions& out) {
    if (phase_ == Phase::gone) return;
    ZK_ASSERT(established());
    add_sync({.link = std::nullopt, .token = token, .behind = {}}, out);
}

void Leader::request_sync_of(LinkId link, Actions& out) {
    if (!links_.contains(link)) return;
    add_sync({.link = link, .behind = {}}, out);
}

/// One round of pings at a time: syncs that come meanwhile share the next one.
void Leader::add_sync(PendingSync sync, Actions& out) {
    sync.behind = last_proposed_;
    sync.round = ping_round_ + 1;
    syncs_.push_back(sync);
    if (confirmed_round() < ping_round_) {
        another_round_ = true;
    } else {
        send_pings(out);
    }
    answer_syncs(out);
}

/// The newest round of pings that a quorum has answered, ourselves included.
std::uint64_t Leader::confirmed_round() const {
    std::vector<std::uint64_t> rounds{ping_round_};
    for (const auto& [id, link] : links_) rounds.push_back(link.answered_round);
    std::sort(rounds.rbegin(), rounds.rend());
    for (const std::uint64_t round : rounds) {
        std::set<ServerId> answered{settings_.my_id};
        for (const auto& [id, link] : links_) {
            if (link.stage == Stage::serving && link.answered_round >= round)
                answered.insert(link.sid);
        }
        if (quorum().has_quorum(answered)) return round;
    }
    return 0;
}

void Leader::answer_oldest_sync(Actions& out) {
    const PendingSync sync = syncs_.front();
    syncs_.pop_front();
    if (!sync.link) {
        out.push_back(SyncAnswered{sync.token});
    } else if (links_.contains(*sync.link)) {
        out.push_back(SendToLearner{*sync.link, {PacketType::sync, Zxid(0), {}, {}}});
    }
}

/// Those that came before the proposal that commits now.
void Leader::answer_syncs_below(Zxid committing, Actions& out) {
    while (!syncs_.empty() && syncs_.front().behind < committing) {
        ZK_COVERED("leader.sync_confirmed_by_commit");
        answer_oldest_sync(out);
    }
}

void Leader::answer_syncs(Actions& out) {
    if (syncs_.empty()) return;
    const std::uint64_t confirmed = confirmed_round();
    while (!syncs_.empty() && syncs_.front().round <= confirmed &&
           (proposals_.empty() || syncs_.front().behind < proposals_.first())) {
        ZK_COVERED("leader.sync_confirmed");
        answer_oldest_sync(out);
    }
    if (another_round_ && confirmed == ping_round_) send_pings(out);
}

void Leader::revalidated(LinkId link, SessionId session, bool valid, Actions& out) {
    if (!links_.contains(link)) return;
    Bytes data;
    jute::OutputArchive archive(data);
    archive(session, valid);
    out.push_back(SendToLearner{link, {PacketType::revalidate, Zxid(-1), std::move(data), {}}});
}

// --- Time

void Leader::on_tick(Instant now, Actions& out) {
    if (phase_ == Phase::gone) return;
    ZK_ASSERT(phase_ != Phase::idle);
    check_phase_deadline(now, out);
    if (phase_ == Phase::gone) return;
    check_links(now, out);
    if (now < next_ping_) return;
    // After a pause of the process one ping is enough.
    next_ping_ = std::max(next_ping_ + settings_.tick / 2, now);
    ping(now, out);
    if (std::exchange(quorum_check_due_, !quorum_check_due_)) check_quorum(out);
}

void Leader::check_phase_deadline(Instant now, Actions& out) {
    if (phase_ == Phase::established || now < phase_deadline_) return;
    const std::string limit = " within " + std::to_string(to_ms(settings_.init_timeout())) + " ms";
    switch (phase_) {
        case Phase::discovery:
            return give_up("no quorum of followers connected" + limit, out);
        case Phase::saving_accepted:
            return give_up("the accepted epoch was not written" + limit, out);
        case Phase::collecting_acks:
            return give_up("no quorum of followers accepted the epoch" + limit, out);
        case Phase::synchronization:
            return give_up("no quorum was synchronised" + limit, out);
        default:
            ZK_ASSERT(false);
    }
}

void Leader::check_links(Instant now, Actions& out) {
    std::vector<LinkId> silent;
    for (const auto& [id, link] : links_) {
        if (link.deadline && now >= *link.deadline) silent.push_back(id);
    }
    for (const LinkId id : silent) close(id, "nothing heard from it in time", out);
}

void Leader::ping(Instant now, Actions& out) {
    std::vector<LinkId> slow;
    for (const auto& [id, link] : links_) {
        if (link.stage < Stage::syncing) continue;
        if (!link.unacknowledged.empty() &&
            now - link.unacknowledged.front().sent >= settings_.sync_timeout()) {
            slow.push_back(id);
        }
    }
    for (const LinkId id : slow) close(id, "a proposal was not acknowledged in time", out);
    send_pings(out);
}

void Leader::send_pings(Actions& out) {
    ++ping_round_;
    another_round_ = false;
    for (auto& [id, link] : links_) {
        if (link.stage < Stage::syncing) continue;
        out.push_back(SendToLearner{id, {PacketType::ping, last_proposed_, {}, {}}});
        // Before UPTODATE learners do not answer.
        if (link.stage == Stage::serving) link.pings.push_back(ping_round_);
    }
}

/// A learner that is still on its way counts: its own deadlines bound that.
void Leader::check_quorum(Actions& out) {
    if (phase_ != Phase::established) return;
    std::set<ServerId> present = sids_at_least(Stage::waiting_epoch);
    present.insert(settings_.my_id);
    if (quorum().has_quorum(present)) return;
    give_up("followers are no quorum any more", out);
}

void Leader::give_up(std::string why, Actions& out) {
    ZK_ASSERT(phase_ != Phase::gone);
    log_.warn("leader.give_up why=\"{}\"", why);
    phase_ = Phase::gone;
    links_.clear();
    out.push_back(GiveUp{std::move(why)});
}

std::vector<LearnerView> Leader::learners() const {
    std::vector<LearnerView> views;
    for (const auto& [id, link] : links_) {
        if (link.stage == Stage::connected) continue;
        views.push_back({id, link.sid, link.stage == Stage::serving, link.last_acked});
    }
    return views;
}

std::optional<ServerId> Leader::voter_at(LinkId link) const {
    const auto found = links_.find(link);
    if (found == links_.end() || found->second.stage == Stage::connected) return std::nullopt;
    const ServerId sid = found->second.sid;
    return quorum().is_voter(sid) ? std::optional(sid) : std::nullopt;
}

std::set<ServerId> Leader::sids_at_least(Stage stage) const {
    std::set<ServerId> sids;
    for (const auto& [id, link] : links_) {
        if (link.stage >= stage) sids.insert(link.sid);
    }
    return sids;
}

}  // namespace zk::zab
