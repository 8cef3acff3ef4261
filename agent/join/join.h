// How a node that is born without a controller comes into its ensemble: zkprov-agent join, as a state machine.
// Pure. Events go in, effects come out; the shell carries out an effect and says so with the next event. Everything that
// must outlive a reboot is in Record, so that a reboot at any point only means: begin again with what was recorded. Who may
// form is not decided here but by agent/formation. Rules: docs/PROVISIONING.md 2.3 to 2.5.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <variant>
#include <vector>

#include "agent_api/formation_word.h"
#include "agent_api/join_report.h"
#include "agent_api/node_facts.h"
#include "agent_api/node_spec.h"
#include "base/ids.h"
#include "base/time.h"
#include "formation/formation.h"
#include "formation/identify.h"

namespace zk::join {

/// What outlives a reboot. The generation lies in the host's recorded identity, the rest beside it.
struct Record {
    agent_api::FormationRecord formation;                 ///< its nonce is empty before the first
    std::string generation;                               ///< empty: neither formed nor joined
    std::optional<agent_api::Incarnation> incarnation{};  ///< of that generation

    friend bool operator==(const Record&, const Record&) = default;
};

struct Settings {
    std::string cluster;
    std::string members_hash;
    formation::Members members;
    std::optional<ServerId> node;  ///< the user says who this node is
    std::string machine;           ///< hash of the machine-id; empty: it has none
    std::string fresh_nonce;       ///< random; used where nothing was recorded
    std::string fresh_generation;  ///< random; used where this node issues the first ticket
    /// Its random id and the time; used where this node is made anew.
    agent_api::Incarnation fresh_incarnation{};
    Duration patience{0};  ///< then it gives up; 0: never
};

/// Of this host and of the members, whose names the shell has looked up.
struct Addresses {
    std::vector<formation::OwnAddress> own;
    std::map<ServerId, std::vector<std::string>> members;
    std::vector<formation::Claim> claims;  ///< of what else lies on this host
};
/// The node as it should be, and as it is.
struct Looked {
    agent_api::NodeSpec spec;
    agent_api::NodeFacts facts;
};
struct Heard {
    formation::Word word;
    ServerId from;  ///< whose address answered
};
struct Unheard {
    ServerId from;
};
/// The effect under way is done, or why not: then it is tried again later, unless a person has to decide.
struct Done {
    std::string error;
    bool hopeless = false;
};
struct Served {
    bool serving = false;
    std::string words;
    bool has_data = false;  ///< on its disk
};
/// Time has passed; once a second.
struct Tick {};
using Event = std::variant<Addresses, Looked, Heard, Unheard, Done, Served, Tick>;

struct FindAddresses {};  ///< answered by Addresses or Done with an error, as are the next three
struct Look {
    ServerId sid;
};
struct Fetch {};  ///< the server's program, checked, to where BringUp finds it
struct Store {
    Record record;  ///< durable before Done is said
};
struct SetMark {};   ///< write `initialize`, durable, with the directories that it needs
struct TakeMark {};  ///< remove it, durable
struct BringUp {
    std::string generation;
    std::optional<agent_api::Incarnation> incarnation;
    /// form: the mark is there and stays. It is never written by this.
    agent_api::Formation formation = agent_api::Formation::join;
};
struct LookAtServer {};  ///< answered by Served
struct Ask {
    ServerId sid;  ///< answered by Heard or Unheard; several at once
};
using Effect =
    std::variant<FindAddresses, Look, Fetch, Store, SetMark, TakeMark, BringUp, LookAtServer, Ask>;
using Effects = std::vector<Effect>;

class Join {
  public:
    Join(Settings settings, std::optional<Record> record);

    /// The first event is a Tick.
    Effects on(const Event& event, Instant now);

    /// What to say to whoever asks; nothing before this node knows who it is. Only what is durable.
    [[nodiscard]] std::optional<formation::Word> word() const;
    [[nodiscard]] agent_api::JoinReport report() const;
    [[nodiscard]] agent_api::JoinStage stage() const { return stage_; }
    /// It refused because of what the others say: those that are still asking need its Word to come to the same.
    [[nodiscard]] bool refused() const { return refused_; }

  private:
    using Stage = agent_api::JoinStage;

    void take(const Addresses& addresses);
    void take(const Looked& looked);
    void take(const Heard& heard);
    void take(const Unheard& unheard);
    void take(const Done& done);
    void take(const Served& served);
    void take(const Tick& tick);

    void go_on();
    void ask_all();
    void ask_once();
    void ask_others();
    /// It joined, its server runs, and the leader has not brought it up to date yet.
    [[nodiscard]] bool awaits_data() const;
    void decide();
    [[nodiscard]] agent_api::Incarnation next_incarnation() const;
    void start(const std::string& words);
    void demand(Effect effect);
    void fail(std::string words);
    [[nodiscard]] bool ended() const { return stage_ == Stage::done || stage_ == Stage::failed; }

    Settings settings_;
    Record record_;  ///< as it is on disk
    Stage stage_ = Stage::identify;
    std::optional<ServerId> sid_;
    std::string words_;
    std::vector<std::string> warnings_;
    agent_api::JoinWay way_ = agent_api::JoinWay::none;
    std::string adopted_;  ///< the generation that the host's other record names
    std::optional<agent_api::Incarnation> adopted_incarnation_;  ///< as that record says
    bool lost_data_ = false;  ///< this incarnation had data, and they are gone
    std::optional<agent_api::MemberMemory> memory_;
    bool looked_ = false;
    bool refused_ = false;
    bool waits_for_all_ = false;  ///< a node with a record: until each has answered or not
    bool has_data_ = false;
    bool mark_ = false;
    formation::Heard heard_;
    std::set<ServerId> asked_;
    std::optional<Effect> pending_;  ///< one at a time, beside questions to others
    bool ran_ = false;
    int failures_ = 0;  ///< of the effect that is tried again
    Instant retry_at_{};
    Instant now_{};
    std::optional<Instant> began_;
    Effects out_;
};

}  // namespace zk::join
