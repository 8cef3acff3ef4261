// Actions as text, one line each.
// Pure.
#include "zab/actions.h"

namespace zk::zab {
namespace {

std::string hex(Zxid zxid) { return to_string(zxid); }
std::string link(LinkId id) { return "link=" + std::to_string(id); }

struct Describe {
    std::string operator()(const SendToLearner& a) const {
        return "send " + link(a.link) + ' ' + to_string(a.packet);
    }
    std::string operator()(const SendProposal& a) const {
        return "send " + link(a.link) + " PROPOSAL zxid=" + hex(a.zxid) +
               " data=" + std::to_string(a.bytes->size());
    }
    std::string operator()(const AwaitRoom& a) const { return "await_room " + link(a.link); }
    std::string operator()(const ReadHistory& a) const {
        return "read_history " + link(a.link) + " after=" + hex(a.after) + " up_to=" + hex(a.up_to);
    }
    std::string operator()(const SendSnapshot& a) const { return "send_snapshot " + link(a.link); }
    std::string operator()(const CloseLearner& a) const {
        return "close " + link(a.link) + " why=" + a.why;
    }
    std::string operator()(const DialLeader& a) const {
        return "dial leader=" + to_string(a.leader);
    }
    std::string operator()(const SendToLeader& a) const { return "send " + to_string(a.packet); }
    std::string operator()(const ReadLeader& a) const {
        return std::string("read_leader ") + (a.on ? "on" : "off");
    }
    std::string operator()(const ConfigVersion& a) const {
        return "config_version " + std::to_string(a.version);
    }
    std::string operator()(const CloseLeader& a) const { return "close why=" + a.why; }
    std::string operator()(const AppendTxn& a) const { return "append " + hex(a.zxid); }
    std::string operator()(const SaveAcceptedEpoch& a) const {
        return "save_accepted_epoch " + to_string(a.epoch);
    }
    std::string operator()(const SaveCurrentEpoch& a) const {
        return "save_current_epoch " + to_string(a.epoch);
    }
    std::string operator()(const TruncateLog& a) const { return "truncate " + hex(a.zxid); }
    std::string operator()(const LoadSnapshot& a) const { return "load_snapshot " + hex(a.zxid); }
    std::string operator()(const SaveSnapshot& a) const { return "save_snapshot " + hex(a.zxid); }
    std::string operator()(const Committed& a) const { return "committed " + hex(a.zxid); }
    std::string operator()(const Established& a) const {
        return "established epoch=" + to_string(a.epoch);
    }
    std::string operator()(const EpochChanged& a) const {
        return "epoch_changed " + to_string(a.epoch);
    }
    std::string operator()(const ForwardedRequest& a) const {
        return "forwarded " + link(a.link) + " from=" + to_string(a.from) +
               " session=" + to_string(a.session) + " cxid=" + to_string(a.cxid) +
               " op=" + std::string(to_string(a.op)) + " body=" + std::to_string(a.body.size()) +
               " auth=" + std::to_string(a.auth.size());
    }
    std::string operator()(const LearnerTouched& a) const {
        std::string text = "touched " + link(a.link);
        for (const auto& [session, timeout_ms] : a.sessions) {
            text += ' ' + to_string(session) + ':' + std::to_string(timeout_ms);
        }
        return text;
    }
    std::string operator()(const LearnerRevalidates& a) const {
        return "revalidates " + link(a.link) + " session=" + to_string(a.session) +
               " timeout_ms=" + std::to_string(a.timeout_ms);
    }
    std::string operator()(const RevalidateAnswered& a) const {
        return "revalidated session=" + to_string(a.session) + (a.valid ? " valid" : " invalid");
    }
    std::string operator()(const SyncAnswered& a) const {
        return "sync_answered token=" + std::to_string(a.token);
    }
    std::string operator()(const DiscardDatabase&) const { return "discard_database"; }
    std::string operator()(const GiveUp& a) const { return "give_up why=" + a.why; }
    std::string operator()(const Fatal& a) const { return "fatal why=" + a.why; }
};

}  // namespace

std::string to_string(const Action& action) { return std::visit(Describe{}, action); }

}  // namespace zk::zab
